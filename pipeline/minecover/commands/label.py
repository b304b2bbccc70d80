"""The command with which people say what is at points: a page on this machine."""

from __future__ import annotations

import getpass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table

from minecover.commands.served_page import THIS_MACHINE, HostOption, PortOption, serve_page
from minecover.commands.terminal import StoreOption, SurveyFile, console, load_survey

if TYPE_CHECKING:
    from minecover.labelling.project import Project
    from minecover.labelling.session import Labelling
    from minecover.survey import Survey

__all__ = ["add_label_command"]

LISTED = 10
"""Points at which labellers differ that are listed."""


def add_label_command(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command(rich_help_panel="Accuracy")(label)


def label(
    survey: SurveyFile,
    points: Annotated[
        Path | None,
        typer.Option(help="to label; else those of `minecover design`, or of the project"),
    ] = None,
    project: Annotated[
        Path | None, typer.Option(help="folder of points and answers; else SURVEY-labels beside it")
    ] = None,
    labeller: Annotated[
        str | None, typer.Option(metavar="NAME", help="who answers; else the name of the account")
    ] = None,
    settle: Annotated[
        bool, typer.Option("--settle", help="decide where labellers differ, instead of labelling")
    ] = False,
    summary: Annotated[
        bool,
        typer.Option("--summary", help="no page: write the result, compare labellers"),
    ] = False,
    basemap: Annotated[
        str | None,
        typer.Option(metavar="URL", help="of a map that you may use, with {lon} and {lat}"),
    ] = None,
    store: StoreOption = None,
    host: HostOption = THIS_MACHINE,
    port: PortOption = 8766,
) -> None:
    """Label points, one after the other, in a browser, until Ctrl-C; see how labellers agree."""
    from minecover.labelling.opening import begin_labelling, open_project

    loaded = load_survey(survey, store)
    folder = project or survey.resolve().with_name(f"{survey.stem}-labels")
    opened = open_project(loaded, folder, points, basemap)
    if not summary:
        name = labeller or getpass.getuser()
        _serve(begin_labelling(loaded, opened, name, settle=settle), host, port)
    _summarise(opened, loaded)


def _serve(work: Labelling, host: str, port: int) -> None:
    from minecover.labelling.application import label_application

    serve_page(
        partial(label_application, work),
        host,
        port,
        says=lambda address: (
            f"{work.labeller} labels at {address}",
            f"answers go to {work.file.path}; Ctrl-C stops it",
        ),
    )


def _summarise(project: Project, survey: Survey) -> None:
    """Write the result, and say how far the work is and how labellers agree."""
    from minecover.labelling.agreement import agreement
    from minecover.labelling.result import standing, write_result

    now = standing(project, survey.class_codes)
    path = write_result(project, now)
    questions = project.questions
    console.print(_progress_table(now.answers, len(questions)))
    for pair in agreement(now.labels, survey.class_codes):
        console.print(_pair_text(pair), soft_wrap=True)
        if pair["both"] > pair["agreed"]:
            console.print(_confusion_table(pair, [item.name for item in survey.classes]))
    names = {item.key: item.name for item in questions}
    for key, said in list(now.open.items())[:LISTED]:
        listed = ", ".join(f"{name} {what}" for name, what in said.items())
        console.print(f"   point {names[key]}: {listed}", soft_wrap=True, markup=False)
    if now.open:
        console.print(f"{len(now.open)} to settle: the same command with --settle", soft_wrap=True)
    labelled = sum(bool(now.result(item.key)[0]) for item in questions)
    console.print(
        f"{labelled} of {len(questions)} labelled in {path}", soft_wrap=True, markup=False
    )
    how = (
        f"minecover areas SURVEY --points {path}" if project.of_design else f"samples.path: {path}"
    )
    console.print(f"   {how}", soft_wrap=True, markup=False)


def _progress_table(answers: Any, total: int) -> Table:  # noqa: ANN401
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Labeller")
    for title in ("Labelled", "Skipped", "In doubt", "To do"):
        table.add_column(title, justify="right")
    for name, said in answers.items():
        skipped = sum(one.label is None for one in said.values())
        doubt = sum(one.doubt for one in said.values())
        figures = (len(said) - skipped, skipped, doubt, total - len(said))
        table.add_row(name, *map(str, figures))
    return table


def _pair_text(pair: dict[str, Any]) -> str:
    first, second = pair["labellers"]
    if not pair["both"]:
        return f"{first} and {second} labelled no point both"
    kappa = "undefined" if pair["kappa"] is None else f"{pair['kappa']:.3f}"
    return (
        f"{first} and {second}: {pair['agreed']} of {pair['both']} alike "
        f"({100 * pair['overall']:.1f} %), kappa {kappa}"
    )


def _confusion_table(pair: dict[str, Any], classes: list[str]) -> Table:
    """Count the classes of two labellers; rows are the first's."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(f"{pair['labellers'][0]} \\ {pair['labellers'][1]}")
    for name in classes:
        table.add_column(name, justify="right")
    for name, row in zip(classes, pair["matrix"], strict=True):
        table.add_row(name, *(str(count) if count else "" for count in row))
    return table
