"""The table of files, coordinate systems and geometries in the documentation, made here.

`python tests/unit/samples/test_files_table.py` writes it anew.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from shapely.geometry import LineString, MultiPoint
from test_point_files import CHINESE, CRS, NAMES, csv, points, read, shapefile, table, zipped

from minecover.errors import MinecoverError

PAGE = Path(__file__).parents[3] / "docs/reference/point_files.md"
LONGEST = 150

Make = Callable[[Path], Path]
Case = tuple[str, Make, dict[str, Any]]


def saved(name: str, frame: Callable[[], gpd.GeoDataFrame], **options: Any) -> Make:
    def make(folder: Path) -> Path:
        frame().to_file(folder / name, **options)
        return folder / name

    return make


def text(name: str, change: Callable[[pd.DataFrame], pd.DataFrame], **options: Any) -> Make:
    def make(folder: Path) -> Path:
        change(table(points().to_crs("EPSG:4326"))).to_csv(folder / name, index=False, **options)
        return folder / name

    return make


def shaped(change: Callable[[gpd.GeoSeries], Any]) -> Callable[[], gpd.GeoDataFrame]:
    return lambda: points().set_geometry(gpd.GeoSeries(change(points().geometry), crs=CRS))


def blank(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(str).assign(x=["", *frame["x"].astype(str)[1:]])


def degrees_of_minutes(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{axis: [f"{v:.0f}°30'" for v in frame[axis]] for axis in ("x", "y")})


def swapped(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={"x": "y", "y": "x"})


def two_layers(folder: Path) -> Path:
    for layer in ("old", "new"):
        points().to_file(folder / "p.gpkg", layer=layer)
    return folder / "p.gpkg"


def without_crs(folder: Path) -> Path:
    points().to_file(folder / "p.shp")
    (folder / "p.prj").unlink()
    return folder / "p.shp"


def in_crs(code: str, place: str = "p.gpkg") -> Make:
    return saved(place, lambda: points().to_crs(code))


def misspelt() -> gpd.GeoDataFrame:
    frame = points()
    frame.loc[[2, 5], "class"] = "Mine"
    return frame


def gbk(folder: Path) -> Path:
    return shapefile(points(CHINESE), folder / "p.shp")


def coded(folder: Path) -> Path:
    return shapefile(points(("1", "2", "3", "地块")), folder / "p.shp")


def classed(names: tuple[str, ...], **options: Any) -> Make:
    return lambda folder: csv(points(names), folder / "p.csv", **options)


def numbered() -> gpd.GeoDataFrame:
    codes = {name: code for code, name in enumerate(NAMES, 1)}
    return points().assign(**{"class": points()["class"].map(codes)})


def high() -> gpd.GeoDataFrame:
    own = points().geometry
    return points().set_geometry(gpd.points_from_xy(own.x, own.y, 9.0, crs=CRS))


PAIRS = shaped(lambda places: [MultiPoint([p, (p.x + 50, p.y)]) for p in places])
LINES = shaped(lambda places: [LineString([p, (p.x + 50, p.y)]) for p in places])
SQUARES = saved("p.gpkg", shaped(lambda places: places.buffer(20, cap_style="square")))
DEGREES = {"crs": "EPSG:4326"}
IN_CHINESE = {"names": CHINESE}
WITH_NA = ("forest", "water", "NA")

CASES: dict[str, list[Case]] = {
    "File": [
        ("GeoPackage", saved("p.gpkg", points), {}),
        ("GeoJSON", in_crs("EPSG:4326", "p.geojson"), {}),
        ("Shapefile", saved("p.shp", points), {}),
        ("Shapefile in a ZIP", lambda f: zipped(saved("p.shp", points)(f)), {}),
        ("Shapefile in GBK without .cpg, labelled by names of classes", gbk, IN_CHINESE),
        ("the same, labelled by codes and a text that is no class", coded, {}),
        ("this with `encoding: gbk`", coded, {"encoding": "gbk"}),
        ("file geodatabase, a folder .gdb", saved("p.gdb", points, driver="OpenFileGDB"), {}),
        ("two layers", two_layers, {}),
        ("two layers with `layer: new`", two_layers, {"layer": "new"}),
        ("CSV in UTF-8 with `crs`", text("p.csv", lambda t: t), DEGREES),
        ("CSV without `crs`", text("p.csv", lambda t: t), {}),
        ("CSV in UTF-16", text("p.csv", lambda t: t, encoding="utf-16"), DEGREES),
        ("CSV in GBK", classed(CHINESE, encoding="gbk"), {"crs": CRS, **IN_CHINESE}),
        (
            "CSV with semicolons and decimal commas",
            text("p.csv", lambda t: t, sep=";", decimal=","),
            DEGREES,
        ),
        ("CSV with one blank coordinate", text("p.csv", blank), DEGREES),
        ("CSV with degrees and minutes", text("p.csv", degrees_of_minutes), DEGREES),
        ("CSV with x and y swapped", text("p.csv", swapped), DEGREES),
        ("no CRS", without_crs, {}),
    ],
    "CRS": [
        ("UTM, WGS 84", in_crs("EPSG:32649"), {}),
        ("degrees, WGS 84", in_crs("EPSG:4326"), {}),
        ("CGCS2000 (EPSG:4490)", in_crs("EPSG:4490"), {}),
        ("CGCS2000, Gauss-Krüger (EPSG:4547)", in_crs("EPSG:4547"), {}),
        ("Beijing 1954 (EPSG:4214)", in_crs("EPSG:4214"), {}),
        ("Xian 1980 (EPSG:4610)", in_crs("EPSG:4610"), {}),
        (
            "Xian 1980 with `transformation`",
            in_crs("EPSG:4610"),
            {"transformation": "0,0,0"},
        ),
    ],
    "Geometry": [
        ("points with heights", saved("p.gpkg", high), {}),
        ("multipoints of two", saved("p.gpkg", PAIRS), {}),
        ("squares of 40 m", SQUARES, {}),
        ("squares with `polygons: 3`", SQUARES, {"polygons": 3}),
        ("squares with `polygons: all`", SQUARES, {"polygons": "all"}),
        ("lines", saved("p.gpkg", LINES), {}),
    ],
    "Label": [
        ("codes as numbers", saved("p.gpkg", numbered), {}),
        ("codes as `01`", saved("p.gpkg", lambda: points(("01", "02", "03"))), {}),
        ("two labels misspelt", saved("p.gpkg", misspelt), {}),
        ("a class called NA, in a CSV", classed(WITH_NA), {"crs": CRS, "names": WITH_NA}),
    ],
}
"""12 points, 4 of each class, on an area of 2 x 1.6 km at 111° E, 39.7° N; two folds."""


def result(make: Make, folder: Path, **samples: Any) -> str:
    """Say what a file gives, without the folder that it lies in."""
    try:
        path = make(folder)
        found = read(path, samples.pop("names", NAMES), **samples)
        parts = [f"{len(found)} points"]
        parts += [f"{count} {reason}" for reason, count in found.dropped.items()]
        said = "; ".join([", ".join(parts), *found.notes])
    except MinecoverError as error:
        said = f"refused: {error}"
    said = said.replace(f"{folder}/", "").replace("|", "/")
    return said if len(said) <= LONGEST else said[:LONGEST].rsplit(" ", 1)[0] + " …"


def rows(folder: Path) -> Iterator[str]:
    number = 0
    for heading, cases in CASES.items():
        yield from ("", f"| {heading} | gives |", "| --- | --- |")
        for name, make, samples in cases:
            number += 1
            own = folder / str(number)
            own.mkdir()
            yield f"| {name} | {result(make, own, **samples)} |"


def page(folder: Path) -> str:
    head, _, _ = PAGE.read_text(encoding="utf-8").partition("\n| File |")
    return head.rstrip() + "\n" + "\n".join(rows(folder)) + "\n"


def test_the_documented_table_is_what_files_give(tmp_path: Path) -> None:
    assert page(tmp_path) == PAGE.read_text(encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        PAGE.write_text(page(Path(place)), encoding="utf-8")
