"""The stage that assesses: models trained without some of the points, tested on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.accuracy.blocks import Folds, training_mask
from minecover.accuracy.calibration import reliability
from minecover.accuracy.estimates import Estimates, block_interval, estimates
from minecover.accuracy.leakage import leakage
from minecover.learning import (
    SampleSet,
    Tuning,
    checkpoints,
    choose,
    learning_session,
    part_of,
    patches_at,
    probabilities_at,
    read_selection,
    train_tuned,
    training_data,
)
from minecover.models import Classifier, window_of
from minecover.prediction.smoothing import TRIAL_WINDOW, Smoothing, smoothed_at, smoothing_helps
from minecover.run import Facts, Run
from minecover.survey import Survey

__all__ = ["assess_model"]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


SPLITS = {"random": "random", "spatial_blocks": "block", "areas": "area"}
"""Ways of dividing the points, as reports and as folds call them."""


def assess_model(run: Run, mark: str) -> Facts:
    """Train without some folds, at random and by place, and test on them; `accuracy.json`."""
    del mark
    results = _tested(run)
    codes = run.survey.class_codes
    measured = {name: estimates(t.reference, t.mapped, codes) for name, t in results.items()}
    run.store.write_json("accuracy.json", _document(run.survey, results, measured))
    return {
        name: {
            "overall_accuracy": value.overall_accuracy,
            "kappa": value.kappa,
            "macro_f1": value.macro_f1,
        }
        for name, value in measured.items()
    }


def _tested(run: Run) -> dict[str, Trial]:
    """Train and test what the survey asks for, by split."""
    samples, assessment = SampleSet.read(run), run.survey.assessment
    trained = run.ledger.stage("train")
    facts = trained["facts"] if trained else {}
    tuned = Tuning(facts.get("epochs", run.survey.model.epochs), facts.get("temperature", 1.0))
    with learning_session(run.survey), checkpoints(run) as folder:
        tester = _Tester(run, samples, tuned, folder)
        return {
            name: tester.tested(split, min(assessment.folds, run.survey.samples.folds))
            for name, split in SPLITS.items()
            if split != "area" or assessment.areas
        }


def _document(
    survey: Survey, results: Mapping[str, Trial], measured: Mapping[str, Estimates]
) -> dict[str, Any]:
    tested = min(survey.assessment.folds, survey.samples.folds)
    return {
        "protocol": (
            f"{tested} of {survey.samples.folds} folds of each split: layers selected and "
            "model trained without the fold, tested on it; but for the random split no training "
            "patch overlaps one that is tested"
        ),
        "splits": {
            name: {
                **measured[name].to_dict(),
                "interval": trial.interval(),
                "reliability": reliability(trial.confidence, trial.right).to_dict(),
            }
            for name, trial in results.items()
        },
        "leakage": _leakage(results["random"], results["spatial_blocks"]),
        "smoothing": {
            "window": survey.prediction.smoothing or TRIAL_WINDOW,
            "applied": survey.prediction.smoothing > 0,
            **results["spatial_blocks"].gain(),
        },
    }


@dataclass(frozen=True)
class Trial:
    """Points that were tested.

    Attributes
    ----------
    points
        Their position in the table.
    reference, mapped
        Code of their class, and of the class they got.
    plain, smoothed
        Code of the class they get without and with smoothing.
    apart
        Whether the model saw no pixel that smoothing reads.
    confidence
        Probability of the class they got.
    blocks
        Their spatial block.
    """

    points: npt.NDArray[np.int64]
    reference: npt.NDArray[np.int64]
    mapped: npt.NDArray[np.int64]
    plain: npt.NDArray[np.int64]
    smoothed: npt.NDArray[np.int64]
    apart: BoolArray
    confidence: FloatArray
    blocks: npt.NDArray[np.int64]

    @classmethod
    def joined(cls, parts: list[Trial]) -> Trial:
        """Several folds as one."""
        columns: dict[str, Any] = {
            item.name: np.concatenate([getattr(part, item.name) for part in parts])
            for item in fields(cls)
        }
        return cls(**columns)

    @property
    def right(self) -> BoolArray:
        """Whether a point got its class."""
        return np.asarray(self.reference == self.mapped)

    def interval(self) -> list[float]:
        """95 % interval of the overall accuracy, by drawing blocks."""
        return [round(value, 4) for value in block_interval(self.right, self.blocks)]

    def gain(self) -> dict[str, Any]:
        """Tell what smoothing gains, at the points that it can be judged by."""
        parts = (self.reference, self.plain, self.smoothed)
        return smoothing_helps(*(part[self.apart] for part in parts))


@dataclass(frozen=True)
class _Tester:
    """Trains without folds and tests on them.

    Attributes
    ----------
    run, samples
        Of the survey.
    tuned
        How long and how sure the survey's own model was trained.
    folder
        For checkpoints.
    """

    run: Run
    samples: SampleSet
    tuned: Tuning
    folder: Path

    def tested(self, split: str, count: int) -> Trial:
        """Test the first folds of a split."""
        folds = self.samples.folds(split)
        return Trial.joined([self._trial(split, folds, fold) for fold in range(count)])

    def _trial(self, split: str, folds: Folds, fold: int) -> Trial:
        survey, samples = self.run.survey, self.samples
        smoothing = Smoothing.of(survey, survey.prediction.smoothing or TRIAL_WINDOW)
        applied = survey.prediction.smoothing > 0
        wide = window_of(survey.model) + smoothing.halo
        buffer = wide if applied else window_of(survey.model)
        learnt = training_mask(samples.table, folds, fold, 1 if split == "random" else buffer)
        selection = choose(survey, samples, learnt, len(read_selection(self.run).chosen))
        data, complete = training_data(self.run, samples, selection.chosen)
        used = part_of(data, learnt & complete)
        classifier = train_tuned(survey, self.tuned, used, self.folder)
        tested = (folds.fold == fold) & complete
        codes = np.array(classifier.classes, dtype=np.int64)
        plain = smoothed = probabilities_at(classifier, data.patches[tested])
        if applied or split == "block":
            smoothed = _smoothed(self.run, samples.table[tested], classifier, smoothing)
        told = smoothed if applied else plain
        mapped, without, with_it = (codes[part.argmax(axis=1)] for part in (told, plain, smoothed))
        seen = Folds(learnt.astype(np.int64), folds.block, 2)
        return Trial(
            points=np.flatnonzero(tested),
            reference=samples.codes[tested],
            mapped=mapped,
            plain=without,
            smoothed=with_it,
            apart=training_mask(samples.table, seen, 1, wide)[tested],
            confidence=told.max(axis=1),
            blocks=folds.block[tested],
        )


def _smoothed(
    run: Run, table: pd.DataFrame, classifier: Classifier, smoothing: Smoothing
) -> FloatArray:
    """Smoothed probabilities at points, (n, class)."""
    window = 2 * classifier.halo + smoothing.window
    patches = patches_at(run.store, run.survey, table, window, classifier.layers)
    return smoothed_at(classifier, patches, smoothing)


def _leakage(random: Trial, blocked: Trial) -> dict[str, Any]:
    """Compare the two splits at the points that both of them tested."""
    _, first, second = np.intersect1d(random.points, blocked.points, return_indices=True)
    return leakage(
        random.reference[first], random.mapped[first], blocked.mapped[second], random.blocks[first]
    ).to_dict()
