"""What the images of simulated histories allow: a network that knows the whole truth of others.

``python -m benchmarks.dense_reading 11 12 13 --learn 0 1 2 20 21`` simulates these districts,
teaches a network every pixel of the districts to learn from, in all periods, and lets it read the
others, of which it has seen nothing. Surveys seldom have such labels: the network shows what the
layers hold (`benchmarks.forest_readings.period_layers`, by which the forest reads), and so whether
aims are out of reach because of the images or because of what is learned from points. It reads all
periods of a pixel together, so nothing is combined after it. Mines are followed as surveys do.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.block_reader import Crop, Learned, Scale, learned, read
from benchmarks.district_history import CODES, Codes, scores, true_codes
from benchmarks.forest_readings import Values, period_layers
from minecover.demo.district import build_district
from minecover.demo.frame import Frame
from minecover.demo.materials import Land

__all__ = ["PERIODS", "measure"]

CHANNELS, EDGE, STEPS = 48, 96, 1000  # of the network; pixels of a crop; crops it learns from
PERIODS = 4


def taught(layers: Sequence[Values], truths: Sequence[Codes], steps: int) -> Learned:
    """Learn from crops of districts, (period, layer, y, x), and their class codes."""
    scale = Scale.of(layers)

    def draw(rng: np.random.Generator) -> Crop:
        number = int(rng.integers(len(layers)))
        row, column = rng.integers(0, np.array(truths[number].shape[1:]) - EDGE + 1)
        place = (..., slice(row, row + EDGE), slice(column, column + EDGE))
        right = truths[number][place].astype(np.int64) - 1
        return Crop(scale(layers[number][place]), right, np.ones(right.shape, dtype=np.float32))

    return learned(draw, scale, CHANNELS, steps)


def measure(
    seeds: Sequence[int], learn: Sequence[int], size: int, steps: int
) -> Iterator[dict[str, float]]:
    """Learn from some districts and read others: a row for each."""
    with tempfile.TemporaryDirectory() as folder:
        scale = Frame(size).points_scale
        districts = {
            seed: build_district(
                Path(folder) / str(seed), size=size, seed=seed, points_scale=scale, periods=PERIODS
            )
            for seed in (*learn, *seeds)
        }
        layers = [period_layers(districts[seed]) for seed in learn]
        model = taught(layers, [true_codes(districts[seed]) for seed in learn], steps)
        for seed in seeds:
            found = read(model, period_layers(districts[seed]))
            mapped, mining = CODES[found.argmax(axis=1)], CODES.tolist().index(Land.MINING)
            yield {"seed": seed, **scores(districts[seed], mapped, found[:, mining])}


def main() -> None:
    """Print a row for each district that is read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--learn", nargs="+", type=int, required=True)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    rows = list(measure(options.seeds, options.learn, options.size, options.steps))
    print(pd.DataFrame(rows).round(4).to_csv(sep="|", index=False))


if __name__ == "__main__":
    main()
