"""What is shown while a survey runs: stages, tiles done, rate, time left."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from minecover.engines.base import Outcome

__all__ = ["TerminalProgress"]


class _RateColumn(ProgressColumn):
    """Tiles a second, or a minute where they are slow."""

    def render(self, task: Task) -> Text:
        if not task.speed:
            return Text("")
        if task.speed >= 1:
            return Text(f"{task.speed:.1f} tiles/s", style="dim")
        return Text(f"{60 * task.speed:.1f} tiles/min", style="dim")


class TerminalProgress:
    """Shows a live bar on a terminal and plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar: Progress | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def started(self, stage: str, tiles: int | None, done: int) -> None:
        """Show a bar for tiles, or a spinner."""
        columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn(f"[bold]{stage:<8}")]
        if tiles is not None:
            columns += [BarColumn(), MofNCompleteColumn(), _RateColumn(), TimeRemainingColumn()]
        else:
            columns += [TimeElapsedColumn()]
        self.bar = Progress(*columns, console=self.console, transient=True)
        self.task = self.bar.add_task(stage, total=tiles, completed=done)
        self.bar.start()

    def tile(self, outcome: Outcome) -> None:
        """Advance the bar; name a tile that failed."""
        if self.bar is not None and self.task is not None:
            self.bar.advance(self.task)
        if outcome.error:
            self.console.print(f"  {outcome.tile.name} failed: {outcome.error}", style="yellow")

    def finished(self, stage: str, facts: dict[str, Any], seconds: float) -> None:
        """Replace the bar by one line."""
        self._stop()
        line = Text.assemble(
            (" ✓ ", "green"), (f"{stage:<9}", "bold"), (f"{seconds:7.1f} s", "dim")
        )
        summary = summary_of(facts)
        self.console.print(line.append(f"  {summary}") if summary else line)

    def already_complete(self, stage: str) -> None:
        """Say that a result is complete."""
        self.console.print(
            Text.assemble((" = ", "dim"), (f"{stage:<9}", "bold"), ("complete", "dim"))
        )

    def _stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
        self.bar = self.task = None


def summary_of(facts: dict[str, Any]) -> str:
    """Put the figures of a stage that fit on its line into words."""
    parts = []
    for key, value in facts.items():
        if isinstance(value, bool | int):
            parts.append(f"{value:,} {key.replace('_', ' ')}")
        elif isinstance(value, float):
            parts.append(f"{key.replace('_', ' ')} {value:.4g}")
        elif isinstance(value, list) and key == "chosen":
            parts.append(f"{len(value)} chosen")
        elif isinstance(value, dict) and "overall_accuracy" in value:
            parts.append(
                f"{key.replace('_', ' ')}: OA {value['overall_accuracy']:.4f} "
                f"kappa {value['kappa']:.4f}"
            )
    return ", ".join(parts)
