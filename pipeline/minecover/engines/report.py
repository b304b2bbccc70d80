"""How long work says how far it is: kernels and models know a callable and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

__all__ = ["Report", "TasksReport", "named", "unreported"]


class Report(Protocol):
    """Is told how far work has come; may be called from several threads, and often."""

    def __call__(self, done: int, of: int, what: str, note: str = "") -> None:
        """Take note.

        Parameters
        ----------
        done, of
            How many of how many are done; with the first call of a kind, how many were before.
        what
            Of what, in the plural; time left is told by those of one kind.
        note
            What else is worth a look, as a loss.
        """


def unreported(done: int, of: int, what: str, note: str = "") -> None:
    """Tell nobody."""


def named(report: Report, name: str) -> Report:
    """Report work as that of something with a name."""

    def of_that(done: int, of: int, what: str, note: str = "") -> None:
        report(done, of, f"{what} of {name}", note)

    return of_that


@dataclass
class TasksReport:
    """Reports how many tasks are done that are worked on side by side, and how far each is.

    Attributes
    ----------
    report
        Is told.
    tasks, what
        How many there are, and of what.
    """

    report: Report
    tasks: int
    what: str
    _done: int = 0
    _lock: Lock = field(default_factory=Lock)

    def count(self) -> None:
        """Report one more that is done."""
        with self._lock:
            self._done += 1
            self.report(self._done, self.tasks, self.what)

    def of(self, name: str) -> Report:
        """Give what is told how far a task is that has a name: the task is not done by it."""

        def of_that(done: int, of: int, what: str, note: str = "") -> None:
            far = f"{done} of {of} {what} of {name}{note and f', {note}'}"
            with self._lock:
                self.report(self._done, self.tasks, self.what, far)

        return of_that
