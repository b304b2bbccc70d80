"""Whether models are better without the labels that are doubtful, where some are wrong.

``python -m benchmarks.noisy_labels demo-district/survey.yaml`` takes the points of a simulated
district (`minecover demo demo-district`, at least up to `select`) and turns some of their labels,
as `benchmarks.turned_labels` does. Folds of blocks are then read, with their labels as they were,
by forests and nearest neighbours that learned from the turned labels of the others: from all of
them, from those that `model.doubtful_labels: leave_out` keeps, from those whose doubt is at most
0.5 however few seem wrong, and, as a bound, from those that were not turned. Doubts are found by
`minecover.label_noise.left_out`, among the points that are learned from alone. In the last rows
noise is added to the features until classes overlap. Writes `NOISE.md`; the store is only read.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.results_table import replace_table
from benchmarks.turned_labels import KINDS, Bench
from minecover.arrays import Float32Array
from minecover.label_noise.left_out import judge_labels
from minecover.survey import load

__all__ = ["measure"]

RESULTS = Path(__file__).parent / "NOISE.md"

COLUMNS = ("features", "turned to", "share", "forest, all labels", "leave_out",
           "without the doubtful", "without those turned", "neighbours, all labels", "leave_out",
           "without the doubtful", "without those turned", "seem wrong, least to most",
           "doubtful, right and turned")  # fmt: skip
TRIALS = (
    (0.0, "any", 0.0), (0.0, "any", 0.05), (0.0, "any", 0.1), (0.0, "features", 0.1),
    (0.0, "any", 0.2), (0.0, "features", 0.2), (0.0, "any", 0.03), (0.0, "features", 0.05),
    (1.5, "any", 0.0), (1.5, "any", 0.2),
)  # fmt: skip
"""Noise of the features in their deviations, what labels are turned to, and the share of them."""

SEEDS = (0, 1)
"""Of the labels that are turned, and of the models."""

TESTED = 3
"""Folds."""


def models(seed: int) -> tuple[Any, Any]:
    """Give a forest of 40 trees, where the kind `rf` has 500, and what the kind `knn` is."""
    forest = RandomForestClassifier(40, max_features="sqrt", random_state=seed, n_jobs=1)
    nearest = KNeighborsClassifier(5, weights="distance", algorithm="brute")
    return forest, make_pipeline(StandardScaler(), nearest)


def blurred(values: Float32Array, noise: float) -> Float32Array:
    """Add noise to features, in deviations of each."""
    drawn = np.random.default_rng(0).normal(size=values.shape)
    return (values + noise * values.std(axis=0) * drawn).astype(np.float32)


def row(bench: Bench, noise: float, kind: str, share: float) -> str:
    """Measure macro-F1 over the tested folds and all seeds, for each model and way to learn."""
    values, true = blurred(bench.samples.values(bench.layers), noise), bench.labels
    folds, blocks = bench.samples.folds("block").fold, bench.samples.blocks
    scores, left_out, of, wrong = np.zeros((2, 4)), np.zeros(2), np.zeros(2), []
    tested = folds < TESTED
    for seed in SEEDS:
        labels, _ = bench.turn(kind, share, seed)
        mapped = np.zeros((2, 4, len(true)), np.int64)
        for fold in range(TESTED):
            test, rows = folds == fold, np.flatnonzero(folds != fold)
            judged = judge_labels(
                values[rows], labels[rows], folds[rows], blocks[rows], seed=seed, threads=1
            )
            doubt, turned = judged.doubts.doubt > 0.5, labels[rows] != true[rows]
            wrong.append((judged.noise.low, judged.noise.high))
            left_out += [doubt[~turned].sum(), doubt[turned].sum()]
            of += [(~turned).sum(), turned.sum()]
            ways = (np.ones(len(rows), bool), ~judged.left_out, ~judged.doubtful, ~turned)
            for way, use in enumerate(ways):
                for number, model in enumerate(models(seed)):
                    learned = model.fit(values[rows[use]], labels[rows[use]])
                    mapped[number, way, test] = learned.predict(values[test])
        for place in np.ndindex(2, 4):
            scores[place] += f1_score(true[tested], mapped[*place, tested], average="macro")
    cells = [f"{score / len(SEEDS):.3f}" for score in scores.ravel()]
    rates = left_out / np.maximum(of, 1)
    out = f"{rates[0]:.1%}" + (f" and {rates[1]:.1%}" if share else "")
    ends = f"{min(wrong)[0]:.1%} – {max(high for _, high in wrong):.1%}"
    ground, told = ("blurred" if noise else "as they are"), (KINDS[kind] if share else "none")
    return "| " + " | ".join([ground, told, f"{share:.0%}", *cells, ends, out]) + " |"


def measure(bench: Bench) -> Iterator[str]:
    """Give the rows of the table."""
    for trial in TRIALS:
        yield row(bench, *trial)


def main() -> None:
    """Measure the survey that is named, and write the results beside this file."""
    replace_table(RESULTS, COLUMNS, measure(Bench.of(load(Path(sys.argv[1])))))
    print(f"{time.process_time():.0f} s of the processor")


if __name__ == "__main__":
    main()
