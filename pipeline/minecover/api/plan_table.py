"""The plan of a survey as tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pandas as pd

from minecover.api.tables import Sheet, Table, duration
from minecover.planning.plan import Plan, StagePlan

__all__ = ["PlanSheet", "plan_document"]

FLOWS = ("read", "stored", "moved")


class PlanSheet(Sheet):
    """What there is to do, what it takes, and what was assumed.

    Parameters
    ----------
    plan
        The numbers.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__((_bytes_table(plan), _hours_table(plan)), _notes(plan))
        self.plan = plan

    @property
    def frame(self) -> pd.DataFrame:
        """The numbers of every stage: bytes, MiB, hours, seconds and money."""
        return pd.DataFrame(plan_document(self.plan)["stages"]).set_index("stage")


def plan_document(plan: Plan) -> dict[str, Any]:
    """Put the plan into what JSON can hold."""
    totals = ("read", "stored", "moved", "core_hours", "gpu_hours", "seconds")
    document = asdict(plan)
    for planned, entry in zip(plan.stages, document["stages"], strict=True):
        entry["money"] = planned.money
    total = {name: plan.total(name) for name in totals}
    total["memory"] = plan.memory
    if plan.stages[0].money is not None:
        total["money"] = plan.total("money")
    return {**document, "total": total}


def _bytes_table(plan: Plan) -> Table:
    rows = tuple(
        (
            item.stage,
            "" if item.tiles is None else f"{item.tiles:,}",
            *(_size(getattr(item, name)) for name in FLOWS),
            "" if item.memory is None else _mib(item.memory),
        )
        for item in plan.stages
    )
    total = ("all", "", *(_size(plan.total(name)) for name in FLOWS), _mib(plan.memory))
    return Table(("stage", "tiles", *FLOWS, "peak memory of a worker"), rows, total)


def _hours_table(plan: Plan) -> Table:
    """Lay out core-hours and what follows from them; columns without a figure are left out.

    `planned` is what the plan said when the run began, `core-h` what it says now.
    """
    shown = {
        "core-h": True,
        "planned": any(item.planned_core_hours is not None for item in plan.stages),
        "actual": any(item.actual_core_hours is not None for item in plan.stages),
        "GPU-h": plan.total("gpu_hours") > 0,
        "time": True,
        plan.currency or "money": plan.stages[0].money is not None,
    }

    def kept(cells: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(cell for cell, there in zip(cells, shown.values(), strict=True) if there)

    total = (
        _hour(plan.total("core_hours")),
        _hour(plan.total("planned_core_hours")),
        _hour(plan.total("actual_core_hours")),
        _hour(plan.total("gpu_hours")),
        duration(plan.total("seconds")),
        _amount(plan.total("money")),
    )
    return Table(
        ("stage", *kept(tuple(shown)), "from"),
        tuple((item.stage, *kept(_hours(item)), item.origin) for item in plan.stages),
        ("all", *kept(total), ""),
        frozenset({"from"}),
    )


def _hours(item: StagePlan) -> tuple[str, ...]:
    actual = _hour(item.actual_core_hours)
    if 0 < item.share < 1:
        actual = f"{actual} ({item.share:.0%})"
    return (
        _hour(item.core_hours),
        _hour(item.planned_core_hours),
        actual,
        _hour(item.gpu_hours),
        duration(item.seconds),
        _amount(item.money),
    )


def _notes(plan: Plan) -> Iterator[str]:
    if plan.features:
        yield "All stages together, by `features.keep`:"
        for name, cost in plan.features.items():
            stored, moved = (_size(cost[flow]) or "0 MB" for flow in ("stored", "moved"))
            hours = _hour(cost["core_hours"])
            yield f"  {name:<8} {stored:>9} stored, {moved:>9} moved, {hours:>8} core-hours"
    for origin, machine in plan.machine.items():
        yield f"{origin}: measured on {machine}"
    for assumption in plan.assumptions:
        yield f"assumed: {assumption}"


def _mib(value: float) -> str:
    return f"{value:,.0f} MiB"


def _size(value: float) -> str:
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if value >= scale:
            return f"{value / scale:,.1f} {unit}"
    return f"{value / 1e6:.1f} MB" if value >= 5e4 else ""


def _hour(value: float | None) -> str:
    if not value:
        return ""
    if value >= 10:
        return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    return f"{value:.3f}" if value >= 0.0005 else "< 0.001"


def _amount(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.005 or value == 0 else "< 0.01"
