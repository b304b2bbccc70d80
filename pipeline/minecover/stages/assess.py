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
from minecover.errors import DataError
from minecover.models.classifier import Classifier
from minecover.models.lookup import window_of
from minecover.prediction.smoothing import TRIAL_WINDOW, Smoothing, smoothed_at, smoothing_helps
from minecover.stages.fitting import (
    Tuning,
    checkpoints,
    learning_session,
    part_of,
    patches_at,
    probabilities_at,
    train_tuned,
    training_data,
)
from minecover.stages.registry import PURPOSES
from minecover.stages.samples import SampleSet
from minecover.stages.select import choose, read_selection
from minecover.storage.names import ACCURACY_FILE
from minecover.survey import Survey
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["ASSESS", "assess_model"]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


SPLITS = {"random": "random", "spatial_blocks": "block", "areas": "area"}
"""Ways of dividing the points, as reports and as folds call them."""


def assess_model(context: StageContext) -> Facts:
    """Train without some folds, at random and by place, and test on them; `accuracy.json`."""
    run = context.workspace
    results = _tested(run)
    codes = run.survey.class_codes
    measured = {name: estimates(t.reference, t.mapped, codes) for name, t in results.items()}
    run.store.write_json(ACCURACY_FILE, _document(run.survey, results, measured))
    return {
        name: {
            "overall_accuracy": value.overall_accuracy,
            "kappa": value.kappa,
            "macro_f1": value.macro_f1,
        }
        for name, value in measured.items()
    }


def _tested(run: Workspace) -> dict[str, Trial]:
    """Train and test what the survey asks for, by split."""
    samples, assessment = SampleSet.read(run), run.survey.assessment
    trained = run.ledger.stage("train")
    facts = trained["facts"] if trained else {}
    with learning_session(run.survey), checkpoints(run) as folder:
        tester = _Tester(run, samples, facts, folder)
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
        "regions": _by_region(survey, results),
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
    region
        Name of their region.
    """

    points: npt.NDArray[np.int64]
    reference: npt.NDArray[np.int64]
    mapped: npt.NDArray[np.int64]
    plain: npt.NDArray[np.int64]
    smoothed: npt.NDArray[np.int64]
    apart: BoolArray
    confidence: FloatArray
    blocks: npt.NDArray[np.int64]
    region: npt.NDArray[np.object_]

    @classmethod
    def joined(cls, parts: list[Trial]) -> Trial:
        """Several folds as one."""
        columns: dict[str, Any] = {
            item.name: np.concatenate([getattr(part, item.name) for part in parts])
            for item in fields(cls)
        }
        return cls(**columns)

    def part(self, use: BoolArray) -> Trial:
        """Take some of the points."""
        return Trial(**{item.name: getattr(self, item.name)[use] for item in fields(self)})

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
class _Tests:
    """One fold that is tested.

    Attributes
    ----------
    fold, folds
        Its number, and of which.
    learnt
        (point,) those that are learnt from.
    apart
        (point,) those around which smoothing reads nothing that was learnt from.
    try_smoothing
        Whether smoothing is tried where the survey does not apply it.
    layers
        Chosen without the fold.
    """

    fold: int
    folds: Folds
    learnt: BoolArray
    apart: BoolArray
    try_smoothing: bool
    layers: tuple[str, ...]


@dataclass(frozen=True)
class _Tester:
    """Trains without folds and tests on them.

    Attributes
    ----------
    run, samples
        Of the survey.
    trained
        What was told of the training of the survey's own models.
    folder
        For checkpoints.
    """

    run: Workspace
    samples: SampleSet
    trained: Facts
    folder: Path

    @property
    def smoothed(self) -> bool:
        """Whether the survey's map is smoothed."""
        return self.run.survey.prediction.smoothing > 0

    @property
    def smoothing_window(self) -> int:
        """Edge in pixels of the smoothing that is applied, or tried."""
        return self.run.survey.prediction.smoothing or TRIAL_WINDOW

    def tested(self, split: str, count: int) -> Trial:
        """Test the first folds of a split."""
        folds = self.samples.folds(split)
        return Trial.joined([self._trial(split, folds, fold) for fold in range(count)])

    def _trial(self, split: str, folds: Folds, fold: int) -> Trial:
        """Choose layers without a fold, then train and test each region's model."""
        survey, samples = self.run.survey, self.samples
        window = window_of(survey.model)
        wide = window + self.smoothing_window // 2
        buffer = 1 if split == "random" else wide if self.smoothed else window
        learnt = training_mask(samples.table, folds, fold, buffer)
        selection = choose(survey, samples, learnt, len(read_selection(self.run).chosen))
        seen = Folds(learnt.astype(np.int64), folds.block, 2)
        apart = training_mask(samples.table, seen, 1, wide)
        tests = _Tests(fold, folds, learnt, apart, split == "block", selection.chosen)
        return Trial.joined([self._test(tests, *region) for region in samples.regions()])

    def _test(self, tests: _Tests, name: str, region: SampleSet, here: BoolArray) -> Trial:
        """Train the model of a region and test it there."""
        data, complete = training_data(self.run, region, tests.layers)
        used = part_of(data, tests.learnt[here] & complete)
        if len(used.classes) < 2:
            raise DataError(
                f"assess: without fold {tests.fold} the samples{f' of {name}' if name else ''} are "
                "all of one class; give points in more places, or fewer samples.folds"
            )
        tuned = _tuning(self.run.survey, self.trained, name)
        classifier = train_tuned(self.run.survey, tuned, used, self.folder)
        asked = (tests.folds.fold[here] == tests.fold) & complete
        points = np.flatnonzero(here)[asked]
        plain = smoothed = probabilities_at(classifier, data.patches[asked])
        if self.smoothed or tests.try_smoothing:
            smoothed = self._smoothed(region.table[asked], classifier)
        told = smoothed if self.smoothed else plain
        codes = np.array(classifier.classes, dtype=np.int64)
        return Trial(
            points=points,
            reference=region.codes[asked],
            mapped=codes[told.argmax(axis=1)],
            plain=codes[plain.argmax(axis=1)],
            smoothed=codes[smoothed.argmax(axis=1)],
            apart=tests.apart[points],
            confidence=told.max(axis=1),
            blocks=tests.folds.block[points],
            region=np.full(len(points), name, dtype=object),
        )

    def _smoothed(self, table: pd.DataFrame, classifier: Classifier) -> FloatArray:
        """Smoothed probabilities at points, (n, class)."""
        run = self.run
        smoothing = Smoothing.of(run.survey, self.smoothing_window, classifier.classes)
        window = 2 * classifier.halo + smoothing.window
        patches = patches_at(run.store, run.survey, table, window, classifier.layers)
        return smoothed_at(classifier, patches, smoothing)


