"""A survey of things in memory, for the tests of surveys in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
from shapely.geometry import Point, Polygon, box

import minecover as mc

CRS = "EPSG:32649"
LEFT, TOP = 500_000, 4_400_000
CLASSES = [
    {"code": code, "name": name, "colour": "#336699"}
    for name, code in {"forest": 3, "water": 7}.items()
]


def outline() -> Polygon:
    """A square with a hole, in metres of `CRS`."""
    square = box(LEFT, TOP - 1600, LEFT + 2000, TOP)
    return square - box(LEFT + 900.25, TOP - 1000, LEFT + 1300, TOP - 700)


def area() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"province": ["Shanxi"]}, geometry=[outline()], crs=CRS)


def points(count: int = 12) -> gpd.GeoDataFrame:
    places = [(LEFT + 105 + 100 * (i % 6), TOP - 205 - 100 * (i // 6)) for i in range(count)]
    labels = ["forest", "water"] * (count // 2)
    return gpd.GeoDataFrame({"class": labels}, geometry=[Point(p) for p in places], crs=CRS)


def made(place: Path, **sections: Any) -> mc.Survey:
    return mc.Survey(
        **{
            "name": "district",
            "area": area(),
            "grid": {"crs": CRS, "tile": 64},
            "seasons": {"summer": ["2024-06-01/2024-08-31"]},
            "catalog": "https://example.org/stac",
            "classes": CLASSES,
            "samples": points(),
            "engine": {"tiles": "local", "prediction": "local", "training": "local"},
            "store": place,
            **sections,
        }
    )
