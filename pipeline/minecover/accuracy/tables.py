"""Accuracy as a table: every measure with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from minecover.accuracy.scores import wilson

__all__ = ["ALL", "accuracy_table"]

ALL = "all"
"""Stands for the class where a measure is of all classes."""


def accuracy_table(document: Mapping[str, Any]) -> pd.DataFrame:
    """Lay the accuracy of one split out as a table.

    Parameters
    ----------
    document
        As `Estimates.to_dict` gives it; where it has `intervals`, as the assessment writes them,
        these are taken.

    Returns
    -------
    Indexed by `measure` and `class` ("all" for measures of all classes), with `value`, `low` and
    `high` (95 %) and `points`, on which it rests. Without `intervals` shares have the score
    interval of Wilson (1927, 10.1080/01621459.1927.10502953), which takes points as independent;
    kappa and F1 then have none and NaN stands there.
    """
    rows = [*_overall(document), *_by_class(document)]
    columns = ["measure", "class", "value", "low", "high", "points"]
    return pd.DataFrame(rows, columns=columns).set_index(["measure", "class"])


Row = tuple[str, str, float | None, float, float, int]

Bounds = tuple[float, float]

NONE: Bounds = (math.nan, math.nan)


def _overall(document: Mapping[str, Any]) -> Iterator[Row]:
    points = document["samples"]
    right = sum(row[n] for n, row in enumerate(document["matrix"]))
    known = document.get("intervals", {})
    for measure, otherwise in (
        ("overall_accuracy", wilson(_share(right, points), points)),
        ("kappa", NONE),
        ("macro_f1", NONE),
    ):
        yield measure, ALL, document[measure], *_bounds(known, measure, otherwise), points


def _by_class(document: Mapping[str, Any]) -> Iterator[Row]:
    intervals = document.get("intervals", {"classes": {}})["classes"]
    for name, item in document["classes"].items():
        known = intervals.get(name, {})
        right = round((item["producers_accuracy"] or 0.0) * item["reference"])
        for measure, points in (
            ("producers_accuracy", item["reference"]),
            ("users_accuracy", item["mapped"]),
        ):
            scored = wilson(_share(right, points), points)
            yield measure, name, item[measure], *_bounds(known, measure, scored), points
        both = item["reference"] + item["mapped"]
        yield "f1", name, item["f1"], *_bounds(known, "f1", NONE), both


def _share(right: int, points: int) -> float:
    return right / points if points else math.nan


def _bounds(known: Mapping[str, Any], measure: str, otherwise: Bounds) -> Bounds:
    """Bounds that were computed, else others; NaN where they were found not to be defined."""
    if measure not in known:
        return otherwise
    return (known[measure]["low"], known[measure]["high"]) if known[measure] else NONE
