"""What the trials of a model on a set of layers come to over folds and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from minecover.accuracy.estimates import Estimates, estimates, mcnemar
from minecover.arrays import Int64Array
from minecover.comparison.bench import Document
from minecover.comparison.plan import Trial

__all__ = ["Row", "against", "rows_of", "spread"]

Json = dict[str, Any]


def spread(values: Sequence[float | None]) -> Json | None:
    """Mean over the seeds, sample standard deviation (None for one seed), and each value.

    None where a seed has no value.
    """
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return None
    deviation = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return {"mean": float(np.mean(known)), "deviation": deviation, "seeds": known}


@dataclass(frozen=True, eq=False)
class Row:
    """All trials of one model on one set of layers under one split.

    Attributes
    ----------
    model, layers, split
        As in `Trial`.
    seeds
        The documents of each seed's folds.
    codes
        Class name to code.
    """

    model: str
    layers: str
    split: str
    seeds: Mapping[int, Sequence[Document]]
    codes: Mapping[str, int]

    @property
    def documents(self) -> list[Document]:
        """Of all seeds and folds."""
        return [document for folds in self.seeds.values() for document in folds]

    def column(self, seed: int, name: str) -> Int64Array:
        """`points`, `reference` or `mapped` of a seed's folds, one after the other."""
        parts = [np.array(document[name], dtype=np.int64) for document in self.seeds[seed]]
        return np.concatenate(parts)

    @cached_property
    def measured(self) -> dict[int, Estimates]:
        """Accuracy of each seed, over the points of all its folds."""
        return {
            seed: estimates(self.column(seed, "reference"), self.column(seed, "mapped"), self.codes)
            for seed in self.seeds
        }

    @property
    def overall(self) -> float:
        """Mean overall accuracy of the seeds."""
        return float(np.mean([self.accuracy(seed) for seed in self.seeds]))

    def accuracy(self, seed: int) -> float:
        """Overall accuracy of a seed."""
        return float((self.column(seed, "reference") == self.column(seed, "mapped")).mean())

    def core_seconds(self, pixels: float) -> float:
        """Seconds of a core that reading so many pixels takes, in the mean of the trials."""
        each = [document["threads"] / document["pixels_per_second"] for document in self.documents]
        return round(pixels * float(np.mean(each)), 4)

    def to_dict(self) -> Json:
        """As JSON wants it: accuracy by seed, what it took, and the pooled confusion matrix."""
        measured = list(self.measured.values())
        matrix = np.sum([item.matrix for item in measured], axis=0)
        documents = self.documents
        return {
            "model": self.model,
            "layers": self.layers,
            "split": self.split,
            **{
                name: spread([getattr(item, name) for item in measured])
                for name in ("overall_accuracy", "kappa", "macro_f1")
            },
            "classes": {name: self._class(name) for name in self.codes},
            "matrix": matrix.tolist(),
            "points": [item.samples for item in measured],
            "learnt": _mean(documents, "learnt"),
            "layer_count": float(np.mean([len(document["layers"]) for document in documents])),
            "training_seconds": _mean(documents, "training_seconds"),
            "pixels_per_second": _mean(documents, "pixels_per_second"),
            "bytes": _mean(documents, "bytes"),
            "threads": sorted({document["threads"] for document in documents}),
            "parameters": [d["parameters"] for d in documents if d["parameters"] is not None],
        }

    def _class(self, name: str) -> Json:
        items = [item.classes[name] for item in self.measured.values()]
        return {
            measure: spread([getattr(item, measure) for item in items])
            for measure in ("producers_accuracy", "users_accuracy", "f1")
        }


def _mean(documents: Sequence[Document], name: str) -> float:
    return round(float(np.mean([document[name] for document in documents])), 3)


def rows_of(
    trials: Sequence[Trial], documents: Mapping[str, Document], codes: Mapping[str, int]
) -> list[Row]:
    """Gather trials by split, set of layers and model, in the order they were planned."""
    found: dict[tuple[str, str, str], dict[int, list[Document]]] = {}
    for trial in trials:
        seeds = found.setdefault((trial.model, trial.layers, trial.fold.split), {})
        seeds.setdefault(trial.fold.seed, []).append(documents[trial.name])
    return [Row(*key, seeds, codes) for key, seeds in found.items()]


def against(row: Row, other: Row) -> Json:
    """Compare a row with another at the same points.

    McNemar's test is done for each seed, within which every point is tested at most once; the
    seeds test overlapping points and are not pooled. It takes points as independent, which
    neighbours are not: with few blocks its p-values are too small rather than too large.

    Returns
    -------
    `difference` of the overall accuracies (mean, deviation, seeds), and of the seed with the
    median p-value (the larger of two): `p_value`, `z`, `only_first`, `only_second`.
    """
    tests = [
        mcnemar(
            row.column(seed, "reference"), row.column(seed, "mapped"), other.column(seed, "mapped")
        )
        for seed in row.seeds
    ]
    middle = sorted(tests, key=lambda test: test.p_value)[len(tests) // 2]
    differences = [
        (row.measured[seed].overall_accuracy or 0.0)
        - (other.measured[seed].overall_accuracy or 0.0)
        for seed in row.seeds
    ]
    return {"difference": spread(differences), **middle.to_dict()}
