"""What every trained model is to the rest of minecover, and how it lies in a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from minecover.arrays import Float32Array
from minecover.errors import StoreError
from minecover.models.settings import Reading
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store

__all__ = ["DESCRIPTION", "Classifier", "check_blocks", "read_arrays", "read_object"]


DESCRIPTION = "model.json"
"""Object under a model's prefix that says what the model is; its `kind` is registered."""

PATCHES_AT_ONCE = 256
"""Patches that are read together."""


class Classifier(ABC):
    """A trained model, read at every pixel of a block.

    Attributes
    ----------
    layers
        Names of the layers of a block, in order.
    classes
        Codes of the classes in the survey's order: the order of the probabilities.
    """

    layers: tuple[str, ...]
    classes: tuple[int, ...]

    @property
    def halo(self) -> int:
        """Pixels needed on every side of what is predicted."""
        return 0

    @property
    def pixel_bytes(self) -> int:
        """Working memory of one predicted pixel, an upper estimate."""
        return 16 * (len(self.layers) + len(self.classes))

    @property
    def block_edge(self) -> int:
        """Edge in pixels of the blocks that a raster is read in: sums are rounded by their size."""
        return 64

    @property
    def device_memory(self) -> int | None:
        """Bytes free on the device that reads it; None: it has no memory of its own."""
        return None

    @abstractmethod
    def predict_each(self, blocks: Float32Array) -> Float32Array:
        """Predict the probability of each class at every pixel of several blocks of one size.

        It is computed by the calling thread alone; several may call at once.

        Parameters
        ----------
        blocks
            (n, layer, y + 2 halo, x + 2 halo) float32 with NaN as nodata.

        Returns
        -------
        (n, class, y, x) float32, summing to 1; NaN where a layer is nodata at the pixel itself.
        """

    def predict(self, block: Float32Array) -> Float32Array:
        """Do as `predict_each` with one block, (layer, y + 2 halo, x + 2 halo) to (class, y, x)."""
        probabilities: Float32Array = self.predict_each(block[None])[0]
        return probabilities

    def predict_centres(self, patches: Float32Array) -> Float32Array:
        """Predict the centre pixel of each patch, (n, layer, window, window) to (n, class)."""
        parts = [np.empty((0, len(self.classes)), dtype=np.float32)]
        for start in range(0, len(patches), PATCHES_AT_ONCE):
            part = patches[start : start + PATCHES_AT_ONCE]
            parts.append(self.predict_each(part)[:, :, 0, 0])
        return np.concatenate(parts)

    def with_reading(self, reading: Reading) -> Classifier:
        """Read the same model over whole blocks or patch by patch, where it can do both."""
        del reading  # most models know one way
        return self

    @abstractmethod
    def save(self, store: Store, prefix: str = MODEL_FOLDER) -> None:
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


def read_arrays(store: Store, key: str, names: Sequence[str], advice: str) -> dict[str, Any]:
    """Read arrays by name from a safetensors object that must be there.

    Raises
    ------
    StoreError
        It is not, or is damaged: then with `advice`.
    """
    try:
        read = safetensors.numpy.load(read_object(store, key))
        return {name: read[name] for name in names}
    except (KeyError, safetensors.SafetensorError) as error:
        raise StoreError(f"{store.url}/{key}: damaged ({error}); {advice}") from error


def check_blocks(blocks: Float32Array, layers: Sequence[str], halo: int) -> None:
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
