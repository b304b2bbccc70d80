"""The stages of a survey in order, as the ledger needs to know them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from minecover.geography.grid import Tile
from minecover.ledger.open_tiles import tile_of

__all__ = ["Reach", "StageOrder", "neighbourhood"]

Reach = Literal["neighbours", "everything"]
"""Tiles of a stage that are made from one tile of a stage before it."""


@dataclass(frozen=True)
class StageOrder:
    """Names of all stages in order, and how far a tile reaches into each.

    Attributes
    ----------
    reach
        By stage, in order: `neighbours`, where a tile is made from its place and the eight around
        it, or `everything`. Of a stage without tiles it says nothing.
    """

    reach: Mapping[str, Reach]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stages."""
        return tuple(self.reach)

    def since(self, stage: str) -> tuple[str, ...]:
        """Names of a stage and of those after it."""
        return self.names[self.names.index(stage) :]

    def until(self, stage: str) -> tuple[str, ...]:
        """Names of the stages up to a stage, and its own."""
        return self.names[: self.names.index(stage) + 1]

    def after(self, stage: str) -> tuple[str, ...]:
        """Names of the stages after a stage."""
        return self.since(stage)[1:]


def neighbourhood(name: str) -> Iterator[str]:
    """Name a tile and the eight around it of its period, which read its pixels in their halo."""
    centre = tile_of(name)
    if centre is not None:
        for row in range(max(centre.row - 1, 0), centre.row + 2):
            for column in range(max(centre.column - 1, 0), centre.column + 2):
                yield Tile(row, column, centre.period).name
