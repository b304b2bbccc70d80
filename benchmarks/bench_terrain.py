"""Slope and aspect against NumPy."""

from __future__ import annotations

import numpy as np

from benchmarks.row import Row, in_turns, on_two_threads, show
from minecover.arrays import Float32Array
from minecover.features.terrain import Terrain

SIDE, RESOLUTION = 1024, 10.0
WHAT, SIZE = "slope and aspect", f"{SIDE} x {SIDE}"


def scene() -> Float32Array:
    """Elevation in metres: two hills and some noise."""
    rows, columns = np.indices((SIDE + 2, SIDE + 2)) / SIDE
    hills = 200 * np.sin(5 * rows) * np.cos(7 * columns)
    return (hills + np.random.default_rng(2).random(hills.shape))[None].astype(np.float32)


def numpy_terrain(layers: Float32Array) -> Float32Array:
    """Horn 1981 in float64, array by array; flat ground has aspect -1."""
    z = layers[0].astype(np.float64)
    rows, columns = z[:-2] + 2 * z[1:-1] + z[2:], z[:, :-2] + 2 * z[:, 1:-1] + z[:, 2:]
    dx = (rows[:, 2:] - rows[:, :-2]) / (8 * RESOLUTION)
    dy = (columns[2:] - columns[:-2]) / (8 * RESOLUTION)
    slope = np.degrees(np.arctan(np.hypot(dx, dy)))
    aspect = np.degrees(np.arctan2(-dx, dy)) % 360
    return np.stack([slope, np.where((dx == 0) & (dy == 0), -1, aspect)]).astype(np.float32)


def run() -> list[Row]:
    """Measure ours on one and two threads and NumPy, in turns."""
    layers, pixels = scene(), SIDE * SIDE / 1e6
    one = Terrain((RESOLUTION, RESOLUTION))
    two = Terrain((RESOLUTION, RESOLUTION), threads=2)
    ours, peer = in_turns([lambda: one(layers), lambda: numpy_terrain(layers)])
    worst = np.abs(one(layers) - numpy_terrain(layers)).max()
    return [
        Row(WHAT, SIZE, "minecover", ours, pixels / ours),
        Row(WHAT, SIZE, "NumPy", peer, pixels / peer, peer / ours, None,
            f"largest difference {worst:.1e} degrees"),
        on_two_threads(WHAT, SIZE, lambda: one(layers), lambda: two(layers), pixels),
    ]  # fmt: skip


if __name__ == "__main__":
    show(run())
