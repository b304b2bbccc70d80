"""What every classifier is to the rest of the house, and how it lies in a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from minecover.errors import StoreError
from minecover.storage.store import Store

__all__ = ["DESCRIPTION", "Classifier", "scatter"]

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

DESCRIPTION = "model.json"
"""Object under a model's prefix that says what the model is."""


class Classifier(Protocol):
    """A trained model, read at every pixel of a block."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers of a block, in order."""

    @property
    def classes(self) -> tuple[int, ...]:
        """Codes of the classes in the survey's order: the order of the probabilities."""

    @property
    def halo(self) -> int:
        """Pixels needed on every side of what is predicted."""

    @property
    def pixel_bytes(self) -> int:
        """Working memory of one predicted pixel, an upper estimate."""

    def predict(self, block: FloatArray) -> FloatArray:
        """Give the probability of each class at every pixel of a block.

        Parameters
        ----------
        block
            (layer, y + 2 halo, x + 2 halo) float32 with NaN as nodata.

        Returns
        -------
        (class, y, x) float32, summing to 1; NaN where a layer is nodata at the pixel itself.
        """

    def predict_each(self, blocks: FloatArray) -> FloatArray:
        """Do as `predict` with several blocks of one size.

        Parameters
        ----------
        blocks
            (n, layer, y + 2 halo, x + 2 halo).

        Returns
        -------
        (n, class, y, x).
        """

    def save(self, store: Store, prefix: str = "model/") -> None:
        """Write the model as data: nothing that runs code when it is read."""


def read_object(store: Store, key: str) -> bytes:
    """Bytes of an object that must be there.

    Raises
    ------
    StoreError
        It is not.
    """
    data = store.read(key)
    if data is None:
        raise StoreError(f"{store.url}/{key}: missing; delete the model and train again")
    return data


def check_blocks(blocks: FloatArray, layers: Sequence[str], halo: int) -> None:
    """Refuse blocks of another shape than the classifier reads.

    Raises
    ------
    ValueError
        The number of layers differs, or the block is no larger than its halo.
    """
    shape = blocks.shape[1:]
    if blocks.ndim != 4 or shape[0] != len(layers):
        raise ValueError(f"a block of shape {shape} where {len(layers)} layers are read")
    if min(shape[1:]) <= 2 * halo:
        raise ValueError(f"a block of shape {shape} is not larger than its halo of {halo}")


def scatter(values: npt.NDArray[Any], valid: BoolArray) -> FloatArray:
    """Lay rows of valid pixels out as (class, y, x), NaN elsewhere.

    Parameters
    ----------
    values
        (number of valid pixels, class).
    valid
        (y, x).
    """
    out = np.full((values.shape[1], *valid.shape), np.nan, dtype=np.float32)
    out[:, valid] = values.T
    return out
