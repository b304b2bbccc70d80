"""What training takes, in the stages that train."""

from __future__ import annotations

from minecover.models.kind import ModelKind
from minecover.models.lookup import kind_of
from minecover.survey import Survey
from minecover.workflow.cost import Workload

__all__ = ["assessment_units", "reading_units", "training_units", "trainings", "trials_of"]


def trials_of(survey: Survey) -> int:
    """Count the trainings that the assessment tests: folds of every way to divide the points.

    A model that is carried is tested as it is.
    """
    if survey.model.carried_from is not None:
        return 0
    divisions = 3 if survey.assessment.areas else 2
    return divisions * min(survey.assessment.folds, survey.samples.folds)


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
