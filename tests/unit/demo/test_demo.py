"""The simulated district: what it publishes, and that its classes need seasons and texture."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pystac
import pytest
import rasterio
import yaml
from pystac.validation import validate_dict
from rasterio.enums import Resampling
from rasterio.transform import rowcol
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rio_cogeo import cog_validate
from scipy import ndimage
from shapely import box, from_geojson
from shapely.geometry import shape
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict

from minecover.accuracy.blocks import spatial_folds
from minecover.commands.app import main
from minecover.demo.calendar import SEASONS
from minecover.demo.district import District, build_district
from minecover.demo.frame import SMALLEST, Frame
from minecover.demo.landscape import draw_landscape
from minecover.demo.materials import BANDS, CLASSES
from minecover.demo.samples import FEWEST, draw_samples
from minecover.errors import SurveyError
from minecover.simulated import PROPERTY, TAG

SIZE = 128
S2 = "sentinel-2-l2a"
Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return build_district(tmp_path_factory.mktemp("district"), size=SIZE, points_scale=8)


@pytest.fixture(scope="module")
def items(district: District) -> dict[str, list[pystac.Item]]:
    catalog = pystac.Catalog.from_file(str(district.catalog))
    return {c.id: list(c.get_items()) for c in catalog.get_children()}


def read(item: pystac.Item, asset: str, resampling: Resampling = Resampling.nearest) -> Array:
    """One asset on the grid of the truth."""
    with (
        rasterio.open(_home(item) / "truth.tif") as truth,
        rasterio.open(_path(item, asset)) as file,
        WarpedVRT(
            file, crs=truth.crs, transform=truth.transform, width=truth.width,
            height=truth.height, resampling=resampling,
        ) as vrt,
    ):  # fmt: skip
        return np.asarray(vrt.read(1))


def reflectance(item: pystac.Item, band: str) -> Array:
    """Harmonised reflectance, NaN where SCL is not clear."""
    number = read(item, band, Resampling.bilinear).astype(np.float32)
    offset = 1000 if item.properties["s2:processing_baseline"] == "04.00" else 0
    clear = np.isin(read(item, "SCL"), (4, 5, 6))
    return np.where(clear, (number - offset) / 10_000, np.nan)


def _path(item: pystac.Item, asset: str) -> str:
    href = item.assets[asset].get_absolute_href()
    assert href is not None
    return href


def _home(item: pystac.Item) -> Path:
    return Path(item.get_self_href() or "").parents[3]


def _season(items: list[pystac.Item], name: str) -> list[pystac.Item]:
    begin, end = SEASONS[name].split("/")
    return [i for i in items if i.datetime and begin <= i.datetime.date().isoformat() <= end]


def _zone(items: list[pystac.Item], code: str) -> list[pystac.Item]:
    return [i for i in items if i.properties["proj:code"] == code]


def test_every_collection_is_there(items: dict[str, list[pystac.Item]]) -> None:
    assert {name: len(members) for name, members in items.items()} == {
        S2: 22, "sentinel-1-rtc": 8, "nasadem": 1, "luojia-1": 1,
    }  # fmt: skip


def test_links_and_assets_are_relative_and_resolve(
    district: District, items: dict[str, list[pystac.Item]]
) -> None:
    for file in district.catalog.parent.rglob("*.json"):
        document = pystac.StacIO.default().read_json(str(file))
        hrefs = [link["href"] for link in document["links"]]
        hrefs += [a["href"] for a in document.get("assets", {}).values()]
        assert all((file.parent / href).is_file() for href in hrefs), file
        assert not any(href.startswith(("/", "file:", "http")) for href in hrefs)
    assert sum(len(i.assets) for members in items.values() for i in members) == 22 * 11 + 16 + 2


def test_items_describe_their_images(items: dict[str, list[pystac.Item]]) -> None:
    for item in (i for members in items.values() for i in members):
        assert item.stac_extensions
        assert item.datetime is not None
        outline = shape(item.geometry).buffer(1e-7)
        assert item.bbox is not None
        assert box(*item.bbox).buffer(1e-9).covers(shape(item.geometry))
        for asset in item.assets:
            fields = item.assets[asset].extra_fields
            with rasterio.open(_path(item, asset)) as file:
                assert file.crs == item.properties["proj:code"]
                assert list(file.shape) == fields["proj:shape"]
                assert list(file.transform)[:6] == fields["proj:transform"]
                assert file.nodata == fields["nodata"]
                footprint = transform_bounds(file.crs, "EPSG:4326", *file.bounds, densify_pts=2)
            assert box(*outline.bounds).covers(box(*footprint).buffer(-1e-5))


def test_all_data_is_marked_as_simulated(
    district: District, items: dict[str, list[pystac.Item]]
) -> None:
    for item in (i for members in items.values() for i in members):
        assert item.properties[PROPERTY] is True
        collection = item.get_collection()
        assert collection is not None
        assert collection.summaries.get_list(PROPERTY) == [True]
        for asset in item.assets:
            with rasterio.open(_path(item, asset)) as file:
                assert file.tags()[TAG] == "YES"
    with rasterio.open(district.truth) as file:
        assert file.tags()[TAG] == "YES"


def test_core_of_stac_is_valid(district: District) -> None:
    # The core's schemas ship with pystac; those of the extensions would need a network.
    for file in district.catalog.parent.rglob("*.json"):
        document = pystac.StacIO.default().read_json(str(file))
        assert validate_dict(document, extensions=[])


def test_images_are_cogs_in_native_resolution_and_type(
    items: dict[str, list[pystac.Item]], district: District
) -> None:
    item = items[S2][0]
    kinds = {"B02": ("uint16", 10), "B8A": ("uint16", 20), "SCL": ("uint8", 20)}
    for asset, (dtype, step) in kinds.items():
        with rasterio.open(_path(item, asset)) as file:
            assert (file.dtypes[0], file.res[0], file.nodata) == (dtype, step, 0)
        assert cog_validate(_path(item, asset))[0]
    radar, dem = items["sentinel-1-rtc"][0], items["nasadem"][0]
    with rasterio.open(_path(radar, "vv")) as file:
        assert (file.dtypes[0], file.nodata) == ("float32", -32768)
        power = file.read(1, masked=True)
        assert 0.01 < float(np.ma.median(power)) < 0.2
    with rasterio.open(_path(dem, "elevation")) as file:
        assert (file.dtypes[0], file.nodata, file.crs) == ("int16", -32768, "EPSG:4326")
    with rasterio.open(_path(items["luojia-1"][0], "dn")) as file:
        assert file.dtypes[0] == "int32"
    assert cog_validate(str(district.truth))[0]


def test_dates_lie_on_both_sides_of_baseline_0400(items: dict[str, list[pystac.Item]]) -> None:
    winter = _season(_zone(items[S2], "EPSG:32649"), "winter")
    baselines = {i.datetime: i.properties["s2:processing_baseline"] for i in winter}
    assert list(baselines.values()) == ["03.01", "03.01", "04.00"]
    water = read(winter[0], "SCL") == 6
    water &= read(winter[-1], "SCL") == 6
    before, after = (np.median(read(i, "B12")[water]) for i in (winter[0], winter[-1]))
    assert 950 < float(after) - float(before) < 1050


def test_scl_holds_clouds_shadows_water_and_both_kinds_of_ground(
    items: dict[str, list[pystac.Item]],
) -> None:
    codes: set[int] = set()
    for item in items[S2]:
        scl = read(item, "SCL")
        codes |= set(np.unique(scl).tolist())
    assert codes == {0, 3, 4, 5, 6, 8, 9}
    for season in SEASONS:
        days = _season(items[S2], season)
        clear = np.stack([np.isin(read(i, "SCL"), (4, 5, 6)) for i in days])
        assert clear.any(axis=0).mean() > 0.9


def test_no_date_is_free_of_clouds_or_lost_to_them(items: dict[str, list[pystac.Item]]) -> None:
    dates = {i.datetime for i in items[S2]}
    for date in dates:
        pair = [read(i, "SCL") for i in items[S2] if i.datetime == date]
        cloudy = np.isin(pair, (3, 8, 9)).any(axis=0).mean()
        assert 0.01 < cloudy < 0.7


def test_clouds_are_bright_and_shadows_dark(items: dict[str, list[pystac.Item]]) -> None:
    item = _zone(items[S2], "EPSG:32649")[4]
    scl, blue = read(item, "SCL"), read(item, "B02")
    ground = np.median(blue[(scl == 4) | (scl == 5)])
    assert np.median(blue[scl == 9]) > 3 * ground
    assert np.median(read(item, "B08")[scl == 3]) < np.median(read(item, "B08")[scl == 4])


def test_the_two_zones_overlap_and_agree(items: dict[str, list[pystac.Item]]) -> None:
    west, east = (_zone(items[S2], f"EPSG:326{zone}")[7] for zone in (49, 50))
    assert west.datetime == east.datetime
    seen = [read(i, "SCL") > 0 for i in (west, east)]
    assert (seen[0] | seen[1]).all()
    assert 0.15 < (seen[0] & seen[1]).mean() < 0.5
    a, b = (reflectance(i, "B04") for i in (west, east))
    both = np.isfinite(a) & np.isfinite(b)
    assert np.abs(np.median(a[both] - b[both])) < 0.002
    assert np.corrcoef(a[both], b[both])[0, 1] > 0.93


def test_seasons_differ_as_plants_do(
    items: dict[str, list[pystac.Item]], district: District
) -> None:
    with rasterio.open(district.truth) as file:
        truth = file.read(1)
    greenness = {}
    for season in SEASONS:
        item = _season(_zone(items[S2], "EPSG:32649"), season)[1]
        red, near = reflectance(item, "B04"), reflectance(item, "B08")
        index = (near - red) / (near + red)
        greenness[season] = {c: float(np.nanmedian(index[truth == c])) for c in (1, 4, 5, 6)}
    assert greenness["summer"][1] > greenness["spring"][1] > greenness["winter"][1]
    # Replanted land greens up late: behind natural cover in spring, near it in summer.
    late = {s: greenness[s][1] - greenness[s][6] for s in ("spring", "summer")}
    assert late["spring"] > 0
    assert greenness["summer"][6] - greenness["spring"][6] > 0.1
    assert greenness["summer"][5] < greenness["summer"][4] < greenness["summer"][6]


def test_lights_and_radar_separate_built_up_from_bare_land(
    items: dict[str, list[pystac.Item]], district: District
) -> None:
    with rasterio.open(district.truth) as file:
        truth = file.read(1)
    number = read(items["luojia-1"][0], "dn", Resampling.bilinear)
    radiance = number.astype(np.float64) ** 1.5 * 1e-10
    light = {c: np.median(radiance[truth == c]) for c in range(1, 7)}
    assert light[3] > 2 * light[4]
    assert light[5] > 2 * light[4]
    assert 1e-7 < light[4] < light[3] < 1e-2
    power = np.median([read(i, "vv") for i in items["sentinel-1-rtc"]], axis=0)
    echo = {c: 10 * np.log10(np.median(power[truth == c])) for c in range(1, 7)}
    assert echo[3] > echo[1] > echo[2]
    assert -25 < echo[2] < -15


def test_pits_are_deep(items: dict[str, list[pystac.Item]], district: District) -> None:
    height = read(items["nasadem"][0], "elevation", Resampling.bilinear)
    assert (height > 1000).all()
    with rasterio.open(district.truth) as file:
        mines = file.read(1) == 5
    labels, count = ndimage.label(ndimage.binary_opening(mines, iterations=2))
    spans = [np.ptp(height[labels == k + 1]) for k in range(count)]
    assert max(spans) > 30


def test_samples_carry_the_true_class(district: District) -> None:
    points = gpd.read_file(district.samples)
    assert points.crs == "EPSG:4326"
    with rasterio.open(district.truth) as file:
        moved = points.to_crs(file.crs)
        rows, columns = rowcol(file.transform, moved.geometry.x, moved.geometry.y)
        truth = file.read(1)[np.asarray(rows, int), np.asarray(columns, int)]
    names = np.array(["", *(name for name, _ in CLASSES.values())])
    assert (names[truth] == points["class"].to_numpy()).all()
    assert points["class"].value_counts().min() >= 12
    area = from_geojson(district.area.read_text()).geoms[0]
    assert area.covers(points.geometry.union_all())


def test_survey_names_files_that_exist(district: District) -> None:
    survey = yaml.safe_load(district.survey.read_text())
    home = district.survey.parent
    for path in (survey["area"]["path"], survey["catalog"]["url"], survey["samples"]["path"]):
        assert (home / path).is_file()
    assert [c["name"] for c in survey["classes"] if c.get("mine")] == ["mining"]


def test_same_seed_same_bytes_and_another_seed_another_district(
    district: District, tmp_path: Path
) -> None:
    def digest(folder: Path) -> dict[str, str]:
        files = sorted(f for f in folder.rglob("*") if f.is_file())
        return {
            f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest()
            for f in files
        }

    again = build_district(tmp_path / "again", size=SIZE, points_scale=8)
    assert digest(again.truth.parent) == digest(district.truth.parent)
    one, other = (draw_landscape(Frame(SMALLEST), seed).truth() for seed in (3, 4))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("size", [64, 130])
def test_an_impossible_size_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(SurveyError, match="multiple of 4 and at least 96"):
        build_district(tmp_path / "no", size=size)


@pytest.mark.parametrize("size", [-512, 0, 92, 130])
def test_the_command_refuses_an_impossible_size_in_one_line(
    tmp_path: Path,
    size: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["minecover", "demo", str(tmp_path / "no"), f"--size={size}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert "multiple of 4 and at least 96" in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not printed.out
    assert not (tmp_path / "no").exists()


def test_the_smallest_district_has_points_of_every_class_without_any_fold() -> None:
    frame = Frame(SMALLEST)
    grid, truth = frame.district_grid, draw_landscape(frame, 0).truth()
    points = draw_samples(truth, grid, 0, frame.points_scale).to_crs(grid.crs)
    rows, columns = rowcol(grid.transform, points.geometry.x, points.geometry.y)
    codes = truth[rows, columns]
    assert np.bincount(codes)[1:].min() >= FEWEST
    table = pd.DataFrame({"row": rows, "col": columns, "code": codes})
    # as its survey divides them: five folds of blocks of 320 m, nine of which lie on 960 m
    divided = spatial_folds(table, edge=32, folds=5, seed=0)
    assert len(np.unique(divided.block)) == 9
    for fold in range(5):  # a model learns every class without it
        assert len(np.unique(codes[divided.fold != fold])) == len(CLASSES)


@pytest.mark.parametrize("place", ["file", "file/new", "/proc/new"])
def test_a_folder_that_is_not_writable_gives_one_message(
    tmp_path: Path,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["minecover", "demo", place, "--size", "96"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert f"{(tmp_path / place).resolve()}: cannot write there" in printed
    assert "Traceback" not in printed


def test_a_district_without_a_class_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="96 pixels and seed 19 has no water"):
        build_district(tmp_path / "dry", size=96, seed=19)
    assert not (tmp_path / "dry").exists()
    assert not (tmp_path / "no").exists()


def test_classes_need_seasons_and_neighbourhood(
    items: dict[str, list[pystac.Item]], district: District
) -> None:
    """A forest on pixels of one season, of four, and of four with their 5 x 5 neighbourhood."""
    cube = np.stack([_composite(_season(items[S2], season)) for season in SEASONS])
    yearly = np.broadcast_to(np.nanmedian(cube, axis=0), cube.shape)
    layers = np.where(np.isnan(cube), yearly, cube).reshape(-1, SIZE, SIZE)
    mean = ndimage.uniform_filter(layers, (0, 5, 5))
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(layers**2, (0, 5, 5)) - mean**2, 0))
    single = [_accuracy(part, district) for part in np.split(layers, 4)]
    four = _accuracy(layers, district)
    textured = _accuracy(np.concatenate([layers, mean, spread]), district)
    assert max(single) < 0.85
    assert four > max(single)
    assert four > np.mean(single) + 0.03
    assert textured > four + 0.02
    assert textured < 0.985


def _composite(items: list[pystac.Item]) -> Array:
    masks = [np.isin(read(i, "SCL"), (4, 5, 6)) for i in items]
    out = np.full((len(BANDS), SIZE, SIZE), np.nan, dtype=np.float32)
    for b, band in enumerate(BANDS):
        stack = np.ma.masked_invalid(np.stack([reflectance(i, band) for i in items]))
        out[b] = np.ma.median(stack, axis=0).filled(np.nan)
    assert (np.isfinite(out[0]) == np.any(masks, axis=0)).all()
    return out


def _accuracy(layers: Array, district: District) -> float:
    points = gpd.read_file(district.samples)
    with rasterio.open(district.truth) as file:
        moved = points.to_crs(file.crs)
        found = rowcol(file.transform, moved.geometry.x, moved.geometry.y)
    rows, columns = (np.asarray(part, int) for part in found)
    forest = RandomForestClassifier(50, random_state=0)
    blocks = rows // 16 * 100 + columns // 16
    labels = points["class"].to_numpy()
    guess = cross_val_predict(
        forest, layers[:, rows, columns].T, labels, groups=blocks, cv=GroupKFold(4)
    )
    return float((guess == labels).mean())
