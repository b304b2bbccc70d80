"""Samples: every format and CRS gives the same points; what is useless is counted or refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
from shapely.geometry import MultiPoint, Point, box

from minecover.accuracy.blocks import random_folds, spatial_folds
from minecover.errors import DataError, MinecoverError, SurveyError
from minecover.geography.grid import Grid
from minecover.samples import files as pointfiles
from minecover.samples.points import Points, check_counts, read_points
from minecover.samples.sample_set import parquet_bytes, samples_table
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

CRS = "EPSG:32649"
LEFT, TOP = 500_000, 4_400_000
CLASSES = {"forest": 3, "water": 7, "mine": 1}


def survey(path: Path | str, **samples: Any) -> Survey:
    return Survey.model_validate(
        {
            "name": "test",
            "area": {"bbox": (LEFT, TOP - 1600, LEFT + 2000, TOP), "crs": CRS},
            "grid": {"crs": CRS, "tile": 64},
            "seasons": {"summer": ["2024-06-01/2024-08-31"]},
            "catalog": {"url": "catalog.json"},
            "classes": [
                {"code": code, "name": name, "colour": "#336699"} for name, code in CLASSES.items()
            ],
            "samples": {"path": str(path), "folds": 2, **samples},
        }
    )


def labelled(count: int = 12) -> gpd.GeoDataFrame:
    """Points 100 m apart on pixel centres, 4 of each class."""
    places = [(LEFT + 105 + 100 * (i % 6), TOP - 205 - 100 * (i // 6)) for i in range(count)]
    return gpd.GeoDataFrame(
        {"class": list(CLASSES) * (count // 3)}, geometry=[Point(p) for p in places], crs=CRS
    )


def save(frame: gpd.GeoDataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame.drop(columns="geometry").assign(x=frame.geometry.x, y=frame.geometry.y).to_csv(
            path, index=False
        )
    elif path.suffix in {".parquet", ".geoparquet"}:
        frame.to_parquet(path)
    else:
        frame.to_file(path)
    return path


def read(frame: gpd.GeoDataFrame, folder: Path, name: str = "p.gpkg", **samples: Any) -> Points:
    plan = survey(save(frame, folder / name), **samples)
    return read_points(plan.samples, plan.classes, survey_grid(plan))


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "parquet", "geoparquet", "csv", "shp"])
@pytest.mark.parametrize("crs", [CRS, "EPSG:4326", "EPSG:3857", "EPSG:32650"])
def test_every_format_and_crs_gives_the_same_points(tmp_path: Path, suffix: str, crs: str) -> None:
    expected = read(labelled(), tmp_path)
    extra = {"crs": crs} if suffix == "csv" else {}
    found = read(labelled().to_crs(crs), tmp_path, f"q.{suffix}", **extra)
    columns = ["row", "col", "code", "name"]
    pd.testing.assert_frame_equal(found.frame[columns], expected.frame[columns])
    np.testing.assert_allclose(found.frame[["x", "y"]], expected.frame[["x", "y"]], atol=0.01)
    assert found.dropped == {}


def test_frame_is_as_described(tmp_path: Path) -> None:
    points = read(labelled(), tmp_path)
    assert list(points.frame.columns) == ["x", "y", "row", "col", "code", "name", "polygon"]
    assert (points.frame["polygon"] == -1).all()
    assert points.frame["code"].dtype == np.uint8
    first = points.frame.iloc[0]
    assert (first["row"], first["col"], first["code"], first["name"]) == (20, 10, 3, "forest")
    assert len(points) == 12


@pytest.mark.parametrize(
    "values",
    [
        list(CLASSES.values()) * 4,
        [float(code) for code in CLASSES.values()] * 4,
        [str(code) for code in CLASSES.values()] * 4,
        [f" {name} " for name in CLASSES] * 4,
        ["forest", 7, "1"] * 4,
    ],
)
def test_names_and_codes_are_the_same(tmp_path: Path, values: list[Any]) -> None:
    frame = labelled()
    frame["class"] = [str(v) for v in values] if isinstance(values[0], str) else values
    assert read(frame, tmp_path).frame["name"].tolist() == list(CLASSES) * 4


def test_categories_are_labels_too(tmp_path: Path) -> None:
    frame = labelled()
    frame["class"] = frame["class"].astype("category")
    assert read(frame, tmp_path, "p.parquet").frame["name"].tolist() == list(CLASSES) * 4


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_separators_and_columns(tmp_path: Path, separator: str) -> None:
    frame = labelled()
    table = pd.DataFrame({"E": frame.geometry.x, "N": frame.geometry.y, "art": frame["class"]})
    table.to_csv(tmp_path / "p.csv", sep=separator, index=False, encoding="utf-8-sig")
    plan = survey(tmp_path / "p.csv", x="E", y="N", column="art", crs=CRS)
    assert len(read_points(plan.samples, plan.classes, survey_grid(plan))) == 12


def test_each_reason_is_counted(tmp_path: Path) -> None:
    frame = labelled()
    pixel, other = frame.geometry[0], frame.geometry[1]
    extra = [
        ("forest", Point(LEFT - 500, TOP)),  # off the area
        ("forest", Point(0, 0)),  # and far off it
        ("orchard", Point(LEFT + 1500, TOP - 500)),
        (None, Point(LEFT + 1500, TOP - 500)),
        ("  ", Point(LEFT + 1500, TOP - 500)),
        ("forest", Point(pixel.x + 3, pixel.y - 3)),  # same pixel, same class
        ("mine", Point(other.x + 3, other.y - 3)),  # same pixel, another class
        ("mine", None),
        ("mine", Point()),
        ("mine", box(LEFT, TOP - 50, LEFT + 50, TOP)),
    ]
    more = gpd.GeoDataFrame(extra, columns=["class", "geometry"], crs=CRS)
    points = read(gpd.GeoDataFrame(pd.concat([frame, more]), crs=CRS), tmp_path)
    assert points.dropped == {
        "without a position": 2,
        "polygon (samples.polygons says how many points each gives)": 1,
        "without a class": 2,
        "of an unknown class": 1,
        "off the area": 2,
        "contradictory": 2,
        "doubled": 1,
    }
    assert points.unknown == {"orchard": 1}
    assert len(points) == 11


@pytest.mark.parametrize(("conflicts", "found"), [("drop", "contradictory"), ("last", None)])
def test_a_later_file_corrects_an_earlier_one_if_the_survey_says_so(
    tmp_path: Path, conflicts: str, found: str | None
) -> None:
    first = labelled()
    wrong, right, doubled = (first.iloc[[n]].copy() for n in (0, 0, 1))
    right["class"] = next(name for name in CLASSES if name != wrong["class"].item())
    second = gpd.GeoDataFrame(pd.concat([right, doubled]), crs=CRS)
    paths = [str(save(first, tmp_path / "a.gpkg")), str(save(second, tmp_path / "b.gpkg"))]
    plan = survey(tmp_path / "a.gpkg").replace(samples__path=paths, samples__conflicts=conflicts)
    points = read_points(plan.samples, plan.classes, survey_grid(plan))
    names = points.frame["name"].tolist()
    if found:
        assert points.dropped == {found: 2, "doubled": 1}
        assert names == first["class"].tolist()[1:]
    else:
        assert points.dropped == {"corrected by a later file": 2}
        assert names == first["class"].tolist()[2:] + second["class"].tolist()
    assert "layer" not in points.frame


def test_area_may_be_smaller_than_the_grid(tmp_path: Path) -> None:
    plan = survey(save(labelled(), tmp_path / "p.gpkg"))
    grid = survey_grid(plan)
    west = box(LEFT, TOP - 1600, LEFT + 450, TOP)
    points = read_points(plan.samples, plan.classes, Grid(grid.geobox, grid.tile_size, west))
    assert points.dropped == {"off the area": 4}


def test_multipoints_are_taken_apart(tmp_path: Path) -> None:
    frame = labelled()
    frame["geometry"] = [MultiPoint([p, (p.x + 50, p.y)]) for p in frame.geometry]
    assert len(read(frame, tmp_path)) == 24


def test_styles_table_of_qgis_is_no_layer_of_points(tmp_path: Path) -> None:
    path = save(labelled(), tmp_path / "p.gpkg")
    styles = pd.DataFrame({"styleName": ["default"]})
    pyogrio.write_dataframe(styles, path, layer="layer_styles", append=True)
    plan = survey(path)
    assert len(read_points(plan.samples, plan.classes, survey_grid(plan))) == 12


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def latin(folder: Path) -> Path:
    (folder / "p.csv").write_bytes(b"x,y,class\n1,2,\xff\n")
    return folder / "p.csv"


def two_layers(folder: Path) -> Path:
    labelled().to_file(folder / "p.gpkg", layer="summer")
    labelled().to_file(folder / "p.gpkg", layer="winter")
    return folder / "p.gpkg"


def without_crs(folder: Path) -> Path:
    path = save(labelled(), folder / "p.shp")
    path.with_suffix(".prj").unlink()
    return path


def one_class(folder: Path) -> Path:
    return save(labelled().assign(**{"class": "mine"}), folder / "p.gpkg")


def few(folder: Path) -> Path:
    frame = labelled()
    return save(frame[(frame["class"] != "water") | (frame.index == 1)], folder / "p.gpkg")


def shifted(folder: Path) -> Path:
    frame = labelled().to_crs("EPSG:32650").set_crs(CRS, allow_override=True)
    return save(frame, folder / "p.gpkg")


def polygons(folder: Path) -> Path:
    frame = labelled()
    frame["geometry"] = frame.geometry.buffer(5)
    return save(frame, folder / "p.gpkg")


def plain_parquet(folder: Path) -> Path:
    pd.DataFrame({"class": ["mine"]}).to_parquet(folder / "p.parquet")
    return folder / "p.parquet"


MISTAKES: dict[str, tuple[Callable[[Path], Path], dict[str, Any], type, str]] = {
    "missing": (lambda f: f / "no.gpkg", {}, DataError, r"no\.gpkg: there is no such file"),
    "damaged": (lambda f: text(f / "p.gpkg", "x"), {}, DataError, r"cannot read .*p\.gpkg"),
    "bytes": (
        latin,
        {"crs": CRS},
        SurveyError,
        r"samples\.encoding: missing, and p\.csv does not say .*as cp1252: ÿ.*give it",
    ),
    "column": (
        lambda f: save(labelled(), f / "p.gpkg"),
        {"column": "label"},
        SurveyError,
        r"samples\.column: .*no column 'label'; the columns there are 'class'",
    ),
    "x": (
        lambda f: text(f / "p.csv", "lon,lat,class\n1,2,mine\n"),
        {"crs": CRS},
        SurveyError,
        r"samples\.x: .*no column 'x'; .*'lon', 'lat', 'class'",
    ),
    "no crs": (
        lambda f: save(labelled(), f / "p.csv"),
        {},
        SurveyError,
        r"samples\.crs: missing, and p\.csv is a CSV.*EPSG:4326",
    ),
    "bad crs": (
        lambda f: save(labelled(), f / "p.csv"),
        {"crs": "UTM"},
        SurveyError,
        r"samples\.crs: 'UTM' is no known CRS",
    ),
    "no prj": (without_crs, {}, DataError, r"p\.shp has no CRS .*; save it with one"),
    "layers": (two_layers, {}, SurveyError, r"samples\.layer: .* has the layers summer, winter"),
    "polygons": (
        polygons,
        {},
        DataError,
        "holds Polygon; say how many points a polygon gives",
    ),
    "plain parquet": (plain_parquet, {}, DataError, "Parquet without geometry"),
    "unknown": (
        lambda f: save(labelled().assign(**{"class": "orchard"}), f / "p.gpkg"),
        {},
        SurveyError,
        "Found: orchard 12. Classes: forest, water, mine",
    ),
    "one class": (one_class, {}, SurveyError, "all 12 usable points are of one class, mine"),
    "few": (few, {}, SurveyError, r"fewer points than samples\.folds \(2\) of: water 1;"),
    "off": (
        shifted,
        {},
        SurveyError,
        r"no point of .* lies on the area\. In EPSG:32649 the points span x .*, the area "
        r"x 500000 to 502000, y 4398400 to 4400000.*read as WGS 84 / UTM zone 49N",
    ),
    "url": (lambda f: Path("https://x/p.gpkg"), {}, SurveyError, "local file"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(tmp_path: Path, mistake: str) -> None:
    make, options, kind, message = MISTAKES[mistake]
    plan = survey("https://x/p.gpkg" if mistake == "url" else make(tmp_path), **options)
    with pytest.raises(MinecoverError, match=message) as caught:
        read_points(plan.samples, plan.classes, survey_grid(plan))
    assert caught.type is kind
    assert caught.value.exit_code == 2


def test_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no row; give points"):
        read(labelled()[:0], tmp_path)


@pytest.mark.parametrize("name", ["p.gpkg", "p.parquet", "p.csv"])
def test_too_many_rows_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(pointfiles, "MAX_ROWS", 11)
    with pytest.raises(DataError, match="more than 11 points"):
        read(labelled(), tmp_path, name, crs=CRS)


def test_too_large_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pointfiles, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="GiB are read"):
        read(labelled(), tmp_path)


def test_counts_are_asked_again_after_nodata(tmp_path: Path) -> None:
    points, plan = read(labelled(), tmp_path), survey("p.gpkg")
    on_nodata = (points.frame["name"] == "water").to_numpy() & (points.frame.index > 1)
    with pytest.raises(SurveyError, match=r"water 1.*dropped: 3 on nodata"):
        check_counts(points.without(on_nodata, "on nodata"), plan.samples, plan.classes)


def test_table_is_complete_and_deterministic(tmp_path: Path) -> None:
    points = read(labelled(), tmp_path)
    values = np.arange(24, dtype=np.float32).reshape(12, 2)
    values[0, 0] = np.nan
    blocks = spatial_folds(points.frame, edge=20, folds=2, seed=0)
    random = random_folds(points.frame, 2, 0)

    def table() -> pd.DataFrame:
        return samples_table(
            points,
            values,
            ["summer_NDVI", "elevation"],
            region=np.full(len(points), "", dtype=object),
            block=blocks.block,
            block_fold=blocks.fold,
            random_fold=random.fold,
        )

    data = parquet_bytes(table())
    assert data == parquet_bytes(table())
    path = tmp_path / "samples.parquet"
    path.write_bytes(data)
    pd.testing.assert_frame_equal(pd.read_parquet(path), table())
    place = ["id", "x", "y", "row", "col", "code", "name", "polygon", "region"]
    head = [*place, "block", "block_fold", "random_fold"]
    assert list(table().columns) == [*head, "summer_NDVI", "elevation"]


def test_table_wants_a_value_for_each_layer(tmp_path: Path) -> None:
    points = read(labelled(), tmp_path)
    fold = np.zeros(12, dtype=np.int64)
    with pytest.raises(ValueError, match=r"shape \(12, 2\), not \(12, 1\)"):
        samples_table(
            points,
            np.zeros((12, 2), np.float32),
            ["a"],
            region=np.full(12, "", dtype=object),
            block=fold,
            block_fold=fold,
            random_fold=fold,
        )


def test_strzegom(shared_data: Path) -> None:
    """All 1,526 points are used, and each agrees with the raster they were drawn from."""
    folder = shared_data / "strzegom"
    with rasterio.open(folder / "labels_west.tif") as source:
        labels, bounds = source.read(1), source.bounds
    names = {"forest": 1, "water": 2, "built_up": 3, "cropland": 4, "mine": 5}
    plan = survey(folder / "samples.gpkg", folds=5)
    plan = Survey.model_validate(
        plan.model_dump()
        | {
            "area": {"bbox": tuple(bounds), "crs": "EPSG:32633"},
            "grid": {"crs": "EPSG:32633"},
            "classes": [{"code": c, "name": n, "colour": "#336699"} for n, c in names.items()],
        }
    )
    points = read_points(plan.samples, plan.classes, survey_grid(plan))
    assert (len(points), points.dropped) == (1526, {})
    frame = points.frame
    assert (labels[frame["row"], frame["col"]] == frame["code"]).all()
