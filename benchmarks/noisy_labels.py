"""Whether a forest is better without the labels that are doubtful, where some are wrong.

``python -m benchmarks.noisy_labels demo-district/survey.yaml`` takes the points of a simulated
district (`minecover demo demo-district`, at least up to `select`) and turns some of their labels,
as `benchmarks.turned_labels` does. Each fold of blocks is then read, with its labels as they were,
by forests that learned from the turned labels of the others: from all of them, from those whose
doubt is at most 0.5, with each label weighed by 1 less its doubt, and, as a bound, from those that
were not turned. Doubts are found among the points that are learned from alone, as `minecover
doubts` finds them. Writes `NOISE.md`; the store is only read.
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
from minecover.arrays import Float32Array, Float64Array, Int64Array
from minecover.label_noise.doubts import doubts_of
from minecover.label_noise.neighbours import neighbour_shares
from minecover.survey import load

__all__ = ["measure"]

RESULTS = Path(__file__).parent / "NOISE.md"

COLUMNS = ("turned to", "share", "seed", "all labels", "without the doubtful", "weighed by doubt",
           "without those turned", "left out, right and turned")  # fmt: skip
SHARES, SEEDS, WAYS = (0.0, 0.05, 0.10, 0.20), (0,), ("any", "features")


def forest(seed: int) -> RandomForestClassifier:
    """Give a forest of 40 trees; the kind `rf` has 500."""
    return RandomForestClassifier(40, max_features="sqrt", random_state=seed, n_jobs=1)


def doubts(values: Float32Array, labels: Int64Array, folds: Int64Array, count: int) -> Float64Array:
    """Doubt of each label of the points that are learned from."""
    read = np.zeros((len(labels), count))
    for fold in np.unique(folds):
        here = folds == fold
        model = forest(0).fit(values[~here], labels[~here])
        read[np.ix_(here, model.classes_)] = model.predict_proba(values[here])
    return doubts_of(labels, read, neighbour_shares(values, labels, count)).doubt


def row(bench: Bench, kind: str, share: float, seed: int) -> str:
    """Measure macro-F1 over all folds, for each way to learn."""
    labels, _ = bench.turn(kind, share, seed)
    values, true = bench.samples.values(bench.layers), bench.labels
    folds = bench.samples.folds("block").fold
    mapped, left_out, of = np.zeros((4, len(true)), np.int64), np.zeros(2), np.zeros(2)
    for fold in np.unique(folds):
        test, rows = folds == fold, np.flatnonzero(folds != fold)
        doubt = doubts(values[rows], labels[rows], folds[rows], len(bench.codes))
        turned = labels[rows] != true[rows]
        left_out += [(doubt[~turned] > 0.5).sum(), (doubt[turned] > 0.5).sum()]
        of += [(~turned).sum(), turned.sum()]
        for way, weight in enumerate((np.ones(len(rows)), doubt <= 0.5, 1 - doubt, ~turned)):
            use = weight > 0
            model = forest(seed).fit(values[rows[use]], labels[rows[use]], weight[use])
            mapped[way, test] = model.predict(values[test])
    cells = [f"{f1_score(true, way, average='macro'):.3f}" for way in mapped]
    rates = left_out / np.maximum(of, 1)
    out = f"{rates[0]:.1%}" + (f" and {rates[1]:.1%}" if share else "")
    kind = KINDS[kind] if share else "none"
    return "| " + " | ".join([kind, f"{share:.0%}", str(seed), *cells, out]) + " |"


def measure(bench: Bench) -> Iterator[str]:
    """Give the rows of the table."""
    for share in SHARES:
        for kind in WAYS if share else WAYS[:1]:
            for seed in SEEDS if share else SEEDS[:1]:
                yield row(bench, kind, share, seed)


def main() -> None:
    """Measure the survey that is named, and write the results beside this file."""
    replace_table(RESULTS, COLUMNS, measure(Bench.of(load(Path(sys.argv[1])))))
    print(f"{time.process_time():.0f} s of the processor")


if __name__ == "__main__":
    main()
