"""The commands on labels: those that are doubtful, and where to label next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
    for command in (doubts, suggest):
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
