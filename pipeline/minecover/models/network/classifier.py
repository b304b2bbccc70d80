"""A trained network, read at every pixel of a block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from minecover.arrays import Float32Array
from minecover.engines.threads import torch_threads
from minecover.models.classifier import DESCRIPTION, Classifier, check_blocks, read_object
from minecover.models.network.architecture import Shape
from minecover.models.network.device import compute_device
from minecover.models.network.layers import Network
from minecover.models.network.networks import Precision, for_reading
from minecover.models.network.reading import READERS
from minecover.models.network.season_start import described_weights
from minecover.models.network.work import BLOCK_EDGE
from minecover.models.settings import Reading
from minecover.models.standardise import Standardiser
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store

__all__ = ["NetworkClassifier", "ShapeOf", "load"]

ShapeOf = Callable[[dict[str, Any]], Shape]
"""Gives the shape of a network from the description that lies beside its weights."""


WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, eq=False)
class NetworkClassifier(Classifier):
    """A trained network with the layers and classes it was trained on.

    Attributes
    ----------
    layers, classes
        Names of the input layers; codes of the classes.
    architecture, weights
        Of the network as trained, with its batch norms.
    standardiser
        Applied to what is read.
    temperature
        Scores are divided by it before the softmax (Guo et al. 2017, arXiv:1706.04599).
    precision
        In which the network is read; bfloat16 is faster and less exact.
    reading
        Over blocks as a whole or patch by patch; no part of what is saved.
    kind
        Name of its kind.
    """

    layers: tuple[str, ...]
    classes: tuple[int, ...]
    architecture: Shape
    weights: Mapping[str, torch.Tensor] = field(repr=False)
    standardiser: Standardiser = field(repr=False)
    temperature: float = 1.0
    precision: Precision = "float32"
    reading: Reading = "dense"
    kind: str = "resnet50"

    @property
    def halo(self) -> int:
        """Half the neighbourhood in pixels."""
        return self.architecture.halo

    @property
    def pixel_bytes(self) -> int:
        """Activations where the network is widest, and the layers."""
        return 4 * (self.architecture.widest + 2 * len(self.layers))

    @property
    def block_edge(self) -> int:
        """See `Classifier.block_edge`."""
        return BLOCK_EDGE[compute_device()]

    @property
    def device_memory(self) -> int | None:
        """See `Classifier.device_memory`."""
        return int(torch.cuda.mem_get_info()[0]) if compute_device() == "cuda" else None

    @cached_property
    def network(self) -> Network:
        """The network as it is read, on a GPU where torch finds one."""
        network = for_reading(self.architecture, self.weights, self.precision)
        return network.to(compute_device())

    def predict_each(self, blocks: Float32Array) -> Float32Array:
        """See `Classifier.predict_each`."""
        check_blocks(blocks, self.layers, self.halo)
        h = self.halo
        height, width = blocks.shape[2] - 2 * h, blocks.shape[3] - 2 * h
        valid = np.asarray(np.isfinite(blocks[:, :, h : h + height, h : h + width]).all(axis=1))
        if not valid.any():
            shape = (len(blocks), len(self.classes), height, width)
            return np.full(shape, np.nan, dtype=np.float32)
        probabilities = READERS[self.reading](self.probabilities, blocks, valid)
        probabilities.swapaxes(0, 1)[:, ~valid] = np.nan
        return probabilities

    def probabilities(self, patches: Float32Array) -> Float32Array:
        """Read (n, layer, y + 2 halo, x + 2 halo) in the layers' own units to (n, class, y, x)."""
        x = torch.from_numpy(self.standardiser.apply(patches, axis=1))
        x = x.to(compute_device(), getattr(torch, self.precision))
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch_threads(1):  # by more, sums are rounded otherwise
            scores = self.network(x).float() / self.temperature
            probabilities: Float32Array = scores.softmax(dim=1).cpu().contiguous().numpy()
        return probabilities

    def with_temperature(self, temperature: float) -> NetworkClassifier:
        """Calibrate: the same network with its scores divided by `temperature`."""
        return replace(self, temperature=temperature)

    def with_reading(self, reading: Reading) -> NetworkClassifier:
        """Give the same network read another way."""
        return replace(self, reading=reading)

    def save(self, store: Store, prefix: str = MODEL_FOLDER) -> None:
        """Write weights as safetensors that say what they are of, then the description as JSON."""
        description = self._description()
        store.write(prefix + WEIGHTS, described_weights(self.weights, description))
        store.write_json(prefix + DESCRIPTION, description)

    def _description(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "layers": list(self.layers),
            "classes": list(self.classes),
            **self.architecture.to_json(),
            "standardise": self.standardiser.to_json(),
            "temperature": self.temperature,
            "precision": self.precision,
        }


def load(
    store: Store, prefix: str, description: dict[str, Any], shape_of: ShapeOf
) -> NetworkClassifier:
    """Read a classifier whose description is known; `load_classifier` finds it.

    Raises
    ------
    ValueError
        The weights are damaged, or those of another network.
    """
    classifier = NetworkClassifier(
        kind=description["kind"],
        layers=tuple(description["layers"]),
        classes=tuple(description["classes"]),
        architecture=shape_of(description),
        weights=_weights(read_object(store, prefix + WEIGHTS)),
        standardiser=Standardiser.from_json(description["standardise"]),
        temperature=description["temperature"],
        precision=description["precision"],
    )
    try:
        classifier.network.eval()  # built now: weights that do not fit are found here
    except RuntimeError as error:
        raise ValueError(f"{WEIGHTS} holds the weights of another network") from error
    return classifier


def _weights(data: bytes) -> dict[str, torch.Tensor]:
    try:
        weights: dict[str, torch.Tensor] = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error
    return weights
