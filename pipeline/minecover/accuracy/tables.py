"""Accuracy as a table: every measure with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from minecover.accuracy.intervals import wilson

__all__ = ["ALL", "accuracy_table"]

ALL = "all"
"""Stands for the class where a measure is of all classes."""


def accuracy_table(document: Mapping[str, Any]) -> pd.DataFrame:
    """Lay the accuracy of one split out as a table.

    Parameters
    ----------
    document
        As `Estimates.to_dict` gives it; where it has an `interval` of the overall accuracy, that is
        taken, as blocks give it.

    Returns
    -------
    Indexed by `measure` and `class` ("all" for measures of all classes), with `value`, `low` and
    `high` (95 %) and `points`, on which it rests. Shares have the score interval of Wilson (1927,
    10.1080/01621459.1927.10502953), which takes points as independent; kappa and macro-F1 have none
    and NaN stands there.
    """
    rows = [*_overall(document), *_by_class(document)]
    columns = ["measure", "class", "value", "low", "high", "points"]
    return pd.DataFrame(rows, columns=columns).set_index(["measure", "class"])


Row = tuple[str, str, float | None, float, float, int]


def _overall(document: Mapping[str, Any]) -> Iterator[Row]:
    points = document["samples"]
    right = sum(row[n] for n, row in enumerate(document["matrix"]))
    low, high = document.get("interval") or wilson(right, points)
    yield "overall_accuracy", ALL, document["overall_accuracy"], low, high, points
    for measure in ("kappa", "macro_f1"):
        yield measure, ALL, document[measure], math.nan, math.nan, points


def _by_class(document: Mapping[str, Any]) -> Iterator[Row]:
    for name, item in document["classes"].items():
        right = round((item["producers_accuracy"] or 0.0) * item["reference"])
        for measure, points in (
            ("producers_accuracy", item["reference"]),
            ("users_accuracy", item["mapped"]),
        ):
            yield measure, name, item[measure], *wilson(right, points), points
        yield "f1", name, item["f1"], math.nan, math.nan, item["reference"] + item["mapped"]
