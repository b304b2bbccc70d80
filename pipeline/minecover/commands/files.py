"""The commands on survey files: init, check and schema."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from minecover.commands.terminal import StoreOption, SurveyFile, console, load_survey
from minecover.errors import SurveyError

__all__ = ["add_file_commands"]

MARKS = {"right": (" ✓ ", "green"), "remark": (" ! ", "yellow")}
"""What is wrong is told at the end, as the errors of all commands are."""


def add_file_commands(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (init, check, schema):
        app.command()(command)


def init(
    path: Annotated[Path, typer.Argument(help="where to write it")] = Path("survey.yaml"),
) -> None:
    """Write a commented survey file to start from."""
    text = resources.files("minecover.survey").joinpath("template.yaml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise SurveyError(f"{path}: there already; give another name") from error
    except OSError as error:
        raise SurveyError(f"{path}: cannot write it: {error.strerror}") from error
    console.print(f"wrote {path}: edit it, then `minecover check {path}`", soft_wrap=True)


def check(
    survey: SurveyFile,
    store: StoreOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Check the area, the catalog and its items, and what every stage will need."""
    from minecover.planning.check import check_survey
    from minecover.planning.findings import raise_faults

    findings = []
    for finding in check_survey(load_survey(survey, store)):
        findings.append(finding)
        if not as_json and finding.kind in MARKS:
            console.print(Text.assemble(MARKS[finding.kind], finding.text), soft_wrap=True)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    raise_faults(findings)


def schema() -> None:
    """Print the JSON schema of survey files, for editors."""
    from minecover.survey import Survey

    typer.echo(json.dumps(Survey.model_json_schema(), indent=2))
