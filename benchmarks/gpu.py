"""ResNet-50 on a GPU against the rate at which that GPU multiplies matrices.

`python -m benchmarks.gpu` takes a few minutes on a card and writes `benchmarks/gpu.json` and
`benchmarks/GPU.md`: pixels a second that are read, patches a second that are trained on, both in
bfloat16 and as a share of the matrix rate, and pixels a second by one and by two Ray workers that
share the card. Without a card it is refused, unless it is told that the CPU will do (`--tiny`).
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minecover.engines.base import TileFacts
from minecover.engines.machine import describe
from minecover.engines.registry import ENGINES
from minecover.engines.settings import EngineSettings
from minecover.geography.grid import Tile
from minecover.models.data import TrainingData
from minecover.models.network.architecture import Architecture, kernel_sizes
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.network.device import compute_device
from minecover.models.network.layers import ResNet50
from minecover.models.settings import ModelSettings
from minecover.models.standardise import Standardiser
from minecover.models.training import train

LAYERS, CLASSES, AIM = 45, 6, 0.4
"""Layers that a survey keeps; classes of the paper; share of the matrix rate that is aimed for."""


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes
    ----------
    matrix, edge, patches, tiles
        Edge of the matrices and of a block that is read; patches of an epoch; tiles of a Ray run.
    seconds
        For which a call is repeated.
    window, width, batch
        Of the network, and of a step.
    """

    matrix: int = 8192
    edge: int = 256
    patches: int = 16384
    tiles: int = 64
    seconds: float = 5.0
    window: int = 17
    width: float = 1.0
    batch: int = 1024

    @property
    def model(self) -> ModelSettings:
        """Settings of the network."""
        return ModelSettings(
            window=self.window, width=self.width, batch=self.batch, epochs=3, precision="bfloat16"
        )


TINY = Size(128, 16, 64, 4, 0.0, window=5, width=0.125, batch=32)


@dataclass(frozen=True)
class Result:
    """One measurement: its rate, and which share of the card's matrix rate that takes."""

    what: str
    rate: float
    unit: str
    share: float | None = None


def seconds_of(call: Callable[[], object], least: float) -> float:
    """Mean seconds of a call, repeated for `least` seconds after a first one."""
    call()
    _wait()
    start, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - start < least:
        call()
        _wait()
        count += 1
    return (time.perf_counter() - start) / count


def _wait() -> None:
    if compute_device() == "cuda":
        torch.cuda.synchronize()


def matrix_rate(size: Size) -> float:
    """Multiplications and additions a second of square matrices in bfloat16."""
    kind = {"device": compute_device(), "dtype": torch.bfloat16}
    left, right = (torch.randn(size.matrix, size.matrix, **kind) for _ in range(2))
    return 2 * size.matrix**3 / seconds_of(lambda: left @ right, size.seconds)


def architecture_of(size: Size) -> Architecture:
    """Give the shape of the network that is measured."""
    return Architecture(LAYERS, CLASSES, kernel_sizes(size.window), size.width)


@cache
def classifier(size: Size) -> NetworkClassifier:
    """Build a network of random weights as it is read."""
    torch.manual_seed(0)
    architecture = architecture_of(size)
    return NetworkClassifier(
        layers=tuple(f"layer{number}" for number in range(LAYERS)),
        classes=tuple(range(1, CLASSES + 1)),
        architecture=architecture,
        weights=ResNet50(architecture).state_dict(),
        standardiser=Standardiser((0.0,) * LAYERS, (1.0,) * LAYERS),
        precision="bfloat16",
    )


def reading(size: Size, rate: float) -> Result:
    """Read a block at every pixel, from memory to probabilities in memory."""
    model = classifier(size)
    edge = size.edge + 2 * model.halo
    block = np.random.default_rng(0).normal(size=(LAYERS, edge, edge)).astype(np.float32)
    pixels = size.edge**2 / seconds_of(lambda: model.predict(block), size.seconds)
    _, once = model.architecture.products(size.window)
    return Result("reading at every pixel", pixels, "px/s", 2 * once * pixels / rate)


