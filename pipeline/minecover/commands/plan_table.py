"""The plan as tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from minecover.commands.status_table import duration
from minecover.planning.plan import Plan, StagePlan

__all__ = ["plan_document", "print_plan"]


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


def print_plan(console: Console, plan: Plan) -> None:
    """Print what there is to do, what it takes, and what was assumed."""
    console.print(_bytes_table(plan))
    console.print()
    console.print(_hours_table(plan))
    console.print()
    for line in _notes(plan):
        console.print(line, style="dim")


def _table(*columns: str) -> Table:
    # seven columns of large numbers have no room for wide gaps
    gap = 1 if len(columns) < 6 else 0
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, gap, 0, 0))
    table.add_column("stage", style="bold")
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _bytes_table(plan: Plan) -> Table:
    table = _table("tiles", "read", "stored", "moved", "peak memory of a worker")
    for planned in plan.stages:
        memory = "" if planned.memory is None else _mib(planned.memory)
        tiles = "" if planned.tiles is None else f"{planned.tiles:,}"
        flows = (_size(getattr(planned, name)) for name in ("read", "stored", "moved"))
        table.add_row(planned.stage, tiles, *flows, memory)
    table.add_section()
    flows = (_size(plan.total(name)) for name in ("read", "stored", "moved"))
    table.add_row("all", "", *flows, _mib(plan.memory))
    return table


def _hours_table(plan: Plan) -> Table:
    """Lay out core-hours and what follows from them; columns without a figure are left out.

    `planned` is what the plan said when the run began, `core-h` what it says now.
    """
    gpu, money = plan.total("gpu_hours") > 0, plan.stages[0].money is not None
    planned = any(item.planned_core_hours is not None for item in plan.stages)
    actual = any(item.actual_core_hours is not None for item in plan.stages)
    shown = {
        "core-h": True,
        "planned": planned,
        "actual": actual,
        "GPU-h": gpu,
        "time": True,
        plan.currency or "money": money,
    }
    table = _table(*(name for name, there in shown.items() if there))
    table.add_column("from")
    for item in plan.stages:
        cells = _hours(item)
        kept = (cell for cell, there in zip(cells, shown.values(), strict=True) if there)
        table.add_row(item.stage, *kept, Text(item.origin, style="dim"))
    table.add_section()
    cells = (
        _hour(plan.total("core_hours")),
        _hour(plan.total("planned_core_hours")),
        _hour(plan.total("actual_core_hours")),
        _hour(plan.total("gpu_hours")),
        duration(plan.total("seconds")),
        _amount(plan.total("money")),
    )
    kept = (cell for cell, there in zip(cells, shown.values(), strict=True) if there)
    table.add_row("all", *kept, "", style="bold")
    return table


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
