"""The commands on labels: those that are doubtful, where to label next, labels of old maps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from minecover.commands.terminal import (
    PeriodOption,
    StoreOption,
    SurveyFile,
    console,
    opened_run,
    point_to,
)
from minecover.models.registry import MODELS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["add_label_review_commands"]


def add_label_review_commands(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (doubts, suggest, borrow):
        app.command(rich_help_panel="Labels")(command)


def doubts(
    survey: SurveyFile,
    store: StoreOption = None,
    share: Annotated[
        float, typer.Option(help="of the points, the most doubtful, that are listed")
    ] = 0.1,
    model: Annotated[
        str, typer.Option(metavar="KIND", help=f"that judges them: {', '.join(MODELS.names())}")
    ] = "rf",
    neighbours: Annotated[int, typer.Option(help="similar points that are compared")] = 10,
    pictures: Annotated[int, typer.Option(help="points whose ground is shown")] = 60,
) -> None:
    """List the labels that are likely wrong, with pictures, to look at them again."""
    from minecover.label_review.doubtful_labels import DoubtOptions, find_doubts

    options = DoubtOptions(share, model, neighbours, pictures)
    with opened_run(survey, store) as job:
        document, table = find_doubts(job, options)
    console.print(doubts_table(table))
    wrong = document["wrong_labels"]
    low, high = (f"{100 * wrong[end]:.1f}" for end in ("low", "high"))
    console.print(
        f"about {100 * wrong['rate']:.1f} % ({low}–{high}) of {document['points']} labels seem "
        f"wrong; the {document['listed']} most doubtful are listed",
        soft_wrap=True,
    )
    if "left_out" in document:
        console.print(f"{document['left_out']} of them did not teach the model that is stored")
    point_to(job.survey.store, sheet="doubts.html", points="doubts.gpkg", table="doubts.csv")


def suggest(
    survey: SurveyFile,
    store: StoreOption = None,
    points: Annotated[int, typer.Option(help="how many to choose")] = 100,
    seed: Annotated[int, typer.Option(help="the same seed chooses the same points")] = 0,
    period: PeriodOption = None,
) -> None:
    """Choose points of the finished map to label that will teach the model most."""
    from minecover.label_review.suggested_points import SuggestOptions, suggest_points

    with opened_run(survey, store) as job:
        table = suggest_points(job, SuggestOptions(points, seed, period))
    console.print(
        f"{len(table)} points; give each its class in the column `{job.survey.samples.column}`, by "
        "`minecover label` or in QGIS, then add the file to `samples.path`. They teach and do not "
        "measure: for areas, label those of `minecover design`.",
        soft_wrap=True,
    )
    point_to(job.survey.store, points="suggested.gpkg", table="suggested.csv")


def borrow(
    survey: SurveyFile,
    source: Annotated[
        Path, typer.Option("--map", help="raster of class codes, or polygons with their classes")
    ],
    store: StoreOption = None,
    classes: Annotated[
        str, typer.Option(help="of a raster: its codes, as 10=forest,30=forest,50=built_up")
    ] = "",
    points: Annotated[int, typer.Option(help="of each class, or of each polygon, at most")] = 200,
    margin: Annotated[int, typer.Option(help="pixels around a point that are of its class")] = 2,
    least: Annotated[
        float, typer.Option(help="agreement below which a class does not teach")
    ] = 0.8,
    trusted: Annotated[
        Path | None, typer.Option(help="file of points of known classes that test a raster")
    ] = None,
    period: PeriodOption = None,
    seed: Annotated[int, typer.Option(help="the same seed draws the same points")] = 0,
) -> None:
    """Take labels from an old map or from polygons, where they stand a test of agreement."""
    from minecover.label_review.borrowed_labels import BorrowOptions, borrow_labels

    options = BorrowOptions(source, classes, points, margin, least, trusted, period, seed)
    with opened_run(survey, store) as job:
        document, table = borrow_labels(job, options)
    console.print(agreement_table(document["classes"]))
    console.print(f"{len(table)} points teach; name their file in `samples.path`", soft_wrap=True)
    point_to(job.survey.store, points="borrowed.gpkg", agreement="borrowed.json")


def agreement_table(classes: Mapping[str, Any]) -> Table:
    """Lay out how far the labels of each class agree."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Class")
    for title in ("Drawn", "Agreement, %", "Compared", "Teach"):
        table.add_column(title, justify="right")
    for name, own in classes.items():
        share, ends = own["agreement"], own["interval"]
        told = "-" if share is None else f"{100 * share:.0f}"
        told += "" if ends is None else f" ({100 * ends[0]:.0f}–{100 * ends[1]:.0f})"
        compared = f"{own['compared']} by {own['with']}"
        table.add_row(name, str(own["drawn"]), told, compared, str(own["kept"]))
    return table


SHOWN = 10
"""Points of a list that are printed."""


def doubts_table(points: pd.DataFrame) -> Table:
    """Lay out the most doubtful points."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in ("Point", "Label", "Perhaps"):
        table.add_column(title)
    for title in ("Doubt", "Similar points disagree"):
        table.add_column(title, justify="right")
    for row in points.head(SHOWN).to_dict("records"):
        table.add_row(
            str(row["id"]),
            row["class"],
            row["likely"],
            f"{row['doubt']:.2f}",
            f"{100 * row['disagreeing']:.0f} %",
        )
    return table
