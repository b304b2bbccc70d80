"""The commands on what is done: status, retry, and one share of a stage's tiles."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from minecover.commands.terminal import LogOption, StoreOption, SurveyFile, console, load_survey

__all__ = ["add_ledger_commands"]


def add_ledger_commands(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (status, retry, tile):
        app.command()(command)


def status(
    survey: SurveyFile,
    store: StoreOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="in the text format of Prometheus")
    ] = False,
) -> None:
    """Show what is done, at work, expired and failed, and the time left."""
    from minecover.commands.prometheus import exposition
    from minecover.commands.status_table import print_status
    from minecover.ledger.status import survey_status
    from minecover.stages.registry import stage_names
    from minecover.storage.identity import known_store

    loaded = load_survey(survey, store)
    opened = known_store(loaded.store)
    statuses = survey_status(opened, list(stage_names(loaded)))
    if prometheus:
        typer.echo(exposition(loaded.name, statuses), nl=False)
    elif as_json:
        typer.echo(json.dumps({"store": opened.url, "stages": [asdict(s) for s in statuses]}))
    else:
        print_status(console, statuses)


def retry(
    survey: SurveyFile,
    store: StoreOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="tiles whose data was bad")] = False,
    tile: Annotated[list[str] | None, typer.Option(help="a tile by name, as r0003c0012")] = None,
    since: Annotated[datetime | None, typer.Option(help="tiles ended since (local time)")] = None,
    stage: Annotated[str | None, typer.Option(help="of this stage only")] = None,
) -> None:
    """Have tiles, and what was made from them, done again by the next run."""
    from minecover.stages.registry import stages_of
    from minecover.storage.identity import known_store
    from minecover.workflow.retry import TileChoice
    from minecover.workflow.retry import retry as invalidate
    from minecover.workflow.stage import Workspace

    loaded = load_survey(survey, store)
    opened = known_store(loaded.store)
    choice = TileChoice(failed, tile or (), since.timestamp() if since else None, stage)
    order = Workspace(loaded, stages_of(loaded)).order
    chosen = invalidate(opened, choice, order)
    for name, tiles in chosen.items():
        console.print(f"{name}: {len(tiles):,} tile(s) will be done again")
    if not chosen:
        console.print("no such tile: nothing to do again")


def tile(
    survey: SurveyFile,
    stage: Annotated[str, typer.Option(help="a stage with tiles, as cube")],
    of: Annotated[int, typer.Option(min=1, help="number of shares of the tiles")],
    index: Annotated[
        int, typer.Option(min=0, envvar="JOB_COMPLETION_INDEX", help="which share, from 0")
    ],
    store: StoreOption = None,
    log: LogOption = "-",
) -> None:
    """Do one share of a stage's tiles in this process, as an index of a Kubernetes Job."""
    from minecover.api.progress import TerminalProgress
    from minecover.stages.registry import stages_of
    from minecover.workflow.share import do_share
    from minecover.workflow.tile_log import logging_tiles

    loaded = load_survey(survey, store)
    shown = Console(stderr=True, highlight=False)
    with logging_tiles(log), TerminalProgress(shown) as progress:
        do_share(loaded, stage, index, of, progress, stages_of(loaded))
