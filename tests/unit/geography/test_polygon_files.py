"""Files of polygons: texts in any encoding, and plain words where one cannot be read."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
from shapely.geometry import box

from minecover.errors import MinecoverError, SurveyError
from minecover.geography.boundary import area_geometry
from minecover.geography.polygon_files import listed, placing_notes, read_polygons
from minecover.geography.settings import AreaSettings
from minecover.samples.files import read_labels
from minecover.samples.settings import RegionSettings, SampleSettings
from minecover.settings import Section


def polygons(count: int = 40) -> gpd.GeoDataFrame:
    shapes = [box(109 + i, 39, 110 + i, 40) for i in range(count)]
    return gpd.GeoDataFrame({"省": ["山西省"] * count}, geometry=shapes, crs="EPSG:4326")


@pytest.fixture
def in_gbk(tmp_path: Path) -> Path:
    """Shapefile in GBK that does not say so."""
    path = tmp_path / "province.shp"
    polygons().to_file(path, encoding="GBK")
    path.with_suffix(".cpg").unlink()
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[29] = 0  # its language driver
    path.with_suffix(".dbf").write_bytes(table)
    return path


def test_an_encoding_is_given_where_a_shapefile_does_not_say_it(in_gbk: Path) -> None:
    where = {"省": "山西省"}
    with pytest.raises(SurveyError, match=r"give the encoding .* as gbk: area\.encoding"):
        area_geometry(AreaSettings(path=str(in_gbk), where=where))
    area = area_geometry(AreaSettings(path=str(in_gbk), where=where, encoding="gbk"))
    assert area.iloc[0].area == pytest.approx(40)
    regions = RegionSettings(path=str(in_gbk), column="省", encoding="gbk")
    assert set(read_polygons(regions, "model.regions")["省"]) == {"山西省"}


def test_a_wrong_encoding_is_told_where_it_is_named(in_gbk: Path) -> None:
    with pytest.raises(SurveyError, match=r"^area\.encoding: texts of .* are not utf-8; give"):
        area_geometry(AreaSettings(path=str(in_gbk), encoding="utf-8"))


@pytest.mark.parametrize("settings", [AreaSettings, RegionSettings, SampleSettings])
def test_an_encoding_that_there_is_not_is_refused(settings: type[Section]) -> None:
    with pytest.raises(ValueError, match="'klingon' is no known encoding; give it as gbk"):
        settings.model_validate({"path": "a.shp", "encoding": "klingon"})


def test_other_formats_say_their_encoding_themselves(tmp_path: Path) -> None:
    polygons().to_file(tmp_path / "p.gpkg")
    frame = read_polygons(AreaSettings(path=str(tmp_path / "p.gpkg"), encoding="gbk"), "area")
    assert list(frame.columns) == ["省", "geometry"]


def damaged(folder: Path, name: str) -> str:
    """Make a file that cannot be read; return its path."""
    good, path = folder / "good", folder / name
    good.mkdir()
    frame = polygons(500).rename(columns={"省": "class"})
    suffix = path.suffix if path.suffix in (".gpkg", ".geojson", ".parquet", ".shp") else ".gpkg"
    whole = good / f"a{suffix}"
    frame.to_parquet(whole) if suffix == ".parquet" else frame.to_file(whole)
    for part in good.iterdir():
        shutil.copy(part, folder / f"{path.stem}{part.suffix}")
    cut = {"rows.shp": ".dbf", "places.shp": ".shx"}.get(name, suffix)
    source = whole.with_suffix(cut)
    path.with_suffix(cut).write_bytes(source.read_bytes()[: source.stat().st_size // 3])
    if name == "lonely.shp":
        path.write_bytes(whole.read_bytes())
        path.with_suffix(".shx").unlink()
    if name == "text.gpkg":
        path.write_text("hello")
    if name == "other.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "hello")
    if name == "folder":
        path.mkdir()
    return str(path)


CUT = "cut short"
DAMAGED = {
    "cut.gpkg": CUT, "cut.geojson": CUT, "cut.parquet": CUT,
    "cut.shp": r"its \.shp is cut short \([\d,]+ of 68,100 bytes\)",
    "rows.shp": r"its \.dbf is cut short", "places.shp": r"its \.shx is cut short",
    "lonely.shp": r"its \.shx is missing or damaged; copy all parts",
    "text.gpkg": "of a format that is not read; save it as GeoPackage",
    "other.zip": "of a format that is not read", "folder": "folder; name a file in it",
}  # fmt: skip


@pytest.mark.parametrize(("name", "reason"), DAMAGED.items())
def test_what_cannot_be_read_is_told_in_plain_words(tmp_path: Path, name: str, reason: str) -> None:
    path = damaged(tmp_path, name)
    samples = SampleSettings(path=path, polygons=1)
    for read in (
        lambda: area_geometry(AreaSettings(path=path)),
        lambda: [*read_labels(samples, ())],
    ):
        with pytest.raises(MinecoverError, match=reason) as raised:
            read()
        for theirs in ("sqlite", "config option", "<DRIVER>", "magic", "/vsi"):
            assert theirs not in str(raised.value)


def test_a_layer_that_there_is_not_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    polygons().to_file(tmp_path / "p.gpkg", layer="provinces")
    with pytest.raises(SurveyError, match=r"area\.layer: .* has no layer 'x'; it has provinces"):
        area_geometry(AreaSettings(path=str(tmp_path / "p.gpkg"), layer="x"))


def test_the_operation_that_brings_an_area_to_the_grid_is_named() -> None:
    box_of_1954 = AreaSettings(bbox=(108.5, 39.0, 108.6, 39.1), crs="EPSG:4214")
    frame = area_geometry(box_of_1954).to_frame("geometry")
    (note,) = placing_notes(frame, box_of_1954, "EPSG:32649", "area")
    assert "Beijing 1954 to World Geodetic System 1984" in note
    assert "within 1 m by its record" in note


def test_a_list_of_names_is_short_whatever_they_are() -> None:
    assert listed(["a", "b"]) == "a, b"
    names = [f"{n} {'n' * 6000}" for n in range(20)]
    told = listed(names)
    assert told.startswith(f"0 {'n' * 78}..., 1 n")
    assert told.endswith("... and 8 more")
    assert len(told) < 1100
