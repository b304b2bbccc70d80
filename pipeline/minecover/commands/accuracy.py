"""The commands that measure beyond the survey's own stages: compare, design, areas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from minecover.commands.terminal import StoreOption, SurveyFile, console, opened_run, point_to
from minecover.errors import SurveyError
from minecover.models.registry import MODELS

__all__ = ["add_accuracy_commands"]


def add_accuracy_commands(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (compare, design, areas):
        app.command(rich_help_panel="Accuracy")(command)


def compare(
    survey: SurveyFile,
    store: StoreOption = None,
    seeds: Annotated[int, typer.Option(help="each with folds and draws of its own")] = 3,
    models: Annotated[
        str | None, typer.Option(metavar="A,B", help=f"of {','.join(MODELS.names())}; else ours")
    ] = None,
    sets: Annotated[
        str | None, typer.Option(metavar="A,B", help="all,forest,relieff,both or some")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="tested per split and seed; else assessment.folds")
    ] = None,
    ablation: Annotated[bool, typer.Option(help="leave out each source and season")] = True,
    ablation_model: Annotated[
        str | None, typer.Option(help="the model that goes without; else the survey's")
    ] = None,
    search: Annotated[
        bool, typer.Option("--search", help="for parameters of the models that have any")
    ] = False,
) -> None:
    """Compare models on four sets of layers: the paper's tables for this survey."""
    # the models bring torch, dask and scikit-learn: seconds that `--help` need not spend
    from minecover.comparison.driver import compare as carry_out
    from minecover.comparison.plan import Options

    lists = {"models": models, "sets": sets}
    chosen = {name: tuple(text.split(",")) for name, text in lists.items() if text is not None}
    options = Options(
        seeds=seeds,
        folds=folds,
        ablation=ablation,
        ablation_model=ablation_model,
        search=search,
        **chosen,
    )
    with opened_run(survey, store) as job:
        document = carry_out(job, options)
    console.print(comparison_table(document))
    console.print(document["claim"]["statement"], soft_wrap=True)
    point_to(job.survey.store, page="comparison.html", figures="comparison.json")


def comparison_table(document: dict[str, Any]) -> Table:
    """Overall accuracy of every model on every set of layers, best first within a split."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("split", "model", "layers"):
        table.add_column(name)
    for name in ("overall accuracy", "over seeds", "kappa"):
        table.add_column(name, justify="right")
    for row in sorted(
        document["rows"], key=lambda row: (row["split"], -row["overall_accuracy"]["mean"])
    ):
        accuracy, kappa = row["overall_accuracy"], row["kappa"]
        spread = "" if accuracy["deviation"] is None else f"± {100 * accuracy['deviation']:.2f}"
        cells = (f"{100 * accuracy['mean']:.2f} %", spread, f"{kappa['mean']:.4f}" if kappa else "")
        style = "bold" if row["best"] else ""
        table.add_row(
            row["split"].replace("_", " "), row["model"], row["layers"], *cells, style=style
        )
    return table


def design(
    survey: SurveyFile,
    standard_error: Annotated[
        float | None, typer.Option(help="wanted of the overall accuracy, as 0.01; required")
    ] = None,
    minimum: Annotated[int, typer.Option(help="points of the rarest class")] = 50,
    expected: Annotated[
        float | None, typer.Option(help="user's accuracy of classes that were not assessed")
    ] = None,
    seed: Annotated[int, typer.Option(help="the same seed draws the same points")] = 0,
    periods: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="compared, or the one to draw from; else first and last"),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Draw points to label from the finished map, for areas with intervals (for QGIS)."""
    from minecover.area_estimation.workflow import DesignOptions, draw_design

    if standard_error is None:
        raise SurveyError(
            "design: say how precise the overall accuracy is to be, as "
            f"`minecover design {survey} --standard-error 0.01`"
        )
    named = () if periods is None else tuple(periods.split(","))
    options = DesignOptions(standard_error, minimum, expected, seed, named)
    with opened_run(survey, store) as job:
        document = draw_design(job, options)
    console.print(design_table(document))
    console.print(
        f"{len(document['points'])} points; standard error expected of the overall accuracy "
        f"{document['expected_standard_error']:.4f}",
        soft_wrap=True,
    )
    columns = "the column `reference`"
    if len(document.get("periods", ())) > 1:
        columns = " and ".join(f"`class_{name}`" for name in document["periods"])
    console.print(f"Give each its true class in {columns}, then `minecover areas`.")
    point_to(job.survey.store, points="design.gpkg", design="design.json")


