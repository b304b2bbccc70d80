"""The commands on what is done: status, retry, and one share of a stage's tiles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from minecover.commands.terminal import LogOption, StoreOption, SurveyFile, console, load_survey
from minecover.errors import StoreError, SurveyError

if TYPE_CHECKING:
    from minecover.storage.store import Store
    from minecover.workflow.verify import Damage

__all__ = ["add_ledger_commands"]

SHOWN = 20
"""Damaged objects that are named."""


def add_ledger_commands(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (status, verify, retry, tile):
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
    from minecover.api.outdated import current_status
    from minecover.commands.prometheus import exposition
    from minecover.commands.status_table import print_status
    from minecover.storage.identity import known_store

    loaded = load_survey(survey, store)
    opened = known_store(loaded.store)
    statuses = current_status(opened, loaded)
    if prometheus:
        typer.echo(exposition(loaded.name, statuses), nl=False)
    elif as_json:
        typer.echo(json.dumps({"store": opened.url, "stages": [asdict(s) for s in statuses]}))
    else:
        print_status(console, statuses)


def verify(survey: SurveyFile, store: StoreOption = None) -> None:
    """Read the whole store, and name tiles and files that are not what was written."""
    from minecover.stages.registry import stage_names
    from minecover.storage.identity import known_store

    loaded = load_survey(survey, store)
    opened = known_store(loaded.store)
    damages = _damages(opened, list(stage_names(loaded)))
    if damages:
        shown = "\n".join(f"  {_place(damage)}: {damage.reason}" for damage in damages[:SHOWN])
        more = f"\n  and {len(damages) - SHOWN:,} more" if len(damages) > SHOWN else ""
        raise StoreError(
            f"{opened.url}: {len(damages):,} object(s) are not what was written:\n{shown}{more}\n"
            f"have them done again: `minecover retry {survey} --damaged`, then run"
        )


def _damages(store: Store, stages: Sequence[str]) -> list[Damage]:
    """Verify a store, and print a line for each stage that wrote something."""
    from minecover.workflow.verify import verify

    damages: list[Damage] = []
    for check in verify(store, stages):
        damages += check.damages
        if check.objects or check.unknown:
            older = f", {check.unknown:,} marker(s) of an earlier version" if check.unknown else ""
            console.print(
                f" {'✗' if check.damages else '✓'} {check.stage:<9} {check.objects:,} objects, "
                f"{check.size / 1e6:,.1f} MB{older}"
            )
    return damages


def _place(damage: Damage) -> str:
    where = damage.stage if damage.tile is None else f"{damage.stage} {damage.tile}"
    return f"{where}: {damage.key}"


def retry(
    survey: SurveyFile,
    store: StoreOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="tiles whose data was bad")] = False,
    tile: Annotated[list[str] | None, typer.Option(help="a tile by name, as r0003c0012")] = None,
    since: Annotated[datetime | None, typer.Option(help="tiles ended since (local time)")] = None,
    stage: Annotated[str | None, typer.Option(help="of this stage only")] = None,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="tiles and files that `verify` finds damaged")
    ] = False,
) -> None:
    """Have tiles, and what was made from them, done again by the next run."""
    from minecover.stages.registry import stages_of
    from minecover.storage.identity import known_store
    from minecover.workflow.retry import TileChoice
    from minecover.workflow.retry import retry as invalidate
    from minecover.workflow.stage import Workspace
    from minecover.workflow.verify import redo

    loaded = load_survey(survey, store)
    opened = known_store(loaded.store)
    choice = TileChoice(failed, tile or (), since.timestamp() if since else None, stage)
    order = Workspace(loaded, stages_of(loaded)).order
    if damaged and (choice or stage):
        raise SurveyError("retry: --damaged stands alone; leave the other choices of tiles out")
    chosen = (
        redo(opened, _damages(opened, order.names), order)
        if damaged
        else invalidate(opened, choice, order)
    )
    for name, tiles in chosen.items():
        what = f"{len(tiles):,} tile(s)" if tiles else "the stage"
        console.print(f"{name}: {what} will be done again")
    if not chosen:
        console.print("nothing is damaged" if damaged else "no such tile: nothing to do again")


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
