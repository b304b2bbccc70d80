"""What more workers bring a survey, as a table that fits 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

import pandas as pd
from pydantic import Field

from minecover.api.tables import Sheet, Table, duration
from minecover.errors import SurveyError
from minecover.planning.prices import Prices
from minecover.planning.scale import DRIVER, Scaled, Scaling
from minecover.planning.simulation import Pool
from minecover.settings import Section
from minecover.stages.registry import stages_of
from minecover.survey import Survey
from minecover.workflow.stage import Workspace

__all__ = ["WORKERS", "Circumstances", "ScaleSheet", "scale_survey"]

START = 60.0
"""Seconds until a machine or pod that was asked for takes a tile."""

WORKERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class ScaleSheet(Sheet):
    """Time, core-hours and money of a survey by number of workers, and what was assumed.

    Parameters
    ----------
    scaled
        A prediction for each number of workers.
    currency
        Of money; empty: there is none.
    assumptions
        What they take for granted.
    """

    def __init__(self, scaled: Sequence[Scaled], currency: str, assumptions: Sequence[str]) -> None:
        super().__init__([_table(scaled, currency)], [*_losses(scaled), *assumptions])
        self.scaled = tuple(scaled)

    @property
    def frame(self) -> pd.DataFrame:
        """The numbers, by `workers`: seconds, core-hours, money, efficiency (0-1) and losses."""
        rows = [{k: v for k, v in asdict(item).items() if k != "stages"} for item in self.scaled]
        return pd.DataFrame(rows).set_index("workers")


class Circumstances(Section):
    """Of workers, beside their number."""

    start: float | None = Field(None, ge=0)
    renewed: int | None = Field(None, ge=1)
    bandwidth: float | None = Field(None, gt=0)
    stream: float = Field(100.0, gt=0)
    preemptions: float = Field(0.0, ge=0)
    announced: float = Field(1.0, ge=0, le=1)
    seed: int = Field(0, ge=0)


def scale_survey(
    survey: Survey,
    given: Circumstances,
    prices: Prices | None = None,
    workers: Sequence[int] = WORKERS,
) -> ScaleSheet:
    """Predict time and cost of a survey by number of workers, by a simulation of measured tiles.

    Parameters
    ----------
    survey, prices
        What there is to do, and what it costs.
    given
        Seconds from a worker's request to its first tile (`start`; None: 60, and for as many
        workers as the survey has, on this machine, those of their engine); tiles of a pod
        (`renewed`; None: a worker stays); MB/s of the storage for all workers (`bandwidth`; None:
        as much as they take) and of one worker (`stream`); `preemptions` of a worker in an hour,
        and the share of these that give back their tile (`announced`); `seed` of the draws.
    workers
        Numbers of them, each above 0.

    Raises
    ------
    SurveyError
        A number of workers is none.
    """
    wrong = [n for n in workers if not isinstance(n, int) or n < 1]
    if wrong or not workers:
        raise SurveyError(f"workers: {wrong or 'none'}; give whole numbers above 0")
    scaling = Scaling.of(Workspace(survey, stages_of(survey)), prices)
    pool = Pool(
        1,
        start=START if given.start is None else given.start,
        renewed=given.renewed,
        driver=DRIVER if given.renewed is None else 0.0,  # indexes have none
        stream=1e6 * given.stream,
        bandwidth=math.inf if given.bandwidth is None else 1e6 * given.bandwidth,
        preemptions=given.preemptions,
        announced=given.announced,
        lease=survey.engine.lease,
    )
    elsewhere = given.start is not None or given.renewed is not None
    here = None if elsewhere else survey.engine.workers
    pools = [replace(pool, workers=n, start=0.0 if n == here else pool.start) for n in workers]
    scaled = [scaling.on(each, given.seed) for each in pools]
    lines = (*scaling.plan.assumptions, *_assumed(pool, here))
    return ScaleSheet(scaled, scaling.plan.currency, [f"assumed: {line}" for line in lines])


def _table(scaled: Sequence[Scaled], currency: str) -> Table:
    shown = {
        "workers": True,
        "time": True,
        "on tiles": True,
        "core-h": True,
        "GPU-h": any(item.gpu_hours for item in scaled),
        currency or "money": scaled[0].money is not None,
        "used": True,
    }
    rows = (zip(_cells(item), shown.values(), strict=True) for item in scaled)
    return Table(
        tuple(name for name, there in shown.items() if there),
        tuple(tuple(cell for cell, there in row if there) for row in rows),
    )


def _cells(item: Scaled) -> tuple[str, ...]:
    return (
        f"{item.workers:,}",
        duration(item.seconds),
        duration(item.tile_seconds),
        f"{item.core_hours:,.1f}",
        f"{item.gpu_hours:,.1f}",
        "" if item.money is None else f"{item.money:,.2f}",
        f"{item.efficiency:.0%}",
    )


def _losses(scaled: Sequence[Scaled]) -> Iterator[str]:
    lost = max(item.preempted for item in scaled)
    if lost:
        failed = max(item.failed for item in scaled)
        yield f"up to {lost:,} workers lost on the way, and {failed:,} tile(s) failed"


def _assumed(pool: Pool, here: int | None) -> Iterator[str]:
    """Say what the simulation takes for granted."""
    yield f"a worker is there {pool.start:g} s after it was asked for (start)"
    if here is not None:
        yield f"{here:,}, as the survey has them, are on this machine and there with their engine"
    yield f"a worker moves {pool.stream / 1e6:g} MB/s (stream)"
    if math.isinf(pool.bandwidth):
        yield "the storage is as fast as all workers together (bandwidth)"
    if not pool.preemptions:
        yield "no worker is lost (preemptions)"
