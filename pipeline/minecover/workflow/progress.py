"""What a run reports while it goes on."""

from __future__ import annotations

from typing import Any, Protocol

from minecover.engines.base import Outcome
from minecover.ledger.steps import Step

__all__ = ["Facts", "Progress"]

Facts = dict[str, Any]


class Progress(Protocol):
    """What a run reports of itself while it goes on."""

    def started(self, stage: str, tiles: int | None, done: int) -> None:
        """Announce a stage; with tiles: how many there are and how many are done already."""

    def tile(self, outcome: Outcome) -> None:
        """Report one tile."""

    def step(self, stage: str, step: Step) -> None:
        """Report how far a stage without tiles is; called from any thread, and often."""

    def finished(self, stage: str, facts: Facts, seconds: float) -> None:
        """Report the end of a stage with its figures."""

    def already_complete(self, stage: str) -> None:
        """Report a stage whose result is complete."""


class Silent:
    """Progress that is not shown, with the outcomes counted by their state."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.done: list[str] = []

    def started(self, stage: str, tiles: int | None, done: int) -> None:
        """Note nothing."""

    def tile(self, outcome: Outcome) -> None:
        """Count it."""
        self.counts[outcome.state] = self.counts.get(outcome.state, 0) + 1

    def step(self, stage: str, step: Step) -> None:
        """Note nothing."""

    def finished(self, stage: str, facts: Facts, seconds: float) -> None:
        """Note the stage."""
        self.done.append(stage)

    def already_complete(self, stage: str) -> None:
        """Note nothing."""
