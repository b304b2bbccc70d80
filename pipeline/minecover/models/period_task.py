"""What a network that reads all periods together is given to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.engines.report import Report, unreported
from minecover.engines.settings import EngineSettings
from minecover.storage.store import Store
from minecover.transitions.network_settings import NetworkSettings

__all__ = [
    "BLOCKS",
    "CROP",
    "EDGE",
    "ROUND",
    "PeriodBlock",
    "PeriodGround",
    "PeriodTask",
    "drawn_pixels",
]

CROP = 64
"""Edge in pixels of a crop, of which a step learns."""

ROUND = 100
"""Steps whose crops are cut from the same blocks."""

BLOCKS, EDGE = 8, 128
"""Blocks of a round, and the edge of each in pixels."""


def drawn_pixels(steps: int) -> int:
    """Count the pixels of a period that are read for so many steps, whatever the area."""
    return -(-steps // ROUND) * BLOCKS * EDGE**2


@dataclass(frozen=True, eq=False)
class PeriodBlock:
    """A block of ground in all periods.

    Attributes
    ----------
    layers
        (period, layer, y, x) in the layers' own units, NaN where nodata.
    places
        (period, y, x) places of the classes on the map that is learned from; -1 where unknown.
    sure
        (period, y, x) how probable the map holds these classes, 0 to 1.
    """

    layers: Float32Array
    places: Int64Array
    sure: Float32Array


class PeriodGround(Protocol):
    """The area, of which blocks are drawn."""

    def block(self, rng: np.random.Generator, edge: int, layers: Sequence[str]) -> PeriodBlock:
        """Draw a block of so many pixels a side."""


@dataclass(frozen=True, eq=False)
class PeriodTask:
    """A training.

    Attributes
    ----------
    settings, engine
        Of the survey.
    layers, sharp
        Names of the layers that are read, the same in every period, and (layer,) whether each is
        as sharp as the grid.
    classes
        Names to codes, in the order of the places.
    ground
        Where blocks are drawn.
    store, fingerprint
        Where the state is kept from which another attempt goes on, and what it depends on.
    report
        Is told how far it is.
    """

    settings: NetworkSettings
    engine: EngineSettings
    layers: tuple[str, ...]
    sharp: BoolArray
    classes: Mapping[str, int]
    ground: PeriodGround
    store: Store
    fingerprint: str
    report: Report = unreported
