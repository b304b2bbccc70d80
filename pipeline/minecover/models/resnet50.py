"""ResNet-50 read at every pixel.

The network is that of He et al. 2016 (doi:10.1109/CVPR.2016.90): bottleneck blocks in stages of
3, 4, 6 and 3, with 64, 128, 256 and 512 channels inside and four times as many between them. For
small neighbourhoods its stem is one 3 x 3 convolution without pooling. Nothing has a stride or a
padding, so a network that sees w x w pixels gives one pixel on a patch of w x w and, run once over
a tile, the same numbers at every pixel of it for a small part of the work.

The window sets how many of the 17 convolutions (stem and one a block) are 3 x 3; the others are
1 x 1, as in the BagNets of Brendel & Bethge 2019 (arXiv:1904.00760). Window 35 has them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.torch
import torch
from torch import nn
from torch.nn.functional import linear

from minecover.errors import SurveyError
from minecover.models.base import DESCRIPTION, check_blocks, read_object
from minecover.models.reading import READERS
from minecover.models.settings import Reading
from minecover.models.standardise import Standardiser
from minecover.storage.store import Store

__all__ = ["Architecture", "ResNet50", "ResNet50Classifier", "compute_device", "kernel_sizes"]

FloatArray = npt.NDArray[np.float32]
Precision = Literal["float32", "bfloat16"]

STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
"""Blocks and inner channels of each stage (He et al. 2016, Table 1, 50-layer)."""

EXPANSION = 4
"""Channels between blocks, as a multiple of those inside."""

WEIGHTS = "weights.safetensors"


def kernel_sizes(window: int) -> tuple[int, ...]:
    """Edge of the kernel of the stem and of each of the 16 blocks.

    The 3 x 3 kernels come first: channels are fewest there, and a patch has shrunk to one pixel
    before the wide stages, which makes training cheapest.

    Parameters
    ----------
    window
        Edge of the neighbourhood in pixels, odd, 1 to 35.

    Raises
    ------
    SurveyError
        The window is even or outside that range.
    """
    count = 1 + sum(blocks for blocks, _ in STAGES)
    wide, rest = divmod(window - 1, 2)
    if rest or not 0 <= wide <= count:
        raise SurveyError(f"model.window: {window} is not an odd number up to {2 * count + 1}")
    return (3,) * wide + (1,) * (count - wide)


@dataclass(frozen=True)
class Architecture:
    """What determines the shape of every weight.

    Attributes
    ----------
    layers, classes
        Number of input layers and of classes.
    kernels
        Edge of the kernel of the stem and the 16 blocks, 1 or 3.
    width
        Channels, as a share of ResNet-50's, rounded to multiples of 8.
    dropout
        Share of the last features dropped in training.
    """

    layers: int
    classes: int
    kernels: tuple[int, ...]
    width: float = 1.0
    dropout: float = 0.2

    @property
    def halo(self) -> int:
        """Half the neighbourhood in pixels."""
        return sum(kernel // 2 for kernel in self.kernels)

    def channels(self, full: int) -> int:
        """Channels where ResNet-50 has `full`."""
        return max(8, round(full * self.width / 8) * 8)


class ConvNorm(nn.Module):
    """A convolution without padding, batch norm, and ReLU where wanted."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, *, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.relu = relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, y, x) to (n, outputs, y - kernel + 1, x - kernel + 1)."""
        out: torch.Tensor = self.norm(self._convolved(x))
        return out.relu_() if self.relu else out

    def _convolved(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[2] == x.shape[3] == self.conv.kernel_size[0] == 1:
            # patches that have shrunk to one pixel: a matrix product, 2 to 4 times faster so
            product = linear(x.flatten(1), self.conv.weight.flatten(1), self.conv.bias)
            return product[:, :, None, None]
        convolved: torch.Tensor = self.conv(x)
        return convolved

    def fold(self) -> None:
        """Let the convolution do what the batch norm does in evaluation."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = nn.utils.fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = nn.Identity()


class Bottleneck(nn.Module):
    """1 x 1 to the inner channels, the kernel, 1 x 1 back, and the shortcut around them.

    Where the kernel is 3 x 3 the shortcut loses the same pixel on every side.
    """

    def __init__(self, inputs: int, inner: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.reduce = ConvNorm(inputs, inner)
        self.spatial = ConvNorm(inner, inner, kernel)
        self.expand = ConvNorm(inner, outputs, relu=False)
        self.shortcut = None if inputs == outputs else ConvNorm(inputs, outputs, relu=False)
        self.margin = kernel // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, y, x) to (n, outputs, y - 2 margin, x - 2 margin)."""
        inner = self.expand(self.spatial(self.reduce(x)))
        if self.margin:
            x = x[:, :, self.margin : -self.margin, self.margin : -self.margin]
        if self.shortcut is not None:
            x = self.shortcut(x)
        joined: torch.Tensor = inner.add_(x).relu_()
        return joined


class ResNet50(nn.Module):
    """Stem, 16 bottleneck blocks and a 1 x 1 classifier, over any number of layers."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        width, kernels = architecture.channels(STAGES[0][1]), iter(architecture.kernels)
        self.stem = ConvNorm(architecture.layers, width, next(kernels))
        self.blocks = nn.Sequential()
        for count, full in STAGES:
            inner = architecture.channels(full)
            for _ in range(count):
                self.blocks.append(Bottleneck(width, inner, EXPANSION * inner, next(kernels)))
                width = EXPANSION * inner
        self.dropout = nn.Dropout(architecture.dropout)
        self.classifier = nn.Conv2d(width, architecture.classes, 1)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for block in self.blocks:
            # every block starts as its shortcut (Goyal et al. 2017, arXiv:1706.02677, 5.1)
            assert isinstance(block, Bottleneck)
            assert isinstance(block.expand.norm, nn.BatchNorm2d)
            nn.init.zeros_(block.expand.norm.weight)
        nn.init.normal_(self.classifier.weight, std=0.01)
        assert self.classifier.bias is not None
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Standardised (n, layer, y + 2 halo, x + 2 halo) to scores (n, class, y, x)."""
        scores: torch.Tensor = self.classifier(self.dropout(self.blocks(self.stem(x))))
        return scores

    def conv_norms(self) -> Iterator[ConvNorm]:
        """Every convolution with its batch norm."""
        return (module for module in self.modules() if isinstance(module, ConvNorm))


def for_reading(
    architecture: Architecture, weights: Mapping[str, torch.Tensor], precision: Precision
) -> ResNet50:
    """Build a network for prediction: batch norm folded, channels last, in one precision."""
    with torch.device("meta"):
        network = ResNet50(architecture)
    network = network.to_empty(device="cpu")
    network.load_state_dict(dict(weights))
    network.eval().requires_grad_(requires_grad=False)
    for module in network.conv_norms():
        module.fold()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.to(getattr(torch, precision))
    return network


def compute_device() -> Literal["cpu", "cuda"]:
    """Name the device of networks: the GPU, where this process sees one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@dataclass(frozen=True, eq=False)
class ResNet50Classifier:
    """A trained ResNet-50 with the layers and classes it was trained on.

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
    """

    layers: tuple[str, ...]
    classes: tuple[int, ...]
    architecture: Architecture
    weights: Mapping[str, torch.Tensor] = field(repr=False)
    standardiser: Standardiser = field(repr=False)
    temperature: float = 1.0
    precision: Precision = "float32"
    reading: Reading = "dense"

    @property
    def halo(self) -> int:
        """Half the neighbourhood in pixels."""
        return self.architecture.halo

    @property
    def pixel_bytes(self) -> int:
        """Activations of the widest block: its input, its output and what lies between."""
        widest = EXPANSION * self.architecture.channels(STAGES[-1][1])
        return 4 * (3 * widest + 2 * len(self.layers))

    @cached_property
    def network(self) -> ResNet50:
        """The network as it is read, on a GPU where torch finds one."""
        network = for_reading(self.architecture, self.weights, self.precision)
        return network.to(compute_device())

    def predict(self, block: FloatArray) -> FloatArray:
        """See `Classifier.predict`."""
        probabilities: FloatArray = self.predict_each(block[None])[0]
        return probabilities

    def predict_each(self, blocks: FloatArray) -> FloatArray:
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

    def probabilities(self, patches: FloatArray) -> FloatArray:
        """Read (n, layer, y + 2 halo, x + 2 halo) in the layers' own units to (n, class, y, x)."""
        x = torch.from_numpy(self.standardiser.apply(patches, axis=1))
        x = x.to(compute_device(), getattr(torch, self.precision))
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            scores = self.network(x).float() / self.temperature
            probabilities: FloatArray = scores.softmax(dim=1).cpu().contiguous().numpy()
        return probabilities

    def with_temperature(self, temperature: float) -> ResNet50Classifier:
        """Calibrate: the same network with its scores divided by `temperature`."""
        return replace(self, temperature=temperature)

    def with_reading(self, reading: Reading) -> ResNet50Classifier:
        """Give the same network read another way."""
        return replace(self, reading=reading)

    def save(self, store: Store, prefix: str = "model/") -> None:
        """Write weights as safetensors, then the description as JSON."""
        weights = {name: tensor.contiguous() for name, tensor in self.weights.items()}
        store.write(prefix + WEIGHTS, safetensors.torch.save(weights))
        store.write_json(prefix + DESCRIPTION, self._description())

    def _description(self) -> dict[str, Any]:
        return {
            "kind": "resnet50",
            "layers": list(self.layers),
            "classes": list(self.classes),
            "kernels": list(self.architecture.kernels),
            "width": self.architecture.width,
            "dropout": self.architecture.dropout,
            "standardise": self.standardiser.to_json(),
            "temperature": self.temperature,
            "precision": self.precision,
        }


def load(store: Store, prefix: str, description: dict[str, Any]) -> ResNet50Classifier:
    """Read a classifier whose description is known; `load_classifier` finds it.

    Raises
    ------
    ValueError
        The weights are damaged, or those of another network.
    """
    layers, classes = tuple(description["layers"]), tuple(description["classes"])
    classifier = ResNet50Classifier(
        layers=layers,
        classes=classes,
        architecture=Architecture(
            len(layers),
            len(classes),
            tuple(description["kernels"]),
            description["width"],
            description["dropout"],
        ),
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
