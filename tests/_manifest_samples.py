"""Labelled points for the surveys of the manifests' tests."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np

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
