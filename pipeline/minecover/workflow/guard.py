"""What may begin: everything, unless a subclass says otherwise."""

from __future__ import annotations

from typing import NoReturn

from minecover.engines.base import Outcome
from minecover.errors import BudgetError
from minecover.workflow.stage import Workspace

__all__ = ["Guard"]


class Guard:
    """Decides what may begin: everything, unless a subclass says otherwise."""

    def check_stage(self, workspace: Workspace, stage: str) -> None:
        """Raise where a stage that is to be done must not begin."""

    def admits_tile(self, stage: str) -> bool:
        """Tell whether one more tile may begin."""
        del stage
        return True

    def tile_ended(self, stage: str, outcome: Outcome) -> None:
        """Note what became of a tile that was admitted."""

    def raise_reason(self, stage: str) -> NoReturn:
        """Raise the reason for which no more tiles are admitted.

        Raises
        ------
        BudgetError
            Always; a driver that went on would wait for tiles that never begin.
        """
        raise BudgetError(f"{stage}: no more tiles may begin; finished ones are kept")
