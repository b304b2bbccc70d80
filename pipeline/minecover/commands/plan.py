"""The commands `plan`, `scale` and `calibrate`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from minecover.commands.terminal import PricesOption, StoreOption, SurveyFile, console, load_survey
from minecover.storage.names import CALIBRATION_FILE

if TYPE_CHECKING:
    from minecover.planning.simulation import Pool

__all__ = ["add_plan_commands"]

START = 60.0
"""Seconds until a machine or pod that was asked for takes a tile."""

WORKERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


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
    from minecover.commands.scale_table import print_scale
    from minecover.planning.prices import load_prices
    from minecover.planning.scale import DRIVER, Scaling
    from minecover.planning.simulation import Pool
    from minecover.stages.registry import stages_of
    from minecover.workflow.stage import Workspace

    listed = None if prices is None else load_prices(prices)
    loaded = load_survey(survey, store)
    scaling = Scaling.of(Workspace(loaded, stages_of(loaded)), listed)
    pool = Pool(
        1,
        start=START if start is None else start,
        renewed=renewed,
        driver=DRIVER if renewed is None else 0.0,  # indexes have none
        stream=1e6 * stream,
        bandwidth=math.inf if bandwidth is None else 1e6 * bandwidth,
        preemptions=preemptions,
        announced=announced,
        lease=scaling.survey.engine.lease,
    )
    counts = workers or WORKERS
    here = None if start is not None or renewed is not None else loaded.engine.workers
    pools = [replace(pool, workers=n, start=0.0 if n == here else pool.start) for n in counts]
    scaled = [scaling.on(each, seed) for each in pools]
    if as_json:
        typer.echo(json.dumps([asdict(item) for item in scaled]))
    else:
        print_scale(console, scaled, scaling.plan.currency)
        for line in (*scaling.plan.assumptions, *_assumed(pool, here)):
            console.print(f"assumed: {line}", style="dim")


def _assumed(pool: Pool, here: int | None) -> Iterator[str]:
    """Say what the simulation takes for granted."""
    yield f"a worker is there {pool.start:g} s after it was asked for (--start)"
    if here is not None:
        yield f"{here:,}, as the survey has them, are on this machine and there with their engine"
    yield f"a worker moves {pool.stream / 1e6:g} MB/s (--stream)"
    if math.isinf(pool.bandwidth):
        yield "the storage is as fast as all workers together (--bandwidth)"
    if not pool.preemptions:
        yield "no worker is lost (--preemptions)"


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