def training(size: Size, rate: float) -> Result:
    """Train as a survey does; the first epoch, which starts everything, does not count."""
    rng = np.random.default_rng(0)
    shape = (size.patches, LAYERS, size.window, size.window)
    data = TrainingData(
        rng.normal(size=shape).astype(np.float32),
        rng.integers(0, CLASSES, size.patches),
        tuple(f"layer{number}" for number in range(LAYERS)),
        tuple(range(1, CLASSES + 1)),
    )
    with tempfile.TemporaryDirectory() as folder:
        engine = EngineSettings(training="local")
        _, history = train(size.model, engine, data, None, Path(folder))
    seconds = min(record["seconds"] for record in history.records[1:])
    multiplied, _ = architecture_of(size).products(size.window)
    patches = size.patches / seconds
    return Result("training", patches, "patches/s", 6 * multiplied * patches / rate)


@dataclass(frozen=True)
class ReadTile:
    """A tile of noise, read by a Ray worker."""

    size: Size

    def __call__(self, tile: Tile) -> TileFacts:
        """Read it; the network stays loaded."""
        model = classifier(self.size)
        edge = self.size.edge + 2 * model.halo
        rng = np.random.default_rng([tile.row, tile.column])
        model.predict(rng.normal(size=(LAYERS, edge, edge)).astype(np.float32))
        return {"pixels": self.size.edge**2}


def by_ray(size: Size, workers: int) -> Result:
    """Read tiles by Ray workers that share the card, from the first tile that is done."""
    settings = EngineSettings(workers=workers)
    tiles = [Tile(0, column) for column in range(size.tiles)]
    ends = [time.perf_counter() for _ in ENGINES["ray"].run(settings, ReadTile(size), tiles)]
    pixels = (len(ends) - 1) * size.edge**2 / (ends[-1] - ends[0])
    return Result(f"reading by {workers} Ray workers", pixels, "px/s")


def machine() -> dict[str, Any]:
    """Describe device, machine and versions."""
    found: dict[str, Any] = {"device": "cpu", "machine": describe()}
    if compute_device() == "cuda":
        found["device"] = torch.cuda.get_device_name()
        found |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
        found["memory_gib"] = round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1)
    packages = {name: version(name) for name in ("torch", "numpy", "ray", "minecover")}
    return {**found, "python": platform.python_version(), **packages}


def measure(size: Size, workers: Iterable[int]) -> dict[str, Any]:
    """Measure everything; Ray runs with each number of `workers`."""
    start, rate = time.perf_counter(), matrix_rate(size)
    results = [Result(f"matrix product, {size.matrix}²", rate / 1e12, "TFLOP/s")]
    results += [reading(size, rate), training(size, rate)]
    results += [by_ray(size, count) for count in workers]
    return {
        **machine(),
        "size": asdict(size),
        "seconds": round(time.perf_counter() - start, 1),
        "results": [asdict(result) for result in results],
    }


def text(found: dict[str, Any]) -> str:
    """Lay the measurements out as Markdown."""
    lines = ["# ResNet-50 on a GPU", "", "Written by `python -m benchmarks.gpu`.", ""]
    facts = {key: value for key, value in found.items() if key not in ("results", "size")}
    lines += [f"- {key}: {value}" for key, value in facts.items()]
    lines += ["", "| what | rate | share of the matrix rate | aim |", "| --- | --- | --- | --- |"]
    for result in found["results"]:
        share = result["share"]
        told = ("", "") if share is None else (f"{share:.0%}", "met" if share >= AIM else "missed")
        rate = f"{result['rate']:,.4g} {result['unit']}"
        lines.append(f"| {result['what']} | {rate} | {told[0]} | {told[1]} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure and write the results beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="try it, on whatever there is")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    if compute_device() == "cpu" and not options.tiny:
        parser.error("torch sees no GPU here; --tiny tries everything on the CPU")
    found = measure(TINY if options.tiny else Size(), (1, 2))
    (options.folder / "gpu.json").write_text(json.dumps(found, indent=2) + "\n")
    (options.folder / "GPU.md").write_text(text(found))
    print(text(found))


if __name__ == "__main__":
    from benchmarks import gpu  # Ray's workers import the module by its name

    gpu.main()
