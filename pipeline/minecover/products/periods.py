"""The report's section on change: maps of the periods, areas, transitions and mines in time."""

from __future__ import annotations

from collections.abc import Sequence
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
        `names`, `pictures`, `areas`, `flows`, `matrix`, `estimates`, `accuracy` and `mines`, as
        ``periods.html`` has them.
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
        "estimates": _estimates(publication),
        "accuracy": _accuracy(publication, timeline.names),
        "mines": () if table is None else mine_bars(table, timeline.names, classes, MOST_MINES),
    }


def _estimates(publication: Publication) -> dict[str, Any] | None:
    """Take what classes gained and lost by a labelled design, from its first period to its last."""
    pairs = ((publication.areas or {}).get("change") or {}).get("pairs")
    if not pairs:
        return None
    whole = pairs[-1]
    rows = [
        {
            "item": item,
            **{kind: whole[f"{kind}_ha"][item.name] for kind in ("gained", "lost", "net")},
        }
        for item in publication.classes
    ]
    return {"first": whole["from"], "last": whole["to"], "rows": rows}


def _accuracy(publication: Publication, names: Sequence[str]) -> dict[str, Any] | None:
    """Accuracy of the combined maps in spatial blocks: all points, and a row for each period.

    A row has `name`, `held_out`, as `combined_accuracy` measures it, and `design`, the overall
    accuracy that a labelled design estimates; either may be None.
    """
    combined = (publication.accuracy or {}).get("combined") or {}
    whole = combined.get("splits", {}).get("spatial_blocks")
    design = ((publication.areas or {}).get("change") or {}).get("periods", {})
    if whole is None and not design:
        return None
    held_out = {} if whole is None else whole["periods"]
    rows = [
        {
            "name": name,
            "held_out": held_out.get(name),
            "design": design.get(name, {}).get("overall_accuracy"),
        }
        for name in names
    ]
    again = bool(combined.get("before_network"))
    return {"whole": whole, "rows": rows, "designed": bool(design), "again": again}


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
