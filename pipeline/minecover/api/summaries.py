"""Results in a few words and small tables, as notebooks show them."""

from __future__ import annotations

import math
from html import escape

import pandas as pd

from minecover.accuracy.tables import ALL
from minecover.api.tables import Table, duration
from minecover.products.palette import INKS

__all__ = ["class_table", "matrix_html", "overall_facts", "stage_table"]

MEASURES = {
    "overall_accuracy": "overall accuracy",
    "kappa": "kappa",
    "macro_f1": "macro F1",
    "users_accuracy": "user's accuracy",
    "producers_accuracy": "producer's accuracy",
    "f1": "F1",
}

SHARES = {"overall_accuracy", "users_accuracy", "producers_accuracy"}
"""Measures that are written in percent."""


def stage_table(status: pd.DataFrame) -> Table:
    """Lay out the state of every stage, its tiles and its time."""
    rows = tuple(
        (
            str(stage),
            str(row["state"]),
            "" if pd.isna(row["tiles"]) else f"{row['done']:,} of {row['tiles']:,}",
            f"{row['failed']:,}" if row["failed"] else "",
            "" if pd.isna(row["seconds"]) else duration(row["seconds"]),
        )
        for stage, row in status.iterrows()
    )
    columns = ("stage", "state", "tiles done", "failed", "time")
    return Table(columns, rows, words=frozenset({"state"}))


def overall_facts(table: pd.DataFrame) -> dict[str, str]:
    """Write the measures of all classes with their intervals, by what they are called."""
    rows = table.xs(ALL, level="class")
    return {MEASURES[str(name)]: _figure(str(name), row) for name, row in rows.iterrows()}


def class_table(table: pd.DataFrame) -> Table:
    """Lay out the measures of each class with their intervals of 95 %."""
    own = table.drop(index=ALL, level="class")
    measures = [name for name in MEASURES if name in own.index.get_level_values("measure")]
    names = dict.fromkeys(own.index.get_level_values("class"))
    rows = tuple(
        (str(name), *(_figure(measure, own.loc[(measure, name)]) for measure in measures))
        for name in names
    )
    return Table(("class", *(MEASURES[measure] for measure in measures)), rows)


def _figure(measure: str, row: pd.Series[float]) -> str:
    """Write a value with its interval; a dash where it is not defined."""
    value, low, high = (float(row[key]) for key in ("value", "low", "high"))
    if math.isnan(value):
        return "–"
    scale, unit, digits = (100, " %", 1) if measure in SHARES else (1, "", 3)
    text = f"{scale * value:.{digits}f}{unit}"
    if math.isnan(low) or math.isnan(high):
        return text
    return f"{text} ({scale * low:.{digits}f} to {scale * high:.{digits}f})"


def matrix_html(matrix: pd.DataFrame) -> str:
    """Write a confusion matrix as HTML, shaded by the share of each row as in the report."""
    heads = "".join(f"<th>{escape(str(name))}</th>" for name in matrix.columns)
    rows = "".join(
        f'<tr><th style="text-align: left">{escape(str(name))}</th>'
        + "".join(
            _cell(int(count), int(sum(counts)), at == place) for at, count in enumerate(counts)
        )
        + "</tr>"
        for place, (name, counts) in enumerate(zip(matrix.index, matrix.to_numpy(), strict=True))
    )
    caption = (
        '<caption style="text-align: left">points; rows as labelled, columns as mapped</caption>'
    )
    return f'<table cellpadding="4">{caption}<tr><th></th>{heads}</tr>{rows}</table>'


def _cell(count: int, total: int, right: bool) -> str:
    share = count / total if total else 0.0
    strength = 0.58 * share + 0.04 if right else min(2.5 * share + 0.03, 0.62)
    ink = ", ".join(map(str, bytes.fromhex(INKS["hit" if right else "miss"][1][1:])))
    shade = f"; background: rgba({ink}, {strength:.2f})" if count else ""
    return f'<td style="text-align: right{shade}">{count:,}</td>'
