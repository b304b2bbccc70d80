"""How many points of one's choice replace how many that are drawn at random.

``python -m benchmarks.suggested_points demo-district/survey.yaml`` takes the features of a
simulated district (`minecover demo demo-district`, at least up to `features`) and its truth, and
writes `SUGGESTED.md`. A forest learns from points of the district and reads the rest. Points are
drawn at random, or chosen as `minecover suggest` chooses them: a third of them at random, then in
four rounds of as many, each from the map that the forest makes of those before. Half of the pixels
may be labelled; how right a map is, is measured on the other half.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score

from benchmarks.results_table import replace_table
from minecover.active_learning.candidates import draw_candidates
from minecover.active_learning.spread import spread
from minecover.active_learning.teaching import teaching_weight
from minecover.arrays import Float32Array, Int64Array
from minecover.geography.grid import Window
from minecover.prediction.applicability import Applicability
from minecover.storage.names import FEATURES_RASTER
from minecover.storage.store import Store
from minecover.survey import load

__all__ = ["measure"]

RESULTS = Path(__file__).parent / "SUGGESTED.md"

STEP = 2
"""Pixels of the district that are looked at, along rows and columns: one in so many."""

SEEDS, SIZES, SHARE, ROUNDS, TREES = range(10), (150, 300, 450), 0.6, 4, 100
CANDIDATES, LEAST = 50, 2000
"""As of `minecover suggest`."""

COLUMNS = (
    "random points", "OA", "macro-F1", "chosen points", "OA", "macro-F1", "seeds with OA as high",
    "seeds with macro-F1 as high", "as many at random: OA", "macro-F1",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Ground:
    """Pixels with their features and true classes.

    Attributes
    ----------
    values
        (pixel, layer).
    truth
        (pixel,) codes.
    pool, test
        Rows of those that may be labelled, and of those that maps are tested on.
    """

    values: Float32Array
    truth: Int64Array
    pool: Int64Array
    test: Int64Array

    @classmethod
    def of(cls, survey: Path) -> Ground:
        """Read a finished store, and the truth beside the survey."""
        layers = Store(load(survey).store).layers(FEATURES_RASTER)
        with rasterio.open(survey.parent / "truth.tif") as file:
            truth = file.read(1)[::STEP, ::STEP]
        names, (height, width) = layers.names, layers.shape
        whole = Window(0, height, 0, width)
        values = np.stack([layers.read(whole, [name])[0, ::STEP, ::STEP] for name in names])
        table = values.reshape(len(names), -1).T
        known = np.flatnonzero(np.isfinite(table).all(axis=1))
        order = np.random.default_rng(0).permutation(known)
        half = len(order) // 2
        codes = truth.ravel().astype(np.int64)
        return cls(np.ascontiguousarray(table), codes, order[:half], order[half:])

    def forest(self, rows: Int64Array, seed: int) -> RandomForestClassifier:
        """Learn from labelled pixels."""
        forest = RandomForestClassifier(TREES, max_features="sqrt", random_state=seed)
        return forest.fit(self.values[rows], self.truth[rows])

    def score(self, rows: Int64Array, seed: int) -> tuple[float, float]:
        """Overall accuracy and macro-F1 of a map that was learnt from labelled pixels."""
        mapped = self.forest(rows, seed).predict(self.values[self.test])
        true = self.truth[self.test]
        f1 = f1_score(true, mapped, average="macro", zero_division=0.0)
        return float((mapped == true).mean()), float(f1)

    def at_random(self, count: int, seed: int) -> Int64Array:
        """Draw points."""
        return np.random.default_rng(seed).permutation(self.pool)[:count]

    def chosen(self, count: int, seed: int) -> Int64Array:
        """Draw a third of the points, and choose the others in rounds."""
        rows = self.at_random(count // 3, seed)
        for left in range(ROUNDS, 0, -1):
            rows = np.concatenate([rows, self.next(rows, (count - len(rows)) // left, seed + left)])
        return rows

    def next(self, rows: Int64Array, count: int, seed: int) -> Int64Array:
        """Choose points by the map that is made from those that are labelled."""
        forest, free = self.forest(rows, seed), np.setdiff1d(self.pool, rows)
        shares = forest.predict_proba(self.values[free]).T
        logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
        entropy = -(shares * logs).sum(axis=0).astype(np.float32)
        names = tuple(map(str, range(self.values.shape[1])))
        importance = forest.feature_importances_
        reach = Applicability.fit(self.values[rows], names, importance, np.arange(len(rows)) % 5)
        unlike = reach.dissimilarity(np.ascontiguousarray(self.values[free].T[:, None]))
        most = np.log2(len(np.unique(self.truth)))
        weight = teaching_weight(entropy[None], most, unlike, reach.threshold)
        window = Window(0, 1, 0, len(free))
        size = max(LEAST, CANDIDATES * count)
        drawn = draw_candidates([(window, weight)], size, width=len(free), seed=seed)
        there = free[drawn["col"]]
        deviation = self.values[there].std(axis=0, dtype=np.float64)
        scale = np.where(deviation > 0, importance / np.maximum(deviation, 1e-9), 0.0)
        weights = drawn["weight"].to_numpy()
        return there[spread(self.values[there] * scale, weights, count, seed)]


def measure(survey: Path) -> Iterator[str]:
    """Give the rows of the table."""
    ground = Ground.of(survey)
    for size in SIZES:
        few = round(SHARE * size)
        scores = np.array(
            [
                [
                    ground.score(ground.at_random(size, seed), seed),
                    ground.score(ground.chosen(few, seed), seed),
                    ground.score(ground.at_random(few, seed), seed),
                ]
                for seed in SEEDS
            ]
        )
        means = [[f"{100 * oa:.2f} %", f"{f1:.4f}"] for oa, f1 in scores.mean(axis=0)]
        wins = (scores[:, 1] >= scores[:, 0]).sum(axis=0)
        won = [f"{count} of {len(SEEDS)}" for count in wins]
        cells = (str(size), *means[0], str(few), *means[1], *won, *means[2])
        yield "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measure the survey that is named, and write the results beside this file."""
    replace_table(RESULTS, COLUMNS, measure(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
