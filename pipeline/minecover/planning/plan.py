"""The plan of a survey: work by stage, times what a unit of it takes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from minecover.models.lookup import kind_of
from minecover.planning.actual import Actual, actuals, cores_of
from minecover.planning.constants import (
    Constants,
    calibrated,
    cost_key,
    is_measured,
    shipped,
)
from minecover.planning.costs import core_seconds, engine_of, first_seconds, workers_of
from minecover.planning.memory import worker_memory
from minecover.planning.prices import Prices
from minecover.planning.stage_cost import cost_of, silent_stages, surveys_of
from minecover.planning.store_location import existing_store
from minecover.planning.traffic import Traffic, traffic
from minecover.planning.work import learned, workload
from minecover.sources.manifest import Manifest
from minecover.stages.registry import stage_names, tile_stages
from minecover.storage.fingerprint import fingerprint
from minecover.storage.names import PLAN_FILE, manifest_of
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.workflow.cost import Workload
from minecover.workflow.stage import Workspace

__all__ = ["Plan", "StagePlan", "keep_plan", "plan_survey", "planned_before"]

Origin = Literal["ledger", "calibration", "shipped"]


@dataclass(frozen=True)
class StagePlan:
    """One stage.

    Attributes
    ----------
    stage, tiles
        Name; None where it has no tiles.
    read, stored, moved
        Bytes read from the catalog or the store, written to the store, and over a network.
    memory
        MiB that a worker on tiles needs at its peak; None: no tiles.
    core_hours, gpu_hours
        Of the whole stage, done or not: cores held x time.
    seconds
        Time on the survey's engine.
    origin
        Whose constants these are: what the ledger of this store saw, `minecover calibrate`, or
        those shipped.
    computing, keeping
        Money for cores and GPUs, and for bytes; None without a price list.
    actual_core_hours, share
        What the ledger says it took so far, and how much of it is done, 0-1.
    planned_core_hours
        As planned when the run began; None: it did not.
    tile_seconds, first_seconds
        Of a tile in its worker, and what a worker's first takes longer; None: no tiles.
    """

    stage: str
    tiles: int | None
    read: float
    stored: float
    moved: float
    memory: float | None
    core_hours: float
    gpu_hours: float
    seconds: float
    origin: Origin
    computing: float | None = None
    keeping: float | None = None
    actual_core_hours: float | None = None
    share: float = 0.0
    planned_core_hours: float | None = None
    tile_seconds: float | None = None
    first_seconds: float = 0.0

    @property
    def money(self) -> float | None:
        """All of it; None without a price list."""
        if self.computing is None or self.keeping is None:
            return None
        return self.computing + self.keeping


@dataclass(frozen=True)
class Plan:
    """A survey's plan.

    Attributes
    ----------
    stages
        In order.
    machine
        Where the constants of each origin in use were measured.
    assumptions
        What was not known.
    features
        What the survey costs by each way to keep features: `stored` and `moved` bytes,
        `core_hours`.
    """

    stages: tuple[StagePlan, ...]
    machine: Mapping[str, str] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    features: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    currency: str = ""

    def stage(self, name: str) -> StagePlan:
        """Find a stage by its name."""
        return next(item for item in self.stages if item.stage == name)

    def total(self, name: str) -> float:
        """Sum of an attribute over the stages; what is None counts nothing."""
        return math.fsum(getattr(item, name) or 0.0 for item in self.stages)

    @property
    def memory(self) -> float:
        """MiB of the largest worker."""
        return max(item.memory or 0.0 for item in self.stages)


def plan_survey(workspace: Workspace, prices: Prices | None = None) -> Plan:
    """Plan a survey; nothing is written.

    Parameters
    ----------
    workspace
        The survey and its stages. Its store is read where there is one.
    prices
        None: no money.
    """
    store = existing_store(workspace.survey.store)
    seen = {} if store is None else actuals(workspace)
    own = None if store is None else calibrated(store)
    before = {} if store is None else planned_before(store, workspace.survey)
    work = _workload(workspace, store, {name for name, took in seen.items() if took.current})
    planner = _Planner(
        workspace.survey,
        work,
        traffic(workspace.survey, work, own or shipped(), workspace.order.names),
        own,
        seen,
    )
    stages = []
    for stage in workspace.stages:
        planned = planner.stage(stage.name)
        planned = replace(planned, planned_core_hours=before.get(stage.name))
        stages.append(planned if prices is None else _priced(planned, prices))
    return Plan(
        tuple(stages),
        planner.machines(stages),
        (
            *work.assumptions,
            *_unmeasured(workspace.survey, stages),
            *_unknown(workspace.order.names),
        ),
        feature_choices(workspace.survey, work, own),
        "" if prices is None else prices.currency,
    )


def _unmeasured(survey: Survey, stages: Sequence[StagePlan]) -> list[str]:
    shipped_ones = (item.stage for item in stages if item.origin == "shipped")
    if all(is_measured(stage, survey) for stage in shipped_ones):
        return []
    return [
        f"model.kind {survey.model.kind} was not measured: a usual cost is assumed; "
        "`minecover calibrate` measures it"
    ]


def _unknown(stages: Sequence[str]) -> list[str]:
    silent = silent_stages(stages)
    return [f"{name}: it says nothing of its work, which is not in this plan" for name in silent]


def _workload(workspace: Workspace, store: Store | None, standing: Collection[str]) -> Workload:
    """Count the work, from manifest, selection and training where they are today's."""
    if store is None:
        return workload(workspace.survey, workspace.grid)
    # the first stage freezes the manifests
    names = workspace.survey.period_names if workspace.stages[0].name in standing else ()
    manifests = {name: Manifest.load(store, manifest_of(name)) for name in names}
    return workload(workspace.survey, workspace.grid, manifests, learned(workspace, standing))