def areas(
    survey: SurveyFile,
    points: Annotated[
        Path | None, typer.Option(help="the design with its references filled in; required")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Estimate accuracy, and each class's area with its interval, from the labelled design."""
    from minecover.area_estimation.workflow import estimate_areas
    from minecover.stages.publish import publish_now

    if points is None:
        raise SurveyError(
            "areas: name the file of the labelled design, as "
            f"`minecover areas {survey} --points labelled.gpkg`"
        )
    with opened_run(survey, store) as job:
        document = estimate_areas(job, points)
        if job.ledger.stage("publish") is not None:
            publish_now(job)  # report and summary take the estimates up
    console.print(areas_table(document))
    if "change" in document:
        console.print(change_areas_table(document))
    overall = document["overall_accuracy"]
    console.print(
        f"Overall accuracy {_percent(overall)} %, {document['samples']} points; 95 % intervals in "
        "brackets",
        soft_wrap=True,
    )
    change = {"change": "areas_of_change.csv"} if "change" in document else {}
    point_to(job.survey.store, areas="areas.json", **change)


def design_table(document: dict[str, Any]) -> Table:
    """How many points each stratum gets."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Class on the map")
    for title in ("Area, ha", "Share", "User's accuracy expected", "Points"):
        table.add_column(title, justify="right")
    for name, item in document["strata"].items():
        table.add_row(
            name,
            f"{item['hectares']:,.1f}",
            f"{100 * item['weight']:.1f} %",
            f"{100 * item['expected_users_accuracy']:.1f} %",
            str(item["points"]),
        )
    return table


def areas_table(document: dict[str, Any]) -> Table:
    """Area and accuracy of each class, each with its 95 % interval; within 80 columns."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Class")
    for title in ("Map, ha", "Area, ha", "User's, %", "Producer's, %", "Points"):
        table.add_column(title, justify="right")
    for name in document["classes"]:
        area = document["area_ha"][name]
        table.add_row(
            name,
            f"{document['mapped_ha'][name]:,.1f}",
            f"{area['value']:,.1f} ({area['low']:,.1f}–{area['high']:,.1f})",
            _percent(document["users_accuracy"][name]),
            _percent(document["producers_accuracy"][name]),
            str(document["labelled"][name]),
        )
    return table


def change_areas_table(document: dict[str, Any]) -> Table:
    """Lay out what each class gained and lost between periods, with 95 % intervals."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Class")
    for title in ("Periods", "Gained, ha", "Lost, ha", "Net, ha"):
        table.add_column(title, justify="right")
    for pair in document["change"]["pairs"]:
        for name in document["classes"]:
            items = (pair[f"{what}_ha"][name] for what in ("gained", "lost", "net"))
            cells = (
                f"{item['value']:,.1f} ({item['low']:,.1f}–{item['high']:,.1f})" for item in items
            )
            table.add_row(name, f"{pair['from']}–{pair['to']}", *cells)
    return table


def _percent(estimate: dict[str, float] | None) -> str:
    if estimate is None:
        return "–"
    shares = (f"{100 * estimate[key]:.1f}" for key in ("value", "low", "high"))
    value, low, high = (text.replace("100.0", "100") for text in shares)
    return f"{value} ({low}–{high})"
