"""Whether a forest is better without the labels that are doubtful, where some are wrong.

``python -m benchmarks.noisy_labels demo-district/survey.yaml`` takes the points of a simulated
district (`minecover demo demo-district`, at least up to `select`) and turns some of their labels,
as `benchmarks.turned_labels` does. Each fold of blocks is then read, with its labels as they were,
by forests that learned from the turned labels of the others: from all of them, from those that
`model.doubtful_labels: leave_out` keeps, from those whose doubt is at most 0.5, with each label
weighed by 1 less its doubt, and, as a bound, from those that were not turned. Doubts are found by
`minecover.label_noise.left_out`, among the points that are learned from alone. In the last rows
noise is added to the features until classes overlap. Writes `NOISE.md`; the store is only read.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score

from benchmarks.results_table import replace_table
from benchmarks.turned_labels import KINDS, Bench
from minecover.arrays import Float32Array
from minecover.label_noise.left_out import judge_labels
from minecover.survey import load

__all__ = ["measure"]

RESULTS = Path(__file__).parent / "NOISE.md"

COLUMNS = ("features", "turned to", "share", "all labels", "leave_out", "without the doubtful",
           "weighed by doubt", "without those turned", "seem wrong, least to most",
           "doubtful, right and turned")  # fmt: skip
TRIALS = (
    (0.0, "any", 0.0), (0.0, "any", 0.03), (0.0, "features", 0.03), (0.0, "any", 0.05),
    (0.0, "features", 0.05), (0.0, "any", 0.1), (0.0, "features", 0.1), (0.0, "any", 0.2),
    (0.0, "features", 0.2), (1.5, "any", 0.0), (1.5, "any", 0.1), (1.5, "features", 0.2),
)  # fmt: skip
"""Noise of the features in their deviations, what labels are turned to, and the share of them."""


def forest() -> RandomForestClassifier:
    """Give a forest of 40 trees; the kind `rf` has 500."""
    return RandomForestClassifier(40, max_features="sqrt", random_state=0, n_jobs=1)


def blurred(values: Float32Array, noise: float) -> Float32Array:
    """Add noise to features, in deviations of each."""
    drawn = np.random.default_rng(0).normal(size=values.shape)
    return (values + noise * values.std(axis=0) * drawn).astype(np.float32)


def row(bench: Bench, noise: float, kind: str, share: float) -> str:
    """Measure macro-F1 over all folds, for each way to learn."""
    labels, _ = bench.turn(kind, share, 0)
    values, true = blurred(bench.samples.values(bench.layers), noise), bench.labels
    folds, blocks = bench.samples.folds("block").fold, bench.samples.blocks
    mapped, left_out, of = np.zeros((5, len(true)), np.int64), np.zeros(2), np.zeros(2)
    wrong = []
    for fold in np.unique(folds):
        test, rows = folds == fold, np.flatnonzero(folds != fold)
        judged = judge_labels(
            values[rows], labels[rows], folds[rows], blocks[rows], seed=0, threads=1
        )
        doubt, turned = judged.doubts.doubt, labels[rows] != true[rows]
        wrong.append((judged.noise.low, judged.noise.high))
        left_out += [(doubt[~turned] > 0.5).sum(), (doubt[turned] > 0.5).sum()]
        of += [(~turned).sum(), turned.sum()]
        ways = (np.ones(len(rows)), ~judged.left_out, doubt <= 0.5, 1 - doubt, ~turned)
        for way, weight in enumerate(ways):
            use = weight > 0
            model = forest().fit(values[rows[use]], labels[rows[use]], weight[use])
            mapped[way, test] = model.predict(values[test])
    cells = [f"{f1_score(true, way, average='macro'):.3f}" for way in mapped]
    rates = left_out / np.maximum(of, 1)
    out = f"{rates[0]:.1%}" + (f" and {rates[1]:.1%}" if share else "")
    ends = f"{min(wrong)[0]:.1%} – {max(high for _, high in wrong):.1%}"
    ground = "blurred" if noise else "as they are"
    told = KINDS[kind] if share else "none"
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
