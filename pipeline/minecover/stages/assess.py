"""The stage that assesses: models trained without some of the points, tested on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from minecover.accuracy.blocks import Folds
from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.engines.machine import free_memory
from minecover.engines.report import Report, TasksReport
from minecover.engines.threads import side_by_side
from minecover.models.classifier import Classifier
from minecover.models.data import ModelInputs
from minecover.models.lookup import kind_of, window_of
from minecover.models.tuning import COPIES, train_tuned, tuned_by
from minecover.prediction.refinement import Refinement
from minecover.prediction.smoothing import TRIAL_WINDOW
from minecover.samples.sample_set import OpenFeatures, SampleSet
from minecover.selection.result import Selection
from minecover.stages.assess_carried import carried_document, carried_results
from minecover.stages.features import open_features
from minecover.stages.fitting import checkpoints, learning_session
from minecover.stages.labelled import labelled_in
from minecover.stages.learning_cost import (
    assessment_units,
    judging_without_folds,
    tested_folds,
    trials_of,
)
from minecover.stages.left_out import left_out_document
from minecover.stages.registry import PURPOSES
from minecover.stages.select import read_selection
from minecover.stages.self_training import (
    SelfTraining,
    places_to_learn_from,
    self_training_document,
)
from minecover.storage.canonical_json import null_for_nan
from minecover.storage.names import ACCURACY_FILE, HELD_OUT_FILE
from minecover.survey import Survey
from minecover.survey.model_inputs import model_inputs
from minecover.validation.assessed_points import AssessedPoints
from minecover.validation.doubtful import without_doubtful
from minecover.validation.holdout import Holdout, HoldoutData, buffer_of, over_classes
from minecover.validation.layers import choose_layers
from minecover.validation.parts import by_period, by_region
from minecover.validation.readings import held_out_bytes, readings_in
from minecover.validation.refined import refinement_of
from minecover.workflow.cost import StageCost
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["ASSESS", "assess_model"]

SPLITS = {"random": "random", "spatial_blocks": "block", "areas": "area"}
"""Ways of dividing the points, as reports and as folds call them."""

LEFT_OUT = (
    " The most doubtful labels of the points that a model learned from, as many as are surely "
    "wrong by estimate, were left out, found among these points alone; all points were tested."
)
"""Of the protocol, where doubtful labels do not teach."""


def assess_model(context: StageContext) -> Facts:
    """Train without some folds, at random and by place, and test on them; `accuracy.json`."""
    workspace, survey = context.workspace, context.workspace.survey
    if survey.model.carried_from is None:
        results = _assessed(workspace, context.report)
        document = _document(survey, results)
        document |= left_out_document(workspace) | self_training_document(workspace)
    else:
        results = carried_results(workspace)
        document = carried_document(workspace, results)
    level = survey.assessment.sets
    if level is not None and "spatial_blocks" in results:
        document["sets"] = results["spatial_blocks"].sets(survey.class_codes, level)
    if survey.periods and results:
        samples = SampleSet.read(workspace.store)
        document["periods"] = by_period(survey, samples, results)
        if survey.model.carried_from is None:
            periods, codes = labelled_in(workspace), tuple(survey.class_codes)
            held_out = held_out_bytes(results, samples, periods, codes)
            workspace.store.write(HELD_OUT_FILE, held_out)
    # of few points much is not known
    workspace.store.write_json(ACCURACY_FILE, null_for_nan(document))
    figures = ("overall_accuracy", "kappa", "macro_f1")
    return {
        name: {key: split[key] for key in figures} for name, split in document["splits"].items()
    }


def _assessed(workspace: Workspace, report: Report) -> dict[str, AssessedPoints]:
    """Train and test as the survey's assessment says, by split."""
    survey = workspace.survey
    trained = workspace.ledger.stage("train")
    with learning_session(survey), checkpoints(workspace) as folder:
        assessor = _Assessor(
            survey,
            SampleSet.read(workspace.store),
            partial(open_features, workspace.store, survey),
            labelled_in(workspace),
            len(read_selection(workspace).chosen),
            trained["facts"] if trained else {},
            folder,
            report,
            places_to_learn_from(workspace),
        )
        splits = [split for split in SPLITS.values() if split != "area" or survey.assessment.areas]
        points = assessor.assessed(splits)
        return {name: points[split] for name, split in SPLITS.items() if split in points}