def keep_plan(store: Store, survey: Survey, plan: Plan) -> None:
    """Keep the plan that a run begins with, unless the same survey was begun here before."""
    if not planned_before(store, survey):
        hours = {item.stage: item.core_hours for item in plan.stages}
        store.write_json(PLAN_FILE, {"fingerprint": _survey_mark(survey), "core_hours": hours})


def planned_before(store: Store, survey: Survey) -> dict[str, float]:
    """Core-hours by stage as planned when this survey was begun here; empty where it was not."""
    known = store.read_json(PLAN_FILE, {"fingerprint": str, "core_hours": dict})
    if known is None or known["fingerprint"] != _survey_mark(survey):
        return {}
    return dict(known["core_hours"])


def _survey_mark(survey: Survey) -> str:
    return fingerprint(survey.model_dump(mode="json", exclude={"store", "engine"}))


def feature_choices(
    survey: Survey, work: Workload, own: Constants | None
) -> dict[str, dict[str, float]]:
    """Sum up what the whole survey costs by each way to keep features.

    Both are planned from constants, also where the ledger knows what one of them took.
    """
    choices = {}
    for keep in ("all", "selected", "none"):
        changed = survey.replace(features__keep=keep)
        flows = traffic(changed, work, own or shipped(), stage_names(changed))
        planner = _Planner(changed, work, flows, own, {})
        stages = [planner.stage(name) for name in flows]
        choices[keep] = {
            name: math.fsum(getattr(item, name) for item in stages)
            for name in ("stored", "moved", "core_hours")
        }
    return choices


@dataclass(frozen=True)
class _Planner:
    survey: Survey
    work: Workload
    traffic: Mapping[str, Traffic]
    own: Constants | None
    seen: Mapping[str, Actual]

    def stage(self, name: str) -> StagePlan:
        """Plan one stage."""
        tiles = self.work.tiles if name in tile_stages(self.survey) else None
        constants, origin = self._constants(name)
        took = self.seen.get(name)
        took = took if took is not None and took.current else None
        work = core_seconds(name, self.survey, self.work, constants)
        if took is not None:
            work, origin = 3600 * took.core_hours / took.share, "ledger"
        flow, first = self.traffic[name], 0.0
        if tiles is not None:
            first = first_seconds(name, self.survey, constants)
        return StagePlan(
            stage=name,
            tiles=tiles,
            read=flow.read,
            stored=flow.stored,
            moved=flow.moved,
            memory=None if tiles is None else worker_memory(self.survey, constants, name),
            core_hours=work / 3600,
            gpu_hours=self._gpu_seconds(name, constants, work) / 3600,
            seconds=self._seconds(name, constants, work),
            origin=origin,
            actual_core_hours=None if took is None else took.core_hours,
            share=0.0 if took is None else took.share,
            tile_seconds=None if tiles is None else self._tile_seconds(name, work, first),
            first_seconds=first / cores_of(name, self.survey),
        )

    def _tile_seconds(self, stage: str, work: float, first: float) -> float:
        """Mean of the tiles of a stage, without what the first of each worker takes longer."""
        starts = workers_of(stage, self.survey, self.work.tiles)
        tiles, cores = self.work.tiles, cores_of(stage, self.survey)
        return max(work - starts * first, work / 10) / tiles / cores

    def machines(self, stages: list[StagePlan]) -> dict[str, str]:
        """Machine of every origin that is used."""
        names = {"shipped": shipped().machine}
        if self.own is not None:
            names["calibration"] = self.own.machine
        used = {item.origin for item in stages}
        return {origin: name for origin, name in names.items() if origin in used}

    def _constants(self, stage: str) -> tuple[Constants, Origin]:
        keys = {cost_key(stage, one) for one in surveys_of(stage, self.survey)}
        if self.own is not None and keys <= self.own.costs.keys():
            return self.own, "calibration"
        return shipped(), "shipped"

    def _gpu_seconds(self, stage: str, constants: Constants, work: float) -> float:
        on_gpu = kind_of(self.survey.model).uses_gpu and cost_of(stage).by_model
        if constants.device == "cpu" or not on_gpu:
            return 0.0
        gpus = 1 if stage in tile_stages(self.survey) else self.survey.engine.training_workers
        return gpus * work / cores_of(stage, self.survey)

    def _seconds(self, stage: str, constants: Constants, work: float) -> float:
        """Time on the engine: computing, or the disk where that takes longer."""
        flow = self.traffic[stage]
        alone = work / cores_of(stage, self.survey)
        if stage in tile_stages(self.survey):
            workers = workers_of(stage, self.survey, self.work.tiles)
            rounds = math.ceil(self.work.tiles / workers)
            alone = engine_of(stage, self.survey).start + rounds * alone / self.work.tiles
        disk = flow.disk_read / constants.read_rate + flow.disk_write / constants.write_rate
        return max(alone, disk / 1e6)


def _priced(planned: StagePlan, prices: Prices) -> StagePlan:
    return replace(
        planned,
        computing=prices.computing(planned.core_hours, planned.gpu_hours),
        keeping=prices.keeping(planned.stored, planned.moved),
    )
