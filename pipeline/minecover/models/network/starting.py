"""Weights that a network starts from instead of random ones.

A file of ours, or a ResNet-50 as torchvision and timm name its tensors (`conv1`, `layer1.0.conv1`,
`layer1.0.downsample.0`, `fc`). What is taken is what fits by name and shape; the first convolution
is adapted to another number of layers; the head, which knows other classes, is never taken. A
batch norm goes with its convolution: its statistics are of what that one puts out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from minecover.errors import SurveyError
from minecover.models.network.architecture import STAGES, Shape
from minecover.models.network.layers import Network
from minecover.models.network.networks import network_of
from minecover.storage.location import content_digest

__all__ = ["RANDOM", "Start", "Weights", "read_weights", "starting_weights"]

Weights = dict[str, torch.Tensor]

STEM = "stem.conv.weight"
FILE = "start.safetensors"

_PARTS = {"conv1": "reduce", "conv2": "spatial", "conv3": "expand"}
_NORMS = {"bn1": "reduce", "bn2": "spatial", "bn3": "expand"}
_BLOCK = re.compile(r"layer([1-4])\.(\d+)\.(conv[123]|bn[123]|downsample\.[01])\.(\w+)")
_STEM = re.compile(r"(conv1|bn1)\.(\w+)")


@dataclass(frozen=True, eq=False)
class Start:
    """What a network starts from.

    Attributes
    ----------
    weights
        By our names; empty: from random ones.
    adapted
        Of those, by the file's names: first convolutions of another number of layers.
    left_out
        What of the file was not taken, each with the reason.
    fresh
        What is read here and was not known there: it adds nothing before it is trained.
    """

    weights: Weights = field(default_factory=dict, repr=False)
    adapted: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()

    def apply(self, network: Network) -> None:
        """Put the weights into a network; what they do not name stays."""
        network.load_state_dict(self.weights, strict=False)

    def save(self, folder: Path) -> None:
        """Write the weights where every worker finds them."""
        folder.mkdir(parents=True, exist_ok=True)
        safetensors.torch.save_file(self.weights, folder / FILE)

    @classmethod
    def open(cls, folder: Path) -> Start:
        """Read what `save` wrote."""
        return cls(safetensors.torch.load_file(folder / FILE))

    def facts(self) -> dict[str, Any]:
        """Say what was taken, for the ledger."""
        taken = {
            "taken": len(self.weights),
            "adapted": list(self.adapted),
            "left_out": dict(self.left_out),
            **({"fresh": list(self.fresh)} if self.fresh else {}),
        }
        return {
            "starting_weights": taken,
            "tensors_taken": len(self.weights),
            "not_taken": len(self.left_out),
            **({"fresh": len(self.fresh)} if self.fresh else {}),
        }


RANDOM = Start()
"""Random weights."""


def starting_weights(path: str, architecture: Shape) -> Start:
    """Read a file and take what fits a network.

    Parameters
    ----------
    path
        Of the survey's `model.starting_weights`.
    architecture
        Of the network that is to be trained.

    Raises
    ------
    SurveyError
        The file is missing or damaged, holds values that are no numbers, or nothing that fits.
    """
    with torch.device("meta"):
        network = network_of(architecture)
    start = _taken(_read(path), {name: value.shape for name, value in network.state_dict().items()})
    if not any(name.endswith("conv.weight") for name in start.weights):
        raise SurveyError(_nothing_fits(path, start.left_out))
    return start


def _taken(given: Weights, wanted: Mapping[str, torch.Size]) -> Start:
    ours = {name: _our_name(name) for name in given}
    weights: Weights = {}
    adapted: list[str] = []
    left_out: dict[str, str] = {}
    for name, tensor in given.items():
        value, reason = _fitted(ours[name], tensor, wanted)
        if value is None:
            left_out[name] = reason
        else:
            weights[ours[name]] = value
            adapted += [name] * (value.shape != tensor.shape)
    for name in given.keys() - left_out.keys():
        if ".norm." in ours[name] and _convolution(ours[name]) not in weights:
            del weights[ours[name]]
            left_out[name] = "its convolution is not taken"
    return Start(weights, tuple(adapted), dict(sorted(left_out.items())))


def _checksum(path: str) -> str:
    advice = "give a .safetensors file, or leave the key out to start from random weights"
    return content_digest(path, "model.starting_weights", advice)


def read_weights(path: str) -> bytes:
    """Read the file of the survey's `model.starting_weights`.

    Raises
    ------
    SurveyError
        It cannot be read.
    """
    _checksum(path)  # a file that cannot be read has the same message everywhere
    return Path(path).read_bytes()


def _read(path: str) -> Weights:
    try:
        given: Weights = safetensors.torch.load(read_weights(path))
    except (safetensors.SafetensorError, OSError) as error:
        raise SurveyError(
            f"model.starting_weights: {path} is no safetensors file, or a damaged one ({error}); "
            "give another, or leave the key out to start from random weights"
        ) from error
    for name, tensor in given.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise SurveyError(
                f"model.starting_weights: {path}: {name} holds values that are not finite; give "
                "another file, or leave the key out to start from random weights"
            )
    return given


def _our_name(name: str) -> str:
    """Our name of a tensor of torchvision or timm; any other name as it is."""
    stem = _STEM.fullmatch(name)
    if stem:
        return f"stem.{'conv' if stem[1] == 'conv1' else 'norm'}.{stem[2]}"
    block = _BLOCK.fullmatch(name)
    if block is None:
        return name
    number = sum(count for count, _ in STAGES[: int(block[1]) - 1]) + int(block[2])
    kind = block[3]
    if kind.startswith("downsample"):
        part, what = "shortcut", "conv" if kind.endswith("0") else "norm"
    elif kind in _PARTS:
        part, what = _PARTS[kind], "conv"
    else:
        part, what = _NORMS[kind], "norm"
    return f"blocks.{number}.{part}.{what}.{block[4]}"


def _convolution(norm: str) -> str:
    return norm.rpartition(".norm.")[0] + ".conv.weight"


def _fitted(
    ours: str, tensor: torch.Tensor, wanted: Mapping[str, torch.Size]
) -> tuple[torch.Tensor | None, str]:
    """Give the tensor as the network takes it, or None and why not."""
    if ours.startswith(("classifier.", "fc.")):
        return None, "the head"
    if ours not in wanted:
        return None, "no such tensor in this network"
    shape, given = tuple(wanted[ours]), tuple(tensor.shape)
    if ours == STEM and len(given) == 4 and (given[0], *given[2:]) == (shape[0], *shape[2:]):
        return _adapted(tensor.float(), shape[1]), ""
    if given != shape:
        return None, f"{_times(given)} where the network has {_times(shape)}"
    return (tensor.float() if tensor.is_floating_point() else tensor), ""


def _adapted(kernel: torch.Tensor, layers: int) -> torch.Tensor:
    """Give every layer the mean of the kernels there are, scaled to the same sum over layers."""
    given = kernel.shape[1]
    if given == layers:
        return kernel
    mean = kernel.mean(dim=1, keepdim=True) * (given / layers)
    return mean.expand(-1, layers, -1, -1).contiguous()


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape) or "a number"


def _nothing_fits(path: str, left_out: Mapping[str, str]) -> str:
    shown = "; ".join(f"{name}: {reason}" for name, reason in _first(left_out, 3))
    return (
        f"model.starting_weights: no convolution in {path} fits this network ({shown or 'empty'}); "
        "give a ResNet-50 of the same model.width and model.window, or leave the key out"
    )


def _first(mapping: Mapping[str, str], count: int) -> Iterator[tuple[str, str]]:
    yield from list(mapping.items())[:count]