def _document(survey: Survey, results: Mapping[str, AssessedPoints]) -> dict[str, Any]:
    return {
        "protocol": (
            f"{tested_folds(survey)} of {survey.samples.folds} folds of each split: layers "
            "were selected and a model trained without the fold, then tested on it. Except in the "
            "random split, no training patch overlaps a tested one."
            f"{LEFT_OUT * (survey.model.doubtful_labels == 'leave_out')}"
        ),
        "splits": {name: points.document(survey.class_codes) for name, points in results.items()},
        "regions": by_region(survey, results),
        "wrong_labels": results["spatial_blocks"].wrong_labels(survey.class_codes),
        "leakage": results["random"].leakage(results["spatial_blocks"]),
        "smoothing": {
            "window": survey.prediction.smoothing or TRIAL_WINDOW,
            "applied": survey.prediction.smoothing > 0,
            **({"borders": survey.prediction.borders} if survey.prediction.borders else {}),
            **results["spatial_blocks"].gain(),
        },
    }


@dataclass(frozen=True, eq=False)
class _TestedFold:
    """What the models of all regions share when a fold is tested.

    Attributes
    ----------
    split, number
        Way of dividing the points that the fold is of, and its number.
    selection, inputs
        Layers chosen without the fold, and what a model reads of them.
    blocks
        (row of the samples,) spatial block.
    apart
        (row of the samples,) whether smoothing reads nothing there that a model was trained on.
    smooth
        Whether smoothing is applied, or tried.
    """

    split: str
    number: int
    selection: Selection
    inputs: ModelInputs
    blocks: Int64Array
    apart: BoolArray
    smooth: bool


_Task = tuple[str, Holdout, _TestedFold]
"""Region by name, the points that are held out of it, and their fold."""


