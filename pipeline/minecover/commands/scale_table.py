"""What more workers bring, as a table that fits 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from minecover.api.tables import duration
from minecover.planning.scale import Scaled

__all__ = ["print_scale"]


def print_scale(console: Console, scaled: Sequence[Scaled], currency: str) -> None:
    """Print one line for each number of workers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    money = scaled[0].money is not None
    columns = ("workers", "time", "on tiles", "core-h", "GPU-h", currency or "money", "used")
    shown = (True, True, True, True, any(item.gpu_hours for item in scaled), money, True)
    for name, there in zip(columns, shown, strict=True):
        if there:
            table.add_column(name, justify="right")
    for item in scaled:
        kept = (cell for cell, there in zip(_cells(item), shown, strict=True) if there)
        table.add_row(*kept)
    console.print(table)
    lost = max(item.preempted for item in scaled)
    if lost:
        failed = max(item.failed for item in scaled)
        console.print(
            f"up to {lost:,} workers lost on the way, and {failed:,} tile(s) failed", style="dim"
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
