"""ResNet-50 read at every pixel, against patch by patch and against the machine's matrix rate."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import torch

from benchmarks.row import Aim, Row, in_turns, show
from minecover.engines.settings import EngineSettings
from minecover.engines.threads import torch_threads
from minecover.models.data import TrainingData
from minecover.models.network.architecture import Architecture, kernel_sizes
from minecover.models.network.layers import Network, ResNet50
from minecover.models.network.networks import for_reading
from minecover.models.settings import ModelSettings
from minecover.models.training import train

LAYERS, CLASSES, WINDOW, EDGE, PATCHES, MATRIX = 112, 6, 9, 64, 512, 2048
POINTS = 2870
"""Points of the paper (Liu et al. 2025)."""

THREADS = 2


def network(width: float, precision: str) -> tuple[Network, float]:
    """Build a network as it is read, and count its multiplications and additions a pixel."""
    torch.manual_seed(0)
    architecture = Architecture(LAYERS, CLASSES, kernel_sizes(WINDOW), width)
    weights = ResNet50(architecture).state_dict()
    work = 2.0 * sum(values.numel() for values in weights.values() if values.ndim == 4)
    return for_reading(architecture, weights, precision), work  # type: ignore[arg-type]


def reading(width: float, precision: str) -> list[Row]:
    """Read a block at every pixel, patches of it one by one, and multiply matrices, in turns."""
    model, work = network(width, precision)
    kind = getattr(torch, precision)
    size = EDGE + WINDOW - 1
    block = torch.randn(1, LAYERS, size, size).to(kind, memory_format=torch.channels_last)
    patches = torch.randn(PATCHES, LAYERS, WINDOW, WINDOW)
    patches = patches.to(kind, memory_format=torch.channels_last)
    left, right = torch.randn(2, MATRIX, MATRIX).to(kind)

    def read(x: torch.Tensor) -> Callable[[], object]:
        def call() -> object:
            with torch.inference_mode():
                return model(x)

        return call

    dense, patchwise, product = in_turns([read(block), read(patches), lambda: left @ right])
    rate, single = EDGE**2 / dense, PATCHES / patchwise
    share = rate * work / (2 * MATRIX**3 / product)
    what = f"ResNet-50, width {width:g}, {precision}"
    note = f"{rate * work / 1e9:.0f} GFLOP/s, {share:.0%} of the {MATRIX}² matrix product's rate"
    return [
        Row(what, f"{EDGE} x {EDGE} px", "minecover, every pixel", dense, rate / 1e6,
            aim=Aim(f"10,000 px/s: {rate:,.0f}", rate >= 10_000), note=note),
        Row(what, f"{PATCHES} patches", "patch by patch", patchwise, single / 1e6, rate / single),
    ]  # fmt: skip


def training() -> Row:
    """Train on as many points and layers as the paper has, all epochs of the default model."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, POINTS)
    patches = rng.normal(size=(POINTS, LAYERS, WINDOW, WINDOW)).astype(np.float32)
    names = tuple(f"layer{number}" for number in range(LAYERS))
    data = TrainingData(patches, labels, names, tuple(range(1, CLASSES + 1)))
    settings = ModelSettings(window=WINDOW, width=0.5)
    engine = EngineSettings(training="local", workers=1, threads=THREADS)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        train(settings, engine, data, None, Path(folder))
    seconds = time.perf_counter() - start
    memory = psutil.Process().memory_info().rss / 2**20
    return Row(
        f"training, width 0.5, {settings.epochs} epochs", f"{POINTS} x {LAYERS} x {WINDOW}²",
        "minecover", seconds, aim=Aim("15 min", seconds <= 900),
        note=f"noise for values, since only time is measured; {memory:,.0f} MiB resident after it",
    )  # fmt: skip


def run() -> list[Row]:
    """Measure reading in both widths and precisions, and one training."""
    with torch_threads(THREADS):
        rows = [
            row
            for width in (0.5, 1.0)
            for precision in ("float32", "bfloat16")
            for row in reading(width, precision)
        ]
    return [*rows, training()]


if __name__ == "__main__":
    show(run())
