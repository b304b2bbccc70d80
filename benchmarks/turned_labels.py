"""How many labels that were turned on purpose are found, and how many there are by estimate.

``python -m benchmarks.turned_labels demo-district/survey.yaml`` takes the points of a simulated
district (`minecover demo demo-district`, at least up to `select`), turns some of their labels and
writes `LABELS.md`. Labels are turned in three ways: to any other class; to the class of the point
of another class that is nearest in the features, as an interpreter confuses what looks alike; and
to that of the nearest on the ground, as where coordinates are off. All is by the functions that
`minecover doubts` uses; the store is only read.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from benchmarks.results_table import replace_table
from minecover.arrays import Float64Array, Int64Array
from minecover.label_noise.confident_learning import NoiseRate, noise_rate
from minecover.label_noise.doubts import doubts_of
from minecover.label_noise.neighbours import neighbour_shares
from minecover.label_review.out_of_fold import out_of_fold
from minecover.models.lookup import as_kind
from minecover.samples.sample_set import SampleSet
from minecover.selection.result import Selection
from minecover.storage.names import SELECTION_FILE
from minecover.storage.store import Store
from minecover.survey import Survey, load
from minecover.survey.model_inputs import model_inputs

__all__ = ["measure"]

RESULTS = Path(__file__).parent / "LABELS.md"

KINDS = {
    "any": "any other class",
    "features": "nearest class in the features",
    "ground": "nearest class on the ground",
}
COLUMNS = (
    "turned to", "share", "seed", "found by the model", "by similar points", "by both",
    "wrong by estimate",
)  # fmt: skip
SHARES, SEEDS, FIRST = (0.0, 0.05), (0, 1, 2), 0.08


@dataclass(frozen=True)
class Turned:
    """What was found of labels that were turned.

    Attributes
    ----------
    model, neighbours, both
        Share of the turned labels that are among the first of the list, by whose doubts.
    noise
        Share of wrong labels, by estimate.
    """

    model: float
    neighbours: float
    both: float
    noise: NoiseRate


@dataclass(frozen=True, eq=False)
class Bench:
    """The points of a survey with a model that judges them."""

    survey: Survey
    samples: SampleSet
    layers: tuple[str, ...]

    @classmethod
    def of(cls, survey: Survey) -> Bench:
        """Read a finished store."""
        store = Store(survey.store)
        data = store.read(SELECTION_FILE)
        assert data is not None, "run the survey until select"
        layers = Selection.from_json(data.decode()).chosen
        samples = SampleSet.read(store)
        return cls(survey, samples.part(samples.is_complete(layers)), layers)

    @property
    def codes(self) -> Int64Array:
        """Of the classes, in the survey's order."""
        return np.array(list(self.survey.class_codes.values()), dtype=np.int64)

    @property
    def labels(self) -> Int64Array:
        """(point,) places of classes."""
        place = {int(code): number for number, code in enumerate(self.codes)}
        return np.array([place[int(code)] for code in self.samples.codes], dtype=np.int64)

    def turn(self, kind: str, share: float, seed: int) -> tuple[Int64Array, Int64Array]:
        """Turn a share of the labels; all labels, and the rows of those that were turned."""
        rng = np.random.default_rng(seed)
        true, labels = self.labels, self.labels
        rows = np.sort(rng.choice(len(true), round(share * len(true)), replace=False))
        if kind == "any":
            labels[rows] = (true[rows] + rng.integers(1, len(self.codes), len(rows))) % len(
                self.codes
            )
            return labels, rows
        places = self._scaled() if kind == "features" else self._ground()
        for row in rows:
            other = np.flatnonzero(true != true[row])
            labels[row] = true[other[cKDTree(places[other]).query(places[row])[1]]]
        return labels, rows

    def _scaled(self) -> Float64Array:
        values = self.samples.values(self.layers).astype(np.float64)
        return np.asarray(values / values.std(axis=0))

    def _ground(self) -> Float64Array:
        return self.samples.table[["row", "col"]].to_numpy(np.float64)

    def judge(self, labels: Int64Array, rows: Int64Array, seed: int) -> Turned:
        """Look for the turned labels."""
        model = as_kind(self.survey.model, "rf").replace(seed=seed)
        inputs = model_inputs(self.survey, self.layers, model=model)
        samples = SampleSet(self.samples.table.assign(code=self.codes[labels]), self.layers)
        with tempfile.TemporaryDirectory() as folder:
            probabilities = out_of_fold(
                self.survey, samples, model, inputs, _no_features, Path(folder)
            )
        shares = neighbour_shares(samples.values(self.layers), labels, len(self.codes))

        def found(first: Float64Array, second: Float64Array) -> float:
            order = doubts_of(labels, first, second).order
            listed = order[: round(FIRST * len(order))]
            return float(np.isin(rows, listed).mean()) if len(rows) else float("nan")

        return Turned(
            found(probabilities, probabilities),
            found(shares, shares),
            found(probabilities, shares),
            noise_rate(labels, probabilities, samples.blocks),
        )


def _no_features(period: str) -> object:
    raise AssertionError(f"a pixel's features are in the table, not in {period!r}")


def measure(survey: Survey) -> Iterator[str]:
    """Give the rows of the table."""
    bench = Bench.of(survey)
    for share in SHARES:
        for kind in KINDS if share else ("any",):
            for seed in SEEDS if share else SEEDS[:1]:
                found = bench.judge(*bench.turn(kind, share, seed), seed)
                yield _row(kind if share else "", share, seed, found)


def _row(kind: str, share: float, seed: int, found: Turned) -> str:
    parts = (found.model, found.neighbours, found.both)
    listed = ["" if np.isnan(part) else f"{part:.1%}" for part in parts]
    noise = found.noise
    cells = (
        KINDS.get(kind, "none"), f"{share:.0%}", str(seed), *listed,
        f"{noise.rate:.1%} ({noise.low:.1%} – {noise.high:.1%})",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measure the survey that is named, and write the results beside this file."""
    replace_table(RESULTS, COLUMNS, measure(load(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
