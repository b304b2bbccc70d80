"""What may begin: everything, unless a subclass says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minecover.engines.base import Outcome

if TYPE_CHECKING:
    from minecover.workflow.run import Run

__all__ = ["Guard"]


class Guard:
    """Decides what may begin: everything, unless a subclass says otherwise."""

    def before(self, run: Run, stage: str) -> None:
        """Raise where a stage that is to be done must not begin."""

    def admit(self, stage: str) -> bool:
        """Tell whether one more tile may begin."""
        del stage
        return True

    def ended(self, stage: str, outcome: Outcome) -> None:
        """Note what became of a tile that was admitted."""

    def refuse(self, stage: str) -> None:
        """Raise the reason for which no more tiles are admitted."""