@dataclass(frozen=True, eq=False)
class _Assessor:
    """Trains the survey's model without folds and tests it on them.

    Attributes
    ----------
    survey, samples, features
        What is assessed, on which points, and where their patches are cut from.
    periods
        Names of those that have samples.
    keep
        How many layers are chosen without a fold.
    trained
        Facts of the training of the survey's own models.
    folder
        For checkpoints.
    report
        Is told how far it is.
    places
        Of pixels that nobody labelled; None: models are not self-trained.
    """

    survey: Survey
    samples: SampleSet
    features: OpenFeatures
    periods: tuple[str, ...]
    keep: int
    trained: Facts
    folder: Path
    report: Report
    places: pd.DataFrame | None

    @property
    def is_smoothed(self) -> bool:
        """Whether the survey's map is smoothed, and its borders read again if it says so."""
        return self.survey.prediction.smoothing > 0

    @property
    def smoothing_window(self) -> int:
        """Edge in pixels of the smoothing that is applied, or tried."""
        return self.survey.prediction.smoothing or TRIAL_WINDOW

    def assessed(self, splits: Sequence[str]) -> dict[str, AssessedPoints]:
        """Test the first folds of each split, as many side by side as can be trained at once."""
        folds = [(split, fold) for split in splits for fold in range(tested_folds(self.survey))]
        tasks: list[_Task] = []
        for number, (split, fold) in enumerate(folds):
            self.report(number, len(folds), "folds without which layers are chosen")
            tasks += self._tasks(split, self.samples.folds(split), fold)
        tested = TasksReport(self.report, len(tasks), "models tested on a fold")
        test = partial(self._region, tested)
        done = side_by_side(lambda task: test(*task), tasks, self._at_once())
        parts: dict[str, list[AssessedPoints]] = {split: [] for split in splits}
        for (_, _, held), part in zip(tasks, done, strict=True):
            parts[held.split].append(part)
        return {split: AssessedPoints.joined(own) for split, own in parts.items()}

    def _at_once(self) -> int:
        """Count the trainings that run at once: on their own cores, their patches in memory."""
        model = self.survey.model
        count = len(self.samples) + (0 if self.places is None else len(self.places))
        patches = 4 * count * self.keep * window_of(model) ** 2
        fit = free_memory() // (2 * COPIES * patches)
        return max(1, min(kind_of(model).trainings_at_once(self.survey.engine), fit))

    def _tasks(self, split: str, folds: Folds, fold: int) -> Iterator[_Task]:
        """Choose layers without a fold; give each region, its points and the fold."""
        window = window_of(self.survey.model)
        wide = window + self._refinement(()).halo
        buffer = buffer_of(split, wide if self.is_smoothed else window)
        holdout = Holdout.of_fold(self.samples, folds, fold, buffer)
        smooth = self.is_smoothed or split == "block"
        selection = self._selection(holdout)
        inputs = model_inputs(self.survey, selection.chosen, self.samples.layers)
        apart = holdout.apart(wide)
        held = _TestedFold(split, fold, selection, inputs, folds.block, apart, smooth)
        for name, part in holdout.regions():
            yield name, without_doubtful(self.survey, part, inputs.layers), held

    def _selection(self, holdout: Holdout) -> Selection:
        engine, settings = self.survey.engine, self.survey.selection
        return choose_layers(
            self.samples,
            holdout.training,
            settings.replace(keep=self.keep),
            seed=self.survey.model.seed,
            threads=engine.cores,
        )

    def _region(
        self, tested: TasksReport, name: str, holdout: Holdout, fold: _TestedFold
    ) -> AssessedPoints:
        """Train the model of a region and test it there."""
        classes = tuple(self.survey.class_codes.values())
        data = holdout.data(fold.inputs, classes, self.features)
        report = tested.of(f"{fold.split} fold {fold.number}{name and f' of {name}'}")
        classifier = self._fit(name, data, fold, report)
        plain = smoothed = data.probabilities(classifier)
        if fold.smooth:
            smoothed = self._smoothed(data.test, classifier)
        probabilities = smoothed if self.is_smoothed else plain
        codes = np.array(classifier.classes, dtype=np.int64)
        tested.count()
        return AssessedPoints(
            rows=data.rows,
            reference=data.test.codes,
            mapped=codes[probabilities.argmax(axis=1)],
            plain=codes[plain.argmax(axis=1)],
            smoothed=codes[smoothed.argmax(axis=1)],
            apart=fold.apart[data.rows],
            confidence=probabilities.max(axis=1),
            probabilities=over_classes(plain, classifier.classes, classes),
            blocks=fold.blocks[data.rows],
            region=np.full(len(data.rows), name, dtype=object),
            readings=readings_in(
                self.periods, data.test, classifier, self.features, classes,
                self._refinement(classifier.classes) if self.is_smoothed else None,
            ),
            map_probabilities=over_classes(probabilities, classifier.classes, classes),
        )  # fmt: skip

    def _fit(self, name: str, data: HoldoutData, fold: _TestedFold, report: Report) -> Classifier:
        """Train the model of a region as the map's was, by its own pixels too where that was."""
        survey, facts = self.survey, self.trained.get("regions", {name: self.trained})[name]
        tuned = tuned_by(survey.model, facts)
        first = train_tuned(survey.model, survey.engine, tuned, data.training, self.folder, report)
        if self.places is None or not facts["self_training"]["taken"]:
            return first
        further = SelfTraining.of(
            survey, self.places, name, fold.inputs, self.features, fold.selection,
            self.folder, report,
        )  # fmt: skip
        return further.taught(first, tuned, data.training, data.blocks)[0]

    def _smoothed(self, points: SampleSet, classifier: Classifier) -> Float32Array:
        """Smoothed probabilities at points, (n, class)."""
        refinement = self._refinement(classifier.classes)
        window = 2 * (classifier.halo + refinement.halo) + 1
        layers = refinement.reads(classifier.layers)
        return refinement.at(classifier, points.patches(layers, window, self.features))

    def _refinement(self, codes: Collection[int]) -> Refinement:
        """Of probabilities of classes by their codes."""
        return refinement_of(self.survey, codes, self.smoothing_window)


def _cores(survey: Survey) -> int:
    """Cores that the trainings use which run at once."""
    kind, engine = kind_of(survey.model), survey.engine
    at_once = max(1, min(kind.trainings_at_once(engine), trials_of(survey)))
    return kind.training_cores(engine) * at_once


ASSESS = Stage(
    "assess",
    PURPOSES["assess"],
    lambda workspace: [workspace.survey.assessment.model_dump(mode="json")],
    assess_model,
    code=(
        "accuracy", "label_noise/confident_learning.py", "stages/assess.py",
        "stages/assess_carried.py", "stages/carry.py", "validation",
    ),
    periods_read=labelled_in,
    cost=StageCost(
        units=assessment_units,
        volume=lambda survey, v: (trials_of(survey) * (v.table + v.point_chosen), 0.0),
        by_model=True,
        trains=lambda survey: trials_of(survey) > 0,
        all_workers=True,
        cores=_cores,
        further=judging_without_folds,
        starts=lambda survey, work: trials_of(survey) * work.regions,
    ),
)  # fmt: skip
"""Its result: `accuracy.json`."""
