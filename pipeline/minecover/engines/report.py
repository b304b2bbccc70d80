"""How long work says how far it is: kernels and models know a callable and nothing else."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Report", "named", "unreported"]


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
