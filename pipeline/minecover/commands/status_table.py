"""The status of a survey as a table that fits 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from minecover.api.progress import in_words
from minecover.api.tables import duration
from minecover.ledger.status import StageStatus

__all__ = ["print_status"]

SIGNS = {
    "done": ("✓", "green"),
    "running": ("▶", "cyan"),
    "begun": ("…", "yellow"),
    "open": ("·", "dim"),
    "outdated": ("!", "yellow"),
}
COLUMNS = ("done", "of", "running", "expired", "failed", "retries", "tiles/s", "left")


def print_status(console: Console, statuses: Sequence[StageStatus]) -> None:
    """Print the table, then the reasons for which tiles failed."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=0)
    table.add_column("stage")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for status in statuses:
        table.add_row(_name(status), *_cells(status))
    console.print(table)
    if any(status.state == "outdated" for status in statuses):
        console.print("! of other settings, data or code than the survey's: run does it again")
    for status in statuses:
        if status.step is not None:
            console.print(f"▶ {status.stage}: {in_words(status.step)}", markup=False)
        _print_reasons(console, status)


def _name(status: StageStatus) -> Text:
    sign, style = SIGNS[status.state]
    return Text.assemble((f"{sign} ", style), (status.stage, "" if style == "dim" else "bold"))


def _cells(status: StageStatus) -> list[Text]:
    if status.tiles is None:
        took = "" if status.seconds is None else duration(status.seconds)
        return [Text(took, style="dim"), *(Text("") for _ in COLUMNS[1:])]
    counts = [
        Text(f"{status.done:,}"),
        Text(f"{status.tiles:,}"),
        _count(status.running, "cyan"),
        _count(status.expired, "yellow"),
        _count(status.failed, "red"),
        _count(status.retries, "yellow"),
    ]
    rate = "" if status.rate is None else f"{status.rate:.3g}"
    left = "" if status.left is None else duration(status.left)
    return [*counts, Text(rate), Text(left)]


def _count(number: int, style: str) -> Text:
    return Text(f"{number:,}", style=style if number else "dim")


def _print_reasons(console: Console, status: StageStatus) -> None:
    if not status.reasons:
        return
    console.print(Text(f"\n{status.stage}: {status.failed:,} failed", style="bold"))
    for reason, tiles in list(status.reasons.items())[:10]:
        console.print(Text(f"  {tiles:,} x {reason}"), soft_wrap=True)
    if len(status.reasons) > 10:
        console.print(f"  and {len(status.reasons) - 10} more reasons; all with --json")
    console.print("fix the data, then `minecover retry --failed` and run again", style="dim")
