"""Composites over time against NumPy."""

from __future__ import annotations

import warnings

import numpy as np

from benchmarks.row import Row, in_turns, on_two_threads, show
from minecover.arrays import Float32Array
from minecover.sources.composite import geometric_median, median_composite

TIMES, LAYERS, SIDE = 12, 10, 256


def scene() -> Float32Array:
    """Reflectance on 12 dates, a third of it under cloud."""
    rng = np.random.default_rng(5)
    stack = rng.random((TIMES, LAYERS, SIDE, SIDE), np.float32) * np.float32(0.5)
    cloud = rng.random((TIMES, 1, SIDE, SIDE)) < 0.33
    stack[np.broadcast_to(cloud, stack.shape)] = np.nan
    return stack


def numpy_median(stack: Float32Array) -> Float32Array:
    """``numpy.nanmedian`` with its warnings silenced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(stack, axis=0)


def run() -> list[Row]:
    """Measure medians and geometric medians on one and two threads."""
    stack = scene()
    pixels = SIDE * SIDE / 1e6
    size = f"{TIMES} x {LAYERS} x {SIDE} x {SIDE}"
    median, geometric = "median composite", "geometric median"
    one, peer, single = in_turns(
        [
            lambda: median_composite(stack),
            lambda: numpy_median(stack),
            lambda: geometric_median(stack),
        ],
        repeats=5,
    )
    return [
        Row(median, size, "minecover", one, pixels / one),
        Row(median, size, "numpy.nanmedian", peer, pixels / peer, peer / one),
        on_two_threads(
            median, size, lambda: median_composite(stack),
            lambda: median_composite(stack, threads=2), pixels, 5,
        ),
        Row(geometric, size, "minecover", single, pixels / single),
        on_two_threads(
            geometric, size, lambda: geometric_median(stack),
            lambda: geometric_median(stack, threads=2), pixels, 5,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    show(run())
