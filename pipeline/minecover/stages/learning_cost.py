"""What training takes, in the stages that train."""

from __future__ import annotations

from dataclasses import replace

from minecover.label_noise.left_out import TREES as JUDGING_TREES
from minecover.models.kind import ModelKind
from minecover.models.lookup import as_kind, kind_of
from minecover.models.random_forest import TREES
from minecover.survey import Survey
from minecover.survey.carried import retrains
from minecover.workflow.cost import Trainings, Workload

__all__ = [
    "assessment_units", "judging", "judging_without_folds", "reading_units", "retraining",
    "tested_folds", "training_units", "trainings", "trials_of",
]  # fmt: skip


def tested_folds(survey: Survey) -> int:
    """Count the folds of each way to divide the points that are tested."""
    return min(survey.assessment.folds, survey.samples.folds)


def trials_of(survey: Survey) -> int:
    """Count the trainings that the assessment tests: folds of every way to divide the points.

    A model that is carried is tested as it is.
    """
    if survey.model.carried_from is not None:
        return 0
    divisions = 3 if survey.assessment.areas else 2
    return divisions * tested_folds(survey)


def trainings(survey: Survey, work: Workload) -> int:
    """Count trainings of the survey's models; one more of each that is tuned, without a fold.

    Where they learn from unlabelled pixels, that is tried without each fold, too.
    """
    one, further = (2 if kind_of(survey.model).tunes else 1), survey.model.self_training
    if further is not None:
        one = (one + further.rounds) * (1 + survey.samples.folds)
    return work.regions * one


def training_units(survey: Survey, work: Workload) -> float:
    """Units of training the survey's models: those of the kind of model for each point."""
    kind, one, held_back = _parts(survey, work)
    tuning = one - held_back if kind.tunes else 0.0
    all_of_it = tuning + one * kind.members(survey.model) * _turns(survey)
    tried = 0 if survey.model.self_training is None else survey.samples.folds - 1
    return all_of_it * (1 + tried)


def assessment_units(survey: Survey, work: Workload) -> float:
    """Units of training without each fold that is tested."""
    kind, one, held_back = _parts(survey, work)
    return trials_of(survey) * (one - held_back) * kind.members(survey.model) * _turns(survey)


def retraining(survey: Survey, work: Workload) -> tuple[Trainings, ...]:
    """Trainings of a carried model on the samples of both surveys: without each fold, and of all.

    Where a survey trains its own, there is none.
    """
    if not retrains(survey):
        return ()
    own = survey.replace(model__carried_from=None)
    return (Trainings(own, work, survey.samples.folds + 1),)


def judging(survey: Survey, work: Workload) -> tuple[Trainings, ...]:
    """Forests that judge the labels of the survey's points, without each of their folds."""
    return _judging(survey, work, 1, 1.0)


def judging_without_folds(survey: Survey, work: Workload) -> tuple[Trainings, ...]:
    """Forests that judge the labels of the points outside each fold that is tested."""
    return _judging(survey, work, trials_of(survey), 1 - 1 / survey.samples.folds)


def _judging(survey: Survey, work: Workload, times: int, share: float) -> tuple[Trainings, ...]:
    if survey.model.doubtful_labels == "keep":
        return ()
    model = as_kind(survey.model, "rf").replace(doubtful_labels="keep", self_training=None)
    folds = survey.samples.folds
    part = replace(work, points=round(work.points * share * (1 - 1 / folds)))
    forests = times * folds * JUDGING_TREES / TREES
    return (Trainings(survey.replace(model=model), part, forests),)


def _turns(survey: Survey) -> float:
    """Give the samples of all trainings of a model, for one labelled: pixels are further ones."""
    further = survey.model.self_training
    return 1.0 if further is None else 1.0 + further.rounds * (1.0 + further.share)


def reading_units(survey: Survey, work: Workload) -> float:
    """Units of predicting every pixel."""
    model, classes = survey.model, len(survey.classes)
    kind = kind_of(model)
    return work.pixels * kind.members(model) * kind.reading_units(model, work.chosen, classes)


def _parts(survey: Survey, work: Workload) -> tuple[ModelKind, float, float]:
    """Give the kind of model, the units of one training, and those of a fold that is held back."""
    kind, classes = kind_of(survey.model), len(survey.classes)
    model = survey.model.for_samples(work.points)
    units = kind.training_units(model, work.chosen, classes, work.epochs)
    one = work.points * units
    return kind, one, one / survey.samples.folds if kind.tunes else 0.0
