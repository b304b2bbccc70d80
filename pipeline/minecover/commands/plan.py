"""The commands `plan`, `scale` and `calibrate`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from minecover.commands.terminal import PricesOption, StoreOption, SurveyFile, console, load_survey
from minecover.storage.names import CALIBRATION_FILE

__all__ = ["add_plan_commands"]


def add_plan_commands(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (plan, scale, calibrate):
        app.command()(command)


def plan(
    survey: SurveyFile,
    store: StoreOption = None,
    prices: PricesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Estimate what each stage of a run takes: bytes, memory, core-hours, time and money."""
    # the stages bring torch, dask and GDAL with them: seconds that `--help` need not spend
    from minecover.api.plan_table import PlanSheet, plan_document
    from minecover.planning.plan import plan_survey
    from minecover.planning.prices import load_prices
    from minecover.stages.registry import stages_of
    from minecover.workflow.stage import Workspace

    listed = None if prices is None else load_prices(prices)
    loaded = load_survey(survey, store)
    planned = plan_survey(Workspace(loaded, stages_of(loaded)), listed)
    if as_json:
        typer.echo(json.dumps(plan_document(planned)))
    else:
        console.print(PlanSheet(planned))


def scale(
    survey: SurveyFile,
    store: StoreOption = None,
    prices: PricesOption = None,
    workers: Annotated[
        list[int] | None, typer.Option(min=1, help="may be given several times")
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="seconds from a worker's request to its first tile; else 60, and for as many "
            "workers as the survey has, on this machine, those of their engine",
        ),
    ] = None,
    renewed: Annotated[
        int | None, typer.Option(min=1, help="tiles of a pod; none: a worker stays")
    ] = None,
    bandwidth: Annotated[
        float | None, typer.Option(min=1, help="MB/s of the storage for all workers")
    ] = None,
    stream: Annotated[float, typer.Option(min=1, help="MB/s of one worker")] = 100.0,
    preemptions: Annotated[float, typer.Option(min=0, help="of a worker in an hour")] = 0.0,
    announced: Annotated[
        float, typer.Option(min=0, max=1, help="share of these that give back their tile")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="of the draws")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Predict time and cost on 1 to 1,000 workers, by a simulation of measured tiles."""
    from minecover.api.scale_table import WORKERS, Circumstances, scale_survey
    from minecover.planning.prices import load_prices

    listed = None if prices is None else load_prices(prices)
    given = Circumstances(
        start=start, renewed=renewed, bandwidth=bandwidth, stream=stream,
        preemptions=preemptions, announced=announced, seed=seed,
    )  # fmt: skip
    sheet = scale_survey(load_survey(survey, store), given, listed, workers or WORKERS)
    if as_json:
        typer.echo(json.dumps([asdict(item) for item in sheet.scaled]))
    else:
        console.print(sheet)


def calibrate(survey: SurveyFile, store: StoreOption = None) -> None:
    """Measure what a survey's work takes on this machine, for `plan`; kept in the store."""
    from minecover.planning.calibrate import calibrate as measure
    from minecover.stages.registry import stages_of
    from minecover.storage.store import Store

    loaded = load_survey(survey, store)
    constants = measure(
        loaded, stages_of(loaded), lambda line: console.print(f" … {line}", style="dim")
    )
    Store(loaded.store).write_json(CALIBRATION_FILE, constants.model_dump(mode="json"))
    console.print(f"wrote {loaded.store}/{CALIBRATION_FILE}: measured on {constants.machine}")
