"""What a kind of model is given to learn from ground that nobody labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from minecover.arrays import Float32Array
from minecover.engines.report import Report, unreported
from minecover.engines.settings import EngineSettings
from minecover.models.data import ModelInputs
from minecover.models.settings import ModelSettings
from minecover.storage.canonical_json import Json
from minecover.storage.store import Store

__all__ = ["BLOCKS", "EDGE", "ROUND", "Ground", "PretrainingTask", "drawn_pixels"]

ROUND = 25
"""Steps whose crops are cut from the same blocks."""

BLOCKS, EDGE = 4, 128
"""Blocks of a round over all workers, and the edge of each in pixels."""


def drawn_pixels(steps: int) -> int:
    """Count the pixels that are read for so many steps, whatever the area."""
    return -(-steps // ROUND) * BLOCKS * EDGE**2


class Ground(Protocol):
    """Features of the area, of which blocks are drawn; it is sent to workers."""

    def block(self, rng: np.random.Generator, edge: int, layers: Sequence[str]) -> Float32Array:
        """Draw a block, (layer, edge, edge) in the layers' own units, NaN where nodata."""


@dataclass(frozen=True, eq=False)
class PretrainingTask:
    """A training without labels.

    Attributes
    ----------
    settings, engine
        Of the survey; `settings.pretraining` is given.
    inputs
        What the model may read: every feature of the survey.
    ground
        Where blocks of these layers are drawn.
    store, fingerprint
        Where the state is kept from which another attempt goes on, and what it depends on.
    folder
        Where workers say how far they are; all of them see it.
    about
        What it is made of, for the file of the weights.
    report
        Is told how far it is.
    """

    settings: ModelSettings
    engine: EngineSettings
    inputs: ModelInputs
    ground: Ground
    store: Store
    fingerprint: str
    folder: Path
    about: Mapping[str, Json]
    report: Report = unreported