def _tuning(survey: Survey, trained: Facts, region: str) -> Tuning:
    """How long and how sure the model of a region was trained."""
    facts = trained.get("regions", {region: trained})[region]
    return Tuning(facts.get("epochs", survey.model.epochs), facts.get("temperature", 1.0))


def _by_region(survey: Survey, results: Mapping[str, Trial]) -> dict[str, Any]:
    """Accuracy of each region by split; nothing where there is but one."""
    names = np.unique(np.concatenate([trial.region for trial in results.values()]))
    if len(names) == 1:
        return {}
    return {str(name): {split: _of_region(survey, trial.part(trial.region == name))
                        for split, trial in results.items()} for name in names}  # fmt: skip


def _of_region(survey: Survey, trial: Trial) -> dict[str, Any]:
    there = set(trial.reference) | set(trial.mapped)
    codes = {name: code for name, code in survey.class_codes.items() if code in there}
    value = estimates(trial.reference, trial.mapped, codes).to_dict()
    kept = ("overall_accuracy", "kappa", "macro_f1", "samples")
    return {**{key: value[key] for key in kept}, "interval": trial.interval()}


def _leakage(random: Trial, blocked: Trial) -> dict[str, Any]:
    """Compare the two splits at the points that both of them tested."""
    _, first, second = np.intersect1d(random.points, blocked.points, return_indices=True)
    return leakage(
        random.reference[first], random.mapped[first], blocked.mapped[second], random.blocks[first]
    ).to_dict()


ASSESS = Stage(
    "assess",
    PURPOSES["assess"],
    lambda run: [run.survey.assessment.model_dump(mode="json")],
    assess_model,
    code=("accuracy", "stages/assess.py"),
)
"""Its result: `accuracy.json`."""
