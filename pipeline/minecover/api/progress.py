"""What is shown while a survey runs: stages, tiles done, rate, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from minecover.api.tables import duration
from minecover.engines.base import Outcome
from minecover.errors import SurveyError
from minecover.ledger.steps import Step
from minecover.workflow.progress import Progress, Silent

__all__ = ["NotebookProgress", "TerminalProgress", "in_words", "shown_progress"]

CALLED = ("started", "tile", "step", "finished", "already_complete")
"""What a run calls on its progress."""

SHOWN_EVERY = 0.2
"""Seconds between two pictures in a notebook."""

LINE_EVERY = 10.0
"""Seconds between two lines on how far a stage is, where there is no bar."""


@contextmanager
def shown_progress(progress: Progress | str) -> Iterator[Progress]:
    """Show how a run goes on, and leave off when it ends, however it ends.

    Parameters
    ----------
    progress
        `auto`: in a notebook a table that fills, on a terminal a bar, elsewhere nothing; `none`:
        nothing; or an object with the methods of `Progress`.

    Raises
    ------
    SurveyError
        It is none of these.
    """
    if progress == "auto" and _in_notebook():
        with NotebookProgress() as notebook:
            yield notebook
    elif progress == "auto" and sys.stdout.isatty():
        with TerminalProgress(Console(highlight=False)) as terminal:
            yield terminal
    elif progress in ("auto", "none"):
        yield Silent()
    elif isinstance(progress, str) or not all(hasattr(progress, name) for name in CALLED):
        raise SurveyError(
            f"progress: {progress!r}; give 'auto', 'none', or an object with the methods "
            f"{', '.join(CALLED)}"
        )
    else:
        yield progress


def _in_notebook() -> bool:
    """Tell whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return hasattr(shell, "kernel")


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

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console, self.clock = console, clock
        self.bar: Bars | None = None
        self.task: TaskID | None = None
        self.told = 0.0

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
        self.told = self.clock()
        if not self.console.is_terminal:
            return
        columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn(f"[bold]{stage:<8}")]
        if tiles is not None:
            columns += [BarColumn(), MofNCompleteColumn(), _RateColumn(), TimeRemainingColumn()]
        else:
            columns += [TimeElapsedColumn(), TextColumn("{task.fields[step]}", style="dim")]
        self.bar = Bars(*columns, console=self.console, transient=True)
        self.task = self.bar.add_task(stage, total=tiles, completed=done, step="")
        self.bar.start()

    def tile(self, outcome: Outcome) -> None:
        """Advance the bar; name a tile that failed."""
        if self.bar is not None and self.task is not None:
            self.bar.advance(self.task)
        if outcome.error:
            self.console.print(f"  {outcome.tile.name} failed: {outcome.error}", style="yellow")

    def step(self, stage: str, step: Step) -> None:
        """Show how far a stage is: beside the spinner, or now and then as a line."""
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, step=in_words(step))
        elif self.clock() - self.told >= LINE_EVERY:
            self.told = self.clock()
            self.console.print(f" … {stage:<9} {in_words(step)}", soft_wrap=True, markup=False)

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


class NotebookProgress:
    """Shows a table in a notebook that fills in place, one row a stage."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.notes: list[str] = []
        self.stage = ""
        self.total: int | None = None
        self.words = ""
        self.done = self.first = 0
        self.began = self.shown = 0.0
        self.handle: Any = None

    def __enter__(self) -> Self:
        ipython = import_module("IPython.display")  # in every notebook, and nowhere else
        self.handle = ipython.display(self, display_id=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.stage:
            self._end("✗", f"stopped{self._count()}")
        self._show()

    def started(self, stage: str, tiles: int | None, done: int) -> None:
        """Begin a row."""
        self.stage, self.total, self.done, self.first = stage, tiles, done, done
        self.began = time.perf_counter()
        self._show()

    def tile(self, outcome: Outcome) -> None:
        """Advance the bar of the row; name a tile that failed."""
        self.done += 1
        if outcome.error:
            self.notes.append(f"{outcome.tile.name} failed: {outcome.error}")
        self._show_now_and_then()

    def step(self, stage: str, step: Step) -> None:
        """Say in the row how far a stage is."""
        self.words = f" {in_words(step)}"
        self._show_now_and_then()

    def finished(self, stage: str, facts: dict[str, Any], seconds: float) -> None:
        """Complete the row with the stage's figures."""
        self.stage = stage
        self._end("✓", summary_of(facts), f"{seconds:.1f} s")
        self._show()

    def already_complete(self, stage: str) -> None:
        """Say in a row that a result is complete."""
        self.stage = stage
        self._end("=", "complete")
        self._show()

    def _repr_html_(self) -> str:
        """Draw the table."""
        rows = "".join(self.rows)
        if self.stage:
            bar = "<progress></progress>"
            if self.total is not None:
                bar = f'<progress value="{self.done}" max="{self.total}"></progress>'
            rows += _row(
                "…", self.stage, "", f"{bar}{self._count()}{self._left()}{escape(self.words)}"
            )
        notes = "<br>".join(map(escape, self.notes))
        return f"<table>{rows}</table>{f'<p><small>{notes}</small></p>' if notes else ''}"

    def __repr__(self) -> str:
        """Name the stage, for what shows no HTML."""
        return f"{self.stage or 'done'}{self._count()}"

    def _count(self) -> str:
        return "" if self.total is None else f" {self.done:,} of {self.total:,} tiles"

    def _left(self) -> str:
        """Say what time is left, once there are tiles to tell it by."""
        seconds = time.perf_counter() - self.began
        here = self.done - self.first
        if self.total is None or not here or seconds < 1:
            return ""
        return f", {duration((self.total - self.done) * seconds / here)} left"

    def _end(self, sign: str, summary: str, took: str = "") -> None:
        self.rows.append(_row(sign, self.stage, took, escape(summary)))
        self.stage, self.total, self.words = "", None, ""

    def _show_now_and_then(self) -> None:
        if time.perf_counter() - self.shown > SHOWN_EVERY:
            self._show()

    def _show(self) -> None:
        self.shown = time.perf_counter()
        self.handle.update(self)


def _row(sign: str, stage: str, took: str, content: str) -> str:
    left = 'style="text-align: left"'
    return (
        f"<tr><td>{sign}</td><th {left}>{escape(stage)}</th><td>{took}</td>"
        f"<td {left}>{content}</td></tr>"
    )


def in_words(step: Step) -> str:
    """Say how far a stage is: how many of how many, its note, time left."""
    parts = [f"{step.done:,} of {step.of:,} {step.what}", step.note]
    if step.left is not None and step.done < step.of:
        parts.append(f"{duration(step.left)} left")
    return ", ".join(part for part in parts if part)


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
