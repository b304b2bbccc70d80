"""The report's section on change: maps of the periods, areas, transitions and mines in time."""

from __future__ import annotations

from typing import Any

import numpy as np

from minecover.mine_history.timeline import Timeline
from minecover.products.figures import period_pictures
from minecover.products.mine_history import MINE_HISTORY
from minecover.products.period_areas import PeriodAreas, measure_periods
from minecover.products.period_charts import flow_chart, mine_bars
from minecover.products.product import Publication

__all__ = ["period_section"]

MOST_MINES = 8


def period_section(publication: Publication) -> dict[str, Any] | None:
    """Gather what the section shows; None where there are no two periods.

    Returns
    -------
    dict
        `names`, `pictures`, `areas`, `flows`, `matrix` and `mines`, as ``periods.html`` has them.
    """
    timeline, classes = publication.timeline, publication.classes
    if timeline is None or len(timeline) < 2:
        return None
    measured = measure_periods(timeline, publication.grid, classes)
    followed = publication.result(MINE_HISTORY) if MINE_HISTORY in publication else None
    table = None if followed is None else followed.table
    return {
        "names": timeline.names,
        "pictures": _pictures(publication, timeline),
        "areas": [
            {"item": item, "hectares": own.tolist(), "change": float(own[-1] - own[0])}
            for item, own in zip(classes, measured.areas.T, strict=True)
        ],
        "flows": flow_chart(measured.changed, timeline.names, classes),
        "matrix": _matrix(publication, measured),
        "mines": () if table is None else mine_bars(table, timeline.names, classes, MOST_MINES),
    }


def _pictures(publication: Publication, timeline: Timeline) -> list[dict[str, Any]]:
    pictures = period_pictures(timeline, publication.grid, publication.classes)
    return [
        {"name": name, "days": days, "picture": picture}
        for name, days, picture in zip(timeline.names, timeline.days, pictures, strict=True)
    ]


def _matrix(publication: Publication, measured: PeriodAreas) -> list[dict[str, Any]]:
    """Rows of the matrix from the first to the last period; shares are of the row."""
    totals = np.maximum(measured.overall.sum(axis=1, keepdims=True), 1e-9)
    shares = measured.overall / totals
    return [
        {
            "item": item,
            "cells": [
                {
                    "hectares": float(measured.overall[row, column]),
                    "share": float(shares[row, column]),
                    "stays": row == column,
                }
                for column in range(len(publication.classes))
            ],
        }
        for row, item in enumerate(publication.classes)
    ]
