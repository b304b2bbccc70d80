"""What a sampling design and area estimates are as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from minecover.area_estimation.change import LabelledPeriods
from minecover.area_estimation.design import Design
from minecover.area_estimation.estimators import AreaEstimates
from minecover.storage.canonical_json import Json

__all__ = ["areas_document", "change_document", "change_table", "design_document"]

METHOD = (
    "stratified random sample; estimators of Stehman 2014 (10.1080/01431161.2014.930207), "
    "which are those of Olofsson et al. 2014 (10.1016/j.rse.2014.02.015) where the strata "
    "are the map's classes; intervals of 95 % by scores that are corrected for skewness and "
    "continuity (10.2307/2532084, 10.1002/pst.1813), strata having the shares that make the points "
    "most likely; of rare areas one end is of one side, since the other never misses "
    "(10.2307/3315916)"
)


def design_document(
    design: Design,
    allocation: Mapping[int, int],
    expected: Mapping[int, float],
    codes: Mapping[str, int],
    hectares: float,
) -> dict[str, Json]:
    """Describe strata and points of a design.

    Parameters
    ----------
    design
        The points that were drawn.
    allocation
        Points of each stratum (class code).
    expected
        User's accuracy expected of each stratum, 0 to 1.
    codes
        Class name to code.
    hectares
        Of all strata together.
    """
    total = sum(design.pixels.values())
    variance = sum(
        (design.pixels[code] / total) ** 2 * expected[code] * (1 - expected[code]) / points
        for code, points in allocation.items()
    )
    return {
        "expected_standard_error": math.sqrt(variance),
        "pixel_hectares": hectares / total,
        "strata": {
            name: {
                "code": code,
                "points": allocation[code],
                "expected_users_accuracy": round(expected[code], 4),
                **_size(design.pixels[code], total, hectares),
            }
            for name, code in codes.items()
            if code in allocation
        },
        "points": _points(design.frame, {code: name for name, code in codes.items()}),
    }


def _size(pixels: int, total: int, hectares: float) -> dict[str, Json]:
    """Size of a stratum, of so many pixels and hectares of all together."""
    share = pixels / total
    return {"pixels": pixels, "hectares": share * hectares, "weight": share}


def _points(frame: pd.DataFrame, names: Mapping[int, str]) -> list[dict[str, Json]]:
    """Pixel and stratum of each point, in the order in which they are labelled."""
    rows = zip(frame["row"], frame["col"], frame["code"], strict=True)
    return [
        {"id": number, "row": int(row), "col": int(col), "stratum": names[int(code)]}
        for number, (row, col, code) in enumerate(rows, start=1)
    ]


def areas_document(
    result: AreaEstimates, design: Mapping[str, Json], labels: pd.Series[Any]
) -> dict[str, Json]:
    """Describe estimates, the design that they are made from, and how many points had each label.

    Parameters
    ----------
    result
        The estimates.
    design
        `products/design.json`.
    labels
        Class of each point on the ground.
    """
    counted = labels.value_counts().to_dict()
    strata = design["strata"]
    return {
        **result.to_dict(),
        "classes": list(result.names),
        "mapped_ha": {
            name: strata.get(name, {"hectares": 0.0})["hectares"] for name in result.names
        },
        "labelled": {name: int(counted.get(name, 0)) for name in result.names},
        "design": {key: design[key] for key in ("seed", "standard_error", "strata")},
        "method": METHOD,
    }


def change_document(
    found: Mapping[str, Json],
    design: Mapping[str, Json],
    points: LabelledPeriods,
    mapped: Mapping[str, float],
) -> dict[str, Json]:
    """Describe what was estimated from a design of several periods.

    Parameters
    ----------
    found
        What `change_estimates` gives.
    design
        `products/design.json`.
    points
        The labelled points.
    mapped
        Hectares of each class on the map of the latest period.

    Returns
    -------
    Of the latest period what `areas_document` says of a map, and all in `change`.
    """
    latest = list(points.reference)[-1]
    labels = list(points.reference[latest])
    return {
        **found["periods"][latest],
        "classes": list(mapped),
        "mapped_ha": dict(mapped),
        "labelled": {name: labels.count(name) for name in mapped},
        "change": dict(found),
        "design": {key: design[key] for key in ("seed", "standard_error", "strata", "periods")},
        "method": METHOD,
    }


ROWS = ("unit", "from_period", "to_period", "what", "name")
"""Columns before those of an estimate; without `from_period` it is of one period."""


def change_table(change: Mapping[str, Json]) -> pd.DataFrame:
    """Lay estimates out by row: of the whole area, which has no unit, then of each unit.

    Parameters
    ----------
    change
        What `change_estimates` gives.
    """
    rows: list[dict[str, Json]] = []
    for unit, found in [("", change), *change.get("units", {}).items()]:
        for period, areas in found["periods"].items():
            rows += _rows((unit, "", period, "area"), areas["area_ha"])
        for pair in found["pairs"]:
            between = (unit, pair["from"], pair["to"])
            if "transitions" in pair:
                rows += _rows((*between, "transition"), pair["transitions"]["area_ha"])
            for what in ("gained", "lost", "net"):
                rows += _rows((*between, what), pair[f"{what}_ha"])
    return pd.DataFrame(rows)


def _rows(key: tuple[str, ...], estimates: Mapping[str, Json]) -> list[dict[str, Json]]:
    return [
        dict(zip(ROWS, (*key, name), strict=True))
        | {f"{part}_ha": round(value, 4) for part, value in item.items()}
        for name, item in estimates.items()
    ]
