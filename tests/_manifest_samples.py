"""Surveys of the manifests' tests, and labelled points for them."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import yaml

from minecover.survey import Survey, load

DONGSHENG = Path(__file__).resolve().parents[1] / "examples" / "dongsheng.yaml"
IMAGE = "registry.example.org/minecover:0.2.0"

CLASSES = ("forest_grass", "water", "built_up", "bare_land", "mining", "restored")


def write_points(path: Path, each: int = 6) -> None:
    """Write `each` points of every class of `examples/dongsheng.yaml`, all on its area."""
    drawn = np.random.default_rng(0).uniform(size=(2, each * len(CLASSES)))
    place = gpd.points_from_xy(110.0 + 0.4 * drawn[0], 39.65 + 0.3 * drawn[1])
    gpd.GeoDataFrame({"class": CLASSES * each}, geometry=place, crs="EPSG:4326").to_file(path)


@cache
def geopackage() -> bytes:
    """Bytes of a GeoPackage of such points."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.gpkg"
        write_points(path)
        return path.read_bytes()


def survey(folder: Path, **sections: Any) -> Survey:
    """Write `examples/dongsheng.yaml` with its files, and other sections, into a folder."""
    raw = yaml.safe_load(DONGSHENG.read_text(encoding="utf-8")) | sections
    (folder / "luojia1_dongsheng.tif").write_bytes(b"content of a raster")
    (folder / "dongsheng_samples.gpkg").write_bytes(geopackage())
    path = folder / "survey.yaml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    return load(path)
