"""What a run must not begin: what cannot fit, and what the budget does not pay for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NoReturn

from minecover.engines.base import Outcome
from minecover.engines.machine import total_memory
from minecover.errors import BudgetError, SurveyError
from minecover.planning.actual import cores_of, lost_core_hours
from minecover.planning.costs import engine_of, workers_of
from minecover.planning.plan import Plan, keep_plan, plan_survey
from minecover.planning.prices import Prices
from minecover.planning.store_location import free_bytes
from minecover.stages.registry import tile_stages
from minecover.survey import Survey
from minecover.workflow.guard import Guard
from minecover.workflow.stage import Workspace

__all__ = ["PlanGuard", "refuse_what_cannot_fit"]


class PlanGuard(Guard):
    """Plans a run once its items are known, refuses what cannot fit, and keeps to a budget.

    The budget is the survey's, not the run's: what the ledger says was spent before counts. A
    tile is begun where what was spent, what the tiles in work will cost and what it will cost
    itself are within the budget; a stage without tiles likewise. Bytes count as they are stored
    and moved. Failed tiles and attempts whose worker died cost too, as far as the
    ledger tells of them (`lost_core_hours`). What another driver or pod spends meanwhile is seen
    at the next stage.

    Parameters
    ----------
    prices, budget
        What things cost, and how much may be spent; None: no limit.

    Raises
    ------
    SurveyError
        There is a budget and no prices.
    """

    def __init__(self, prices: Prices | None = None, budget: float | None = None) -> None:
        if budget is not None and prices is None:
            raise SurveyError("--budget: money needs a price list; give one with --prices")
        if budget is not None and not budget >= 0:
            raise SurveyError(f"--budget {budget}: give how much may be spent, a number from 0 on")
        self.prices, self.budget = prices, budget
        self.plan: Plan | None = None
        self.spent = self.expected = 0.0
        self.in_work = self.ended_tiles = 0
        self.tiles_cost = self.planned_cost = self.fixed_cost = self.second_cost = 0.0

    def check_stage(self, workspace: Workspace, stage: str) -> None:
        """Plan, and refuse a stage that cannot fit or be paid for.

        Raises
        ------
        SurveyError
            Workers need more memory than there is, or the disk is too small.
        BudgetError
            A stage without tiles costs more than is left.
        """
        if stage == workspace.stages[0].name:  # the items are not known yet
            return
        if self.plan is None or self.budget is not None:
            first = self.plan is None
            self.plan = plan_survey(workspace, self.prices)
            if first:
                refuse_what_cannot_fit(workspace.survey, self.plan)
                keep_plan(workspace.store, workspace.survey, self.plan)
        lost = {} if self.budget is None else lost_core_hours(workspace)
        self.open_stage(workspace.survey, self.plan, stage, lost)

    def admits_tile(self, stage: str) -> bool:
        """Tell whether one more tile can be paid for; if so it is in work."""
        del stage
        if self.budget is None:
            return True
        if self.spent + (self.in_work + 1) * self.expected > self.budget:
            return False
        self.in_work += 1
        return True

    def tile_ended(self, stage: str, outcome: Outcome) -> None:
        """Count what a tile cost that was begun, with the attempts whose worker died."""
        del stage
        if self.budget is None:
            return
        self.in_work -= 1
        seconds = float(outcome.facts.get("seconds", 0.0))  # none where another worker was at it
        cost = self.second_cost * seconds * int(outcome.facts.get("attempt", 1))
        if outcome.state == "done":
            cost += self.fixed_cost
            self.tiles_cost += cost
            self.ended_tiles += 1
            # tiles that turn out dearer than planned must not be begun at the planned price
            self.expected = max(self.planned_cost, self.tiles_cost / self.ended_tiles)
        self.spent += cost

    def raise_reason(self, stage: str) -> NoReturn:
        """Say that the budget is used up.

        Raises
        ------
        BudgetError
            Always.
        """
        raise self._used_up(stage, "a tile", self.expected)

    def open_stage(self, survey: Survey, plan: Plan, stage: str, lost: Mapping[str, float]) -> None:
        """Count what was spent, and what a tile of a stage, or the stage, will cost.

        Parameters
        ----------
        survey, plan, stage
            What is opened.
        lost
            Core-hours by stage that came to nothing.

        Raises
        ------
        BudgetError
            A stage without tiles costs more than is left.
        """
        if self.budget is None:
            return
        planned = plan.stage(stage)
        known = sum(item.share * (item.money or 0.0) for item in plan.stages)
        for item in plan.stages:
            if item.core_hours:
                known += lost.get(item.stage, 0.0) * (item.computing or 0.0) / item.core_hours
        # never less: markers of failures that this run saw may be gone by now
        self.spent = max(self.spent, known)
        self.in_work = self.ended_tiles = 0
        self.tiles_cost = 0.0
        if planned.tiles is None:
            cost = planned.money or 0.0
            if self.spent + cost > self.budget:
                raise self._used_up(stage, "the stage", cost)
            return
        seconds = 3600 * planned.core_hours / cores_of(stage, survey)
        self.second_cost = (planned.computing or 0.0) / seconds if seconds else 0.0
        self.fixed_cost = (planned.keeping or 0.0) / planned.tiles
        self.planned_cost = self.expected = (planned.money or 0.0) / planned.tiles

    def _used_up(self, stage: str, what: str, cost: float) -> BudgetError:
        budget = self.budget or 0.0
        unit = "" if self.prices is None else f" {self.prices.currency}".rstrip()
        # at least two digits, and as many as tell a small budget from a small cost
        digits = 2 if budget >= 1 else 6
        return BudgetError(
            f"{stage}: stopped before it overspends: {self.spent:,.{digits}f}{unit} of "
            f"{budget:,.{digits}f}{unit} are spent and {what} costs about "
            f"{cost:,.{digits}f}{unit}; "
            "what is done is kept, and the same command with a larger --budget goes on"
        )


def refuse_what_cannot_fit(survey: Survey, plan: Plan) -> None:
    """Hold a plan against the memory of this machine and the disk of the store.

    Workers of a cluster that was started elsewhere are not looked at.

    Raises
    ------
    SurveyError
        With the numbers.
    """
    for stage, needed in _memory_here(survey, plan):
        there = total_memory() / 2**20
        if needed > there:
            workers = workers_of(stage, survey, plan.stage(stage).tiles or 1)
            raise SurveyError(
                f"{stage}: {workers} worker(s) of {needed / workers:,.0f} MiB need {needed:,.0f} "
                f"MiB at their peak and this machine has {there:,.0f} MiB; lower engine.workers "
                "or grid.tile"
            )
    free = free_bytes(survey.store)
    stored = sum((1 - item.share) * item.stored for item in plan.stages)
    if free is not None and stored > free:
        raise SurveyError(
            f"{survey.store}: {stored / 1e9:,.1f} GB are still to be stored and its disk has "
            f"{free / 1e9:,.1f} GB free; make room, or give another store with --store"
        )


def _memory_here(survey: Survey, plan: Plan) -> Iterator[tuple[str, float]]:
    """Memory in MiB of all workers on this machine, by stage that is not done."""
    for stage in tile_stages(survey):
        planned = plan.stage(stage)
        if engine_of(stage, survey).address(survey.engine) or planned.share == 1:
            continue
        workers = workers_of(stage, survey, planned.tiles or 1)
        yield stage, workers * (planned.memory or 0.0)
