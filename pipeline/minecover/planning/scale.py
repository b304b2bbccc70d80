"""What a survey takes on 1 to 1,000 workers: the plan's tiles, simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from minecover.ledger.markers import TileMarkers
from minecover.planning.actual import cores_of, tile_markers
from minecover.planning.constants import calibrated, shipped
from minecover.planning.costs import engine_of
from minecover.planning.plan import Plan, StagePlan, plan_survey
from minecover.planning.prices import Prices
from minecover.planning.simulation import Pool, Simulated, drawn, simulate
from minecover.planning.store_location import existing_store
from minecover.survey import Survey
from minecover.workflow.stage import Workspace

__all__ = ["DRIVER", "Scaled", "Scaling", "spreads"]

DRIVER = 0.0013
"""Seconds of a driver for a tile: `python -m benchmarks.bench_ledger`."""

ENOUGH = 30
"""Tiles of a stage from which its own ledger tells how unequal they are."""

Spread = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Scaled:
    """A survey on some number of workers.

    Attributes
    ----------
    workers
        On tiles; of a stage with fewer tiles, as many as it has.
    seconds, tile_seconds
        From the first stage to the last; of the stages of tiles.
    core_hours, gpu_hours
        Cores held x time, those of waiting workers with them.
    money
        None without a price list.
    efficiency
        Share of the core-hours on tiles that ended in tiles, 0-1.
    failed, preempted
        Tiles that failed because workers died of them; workers lost.
    stages
        Seconds by stage.
    """

    workers: int
    seconds: float
    tile_seconds: float
    core_hours: float
    gpu_hours: float
    money: float | None
    efficiency: float
    failed: int
    preempted: int
    stages: Mapping[str, float]


@dataclass(frozen=True)
class Scaling:
    """A survey that is to be done by some number of workers.

    Stages of tiles are simulated one after the other. The others run where and as long as the
    plan says: more workers on tiles do not help them.

    Attributes
    ----------
    survey, plan
        What there is to do.
    spread
        Measured seconds of tiles by stage, of which only the proportions count.
    prices
        None: no money.
    """

    survey: Survey
    plan: Plan
    spread: Spread
    prices: Prices | None = None

    @classmethod
    def of(cls, workspace: Workspace, prices: Prices | None = None) -> Scaling:
        """Plan a survey, and look up how unequal its tiles are."""
        return cls(workspace.survey, plan_survey(workspace, prices), spreads(workspace), prices)

    def on(self, pool: Pool, seed: int = 0) -> Scaled:
        """Predict the survey on the workers of a pool.

        Parameters
        ----------
        pool
            Workers; its `start` is that of a machine or pod, or of the engine where that takes
            longer; a stage's own is added.
        seed
            Of the draws; the same seed gives the same prediction.
        """
        stages = {item.stage: item for item in self.plan.stages}
        tiled = [name for name, stage in stages.items() if stage.tiles is not None]
        tiles = {name: self._tiles(stages[name], pool, seed) for name in tiled}
        rest = [item for item in self.plan.stages if item.stage not in tiles]
        held = sum(done.held for done in tiles.values())
        core_hours = sum(item.core_hours for item in rest)
        core_hours += held * self.survey.engine.threads / 3600
        gpu_hours = sum(item.gpu_hours for item in rest)
        gpu_hours += sum(done.held / 3600 for name, done in tiles.items() if stages[name].gpu_hours)
        seconds = {
            name: tiles[name].seconds if name in tiles else item.seconds
            for name, item in stages.items()
        }
        return Scaled(
            workers=pool.workers,
            seconds=sum(seconds.values()),
            tile_seconds=sum(done.seconds for done in tiles.values()),
            core_hours=core_hours,
            gpu_hours=gpu_hours,
            money=self._money(core_hours, gpu_hours),
            efficiency=sum(done.useful for done in tiles.values()) / held if held else 1.0,
            failed=sum(done.failed for done in tiles.values()),
            preempted=sum(done.preempted for done in tiles.values()),
            stages=seconds,
        )

    def _tiles(self, planned: StagePlan, pool: Pool, seed: int) -> Simulated:
        tiles = planned.tiles or 0
        # a worker of many has its own threads, and not those of all
        longer = cores_of(planned.stage, self.survey) / self.survey.engine.threads
        mean = longer * (planned.tile_seconds or 0.0)
        # the tiles' times are drawn before anything else: they are the same for any pool
        rng = np.random.default_rng([seed, *planned.stage.encode()])
        seconds = drawn(self.spread[planned.stage], mean, tiles, rng)
        moved = (planned.read + planned.stored) / max(1, tiles)
        if planned.origin != "ledger":
            # constants are measured on a local disk; what a ledger saw has its transfers in it
            seconds = seconds + moved / pool.stream
        # workers of this machine are there as soon as their engine is
        own = engine_of(planned.stage, self.survey).start
        start = max(pool.start, own) + longer * planned.first_seconds
        workers = min(pool.workers, max(1, tiles))
        return simulate(seconds, replace(pool, workers=workers, start=start), rng, moved)

    def _money(self, core_hours: float, gpu_hours: float) -> float | None:
        if self.prices is None:
            return None
        kept = self.prices.keeping(self.plan.total("stored"), self.plan.total("moved"))
        return self.prices.computing(core_hours, gpu_hours) + kept


def spreads(workspace: Workspace) -> dict[str, list[float]]:
    """Find measured seconds of tiles by stage.

    From the ledger where it saw enough tiles, else from the calibration, else those shipped.
    """
    store, found = existing_store(workspace.survey.store), dict(shipped().spread)
    if store is None:
        return found
    own = calibrated(store)
    found |= {} if own is None else own.spread
    for stage in workspace.tile_stages:
        layout = workspace.ledger.layout(stage)
        if layout is not None:
            markers, _ = tile_markers(TileMarkers(workspace.store, stage, layout["fingerprint"]))
            if len(markers) >= ENOUGH:
                found[stage] = [float(marker["facts"]["seconds"]) for marker in markers]
    return found
