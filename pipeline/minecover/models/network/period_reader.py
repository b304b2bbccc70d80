"""A trained network that reads all periods together: its file, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import safetensors
import safetensors.torch
import torch

from minecover.arrays import Float32Array
from minecover.engines.threads import torch_threads
from minecover.errors import DataError
from minecover.models.network.device import compute_device
from minecover.models.network.period_network import PeriodNetwork, period_network_of
from minecover.models.network.period_shape import READ_EDGE, PeriodShape
from minecover.models.network.season_start import described_weights, description_in
from minecover.models.standardise import Standardiser
from minecover.storage.canonical_json import Json
from minecover.storage.names import PERIOD_NETWORK_FILE
from minecover.storage.store import Store

__all__ = ["PeriodReader"]

KIND = "periods"


@dataclass(frozen=True, eq=False)
class PeriodReader:
    """What reads blocks of all periods.

    Attributes
    ----------
    layers, classes
        Names of the layers, and names and codes of the classes, in the order of its network.
    shape, weights
        Of the network.
    standardiser
        Of the layers.
    """

    layers: tuple[str, ...]
    classes: Mapping[str, int]
    shape: PeriodShape
    standardiser: Standardiser = field(repr=False)
    weights: Mapping[str, torch.Tensor] = field(repr=False)

    @property
    def halo(self) -> int:
        """Pixels on every side that a pixel is judged by."""
        return self.shape.halo

    @property
    def edge(self) -> int:
        """Edge in pixels of the blocks that it reads, which are always of this size."""
        return READ_EDGE

    @cached_property
    def network(self) -> PeriodNetwork:
        """The network as it is read, on a GPU where torch finds one."""
        return period_network_of(self.shape, self.weights).to(compute_device())

    def read(self, block: Float32Array) -> Float32Array:
        """Read a block.

        Parameters
        ----------
        block
            (period, layer, y + 2 halo, x + 2 halo) in the layers' own units, NaN where nodata.

        Returns
        -------
        (period, class, y, x) float32 probabilities.
        """
        x = torch.from_numpy(self.standardiser.apply(block, axis=1)).to(compute_device())
        inner = (..., slice(self.halo, -self.halo), slice(self.halo, -self.halo))
        with torch.inference_mode(), torch_threads(1):  # by more, sums are rounded otherwise
            scores = self.network(x)[inner].softmax(dim=1)
        return np.ascontiguousarray(scores.cpu().numpy())

    def save(self, store: Store, about: Mapping[str, Json]) -> None:
        """Write it, with what it was made of."""
        description: dict[str, Any] = {
            **about,
            "kind": KIND,
            "layers": list(self.layers),
            "classes": [list(item) for item in self.classes.items()],
            "channels": self.shape.channels,
            "standardise": self.standardiser.to_json(),
        }
        store.write(PERIOD_NETWORK_FILE, described_weights(self.weights, description))

    @classmethod
    def load(cls, store: Store) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            It is not there, or damaged.
        """
        data, where = store.read(PERIOD_NETWORK_FILE), f"{store.url}/{PERIOD_NETWORK_FILE}"
        if data is None:
            raise DataError(f"{where}: missing; run `minecover relearn`")
        try:
            about = description_in(data)
            layers, classes = tuple(about["layers"]), dict(about["classes"])
            reader = cls(
                layers, classes,
                PeriodShape(len(layers), len(classes), about["channels"]),
                Standardiser.from_json(about["standardise"]),
                safetensors.torch.load(data),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
            raise _damaged(where, str(error)) from error
        scale = reader.standardiser
        if not len(scale.mean) == len(scale.deviation) == len(layers):
            raise _damaged(where, "scales of other layers")
        if not all(bool(tensor.isfinite().all()) for tensor in reader.weights.values()):
            raise _damaged(where, "values that are not finite")
        try:
            reader.network.eval()  # built now: weights that do not fit are found here
        except (RuntimeError, TypeError) as error:
            raise _damaged(where, "weights of another network") from error
        return reader


def _damaged(where: str, reason: str) -> DataError:
    return DataError(f"{where}: damaged ({reason}); run `minecover relearn --again`")
