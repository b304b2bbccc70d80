"""Doubtful labels as a page: one HTML file that needs neither network nor scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd

from minecover.geography.boundary import WGS84
from minecover.products.figures import Picture
from minecover.products.page import page_environment
from minecover.samples.classes import LandUseClass

__all__ = ["render_doubts"]

Json = Any


@dataclass(frozen=True)
class DoubtSheet:
    """A point with its place and the ground around it.

    Attributes
    ----------
    point
        Row of the list.
    lon, lat
        Degrees.
    chips
        Name of a season to its picture.
    """

    point: Mapping[str, Json]
    lon: float
    lat: float
    chips: Mapping[str, Picture]


def render_doubts(
    document: Mapping[str, Json],
    classes: Sequence[LandUseClass],
    points: gpd.GeoDataFrame,
    chips: Sequence[Mapping[str, Picture]],
) -> str:
    """Render the list.

    Parameters
    ----------
    document
        What was found, as it is published beside the page.
    classes
        Of the survey.
    points
        The list.
    chips
        Of its first points.
    """
    degrees = points.geometry.to_crs(WGS84)
    rows = points.drop(columns="geometry").to_dict("records")
    shown = [
        DoubtSheet(row, x, y, pictures)
        for row, x, y, pictures in zip(rows, degrees.x, degrees.y, chips, strict=False)
    ]
    return (
        page_environment()
        .get_template("doubts.html")
        .render(
            document=document,
            title=document["title"],
            classes=classes,
            colours={item.name: item.colour for item in classes},
            points=rows,
            shown=shown,
        )
    )
