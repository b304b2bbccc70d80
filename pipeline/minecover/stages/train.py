"""The stage that trains the model, or one for each region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from minecover.errors import DataError
from minecover.features.computed import open_features
from minecover.ledger.markers import TileMarkers
from minecover.models.data import TrainingData
from minecover.models.lookup import fingerprint_settings, foreign_modules, window_of
from minecover.models.registry import MODELS
from minecover.prediction.applicability import Applicability
from minecover.samples.regions import survey_regions
from minecover.samples.sample_set import SampleSet
from minecover.selection.result import Selection
from minecover.stages.fitting import (
    Tuning,
    checkpoints,
    holdout_fold,
    learning_session,
    train_tuned,
    tune,
)
from minecover.stages.registry import PURPOSES
from minecover.stages.select import read_selection
from minecover.storage.names import MODEL_FOLDER
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["TRAIN", "train_model"]


def train_model(context: StageContext) -> Facts:
    """Train one model, or one a region, each on all of its points; `model/`.

    What was trained for this mark before the driver died is not trained again.
    """
    run = context.workspace
    samples, selection = SampleSet.read(run.store), read_selection(run)
    regions = survey_regions(run.survey, run.grid)
    edition = run.invalidation.known["train"]
    # of this edition alone: a model of points that were withdrawn is not taken up
    marks = TileMarkers(run.store, "train", f"{context.fingerprint}-{edition}")
    if not any(True for _ in marks.names("done")):
        for old in run.ledger.all_marks("train"):
            old.delete()
        run.store.delete(MODEL_FOLDER)
        regions.save(run.store)
    told: dict[str, Facts] = {}
    with learning_session(run.survey), checkpoints(run) as folder:
        for number, (name, here) in enumerate(samples.regions()):
            known = marks.done(str(number))
            told[name] = known or _train_region(
                run, samples.part(here), selection, regions.prefix(number), folder
            )
            marks.finish(str(number), told[name])
    marks.delete()  # what is done again is trained again
    if len(regions) == 1:
        return next(iter(told.values()))
    parts = told.values()
    facts: Facts = {name: sum(part[name] for part in parts) for name in ("samples", "incomplete")}
    if MODELS[run.survey.model.kind].tunes:
        # of all trainings together, as the plan counts them
        epochs = sum(part["epochs"] * part["samples"] for part in parts) / facts["samples"]
        facts["epochs"] = round(epochs)
    return {**facts, "regions": told}


def _train_region(
    run: Workspace, samples: SampleSet, selection: Selection, prefix: str, folder: Path
) -> Facts:
    """Train on all points of a region, as long and as sure as a blocked fold held back asks for."""
    survey = run.survey
    complete = samples.is_complete(selection.chosen)
    used = _training_data(run, samples.part(complete), selection.chosen)
    lost = set(samples.codes) - set(used.classes)
    if lost:
        raise DataError(
            f"samples: every point of class {', '.join(map(str, sorted(lost)))} lacks one of the "
            "chosen layers; add points of it, or fill gaps with features.fill: year"
        )
    folds = samples.folds("block").fold[complete]
    facts: Facts = {"samples": int(complete.sum()), "incomplete": int((~complete).sum())}
    tuned, fold = Tuning(survey.model.epochs, 1.0), holdout_fold(used, folds)
    tunes = MODELS[survey.model.kind].tunes
    if tunes and fold is not None:
        tuned, history = tune(survey, used, folds == fold, folder)
        facts["best_epoch"] = history.best_epoch
        facts["history"] = list(history.records)
        facts |= history.facts
    if tunes:
        facts |= asdict(tuned)
    classifier = train_tuned(survey, tuned, used, folder)
    scores = dict(zip(selection.names, selection.combined, strict=True))
    importance = np.array([scores[name] for name in used.layers])
    applicability = Applicability.fit(used.centres, used.layers, importance, folds)
    classifier.save(run.store, prefix)
    applicability.save(run.store, prefix)
    return {**facts, "applicability_threshold": round(applicability.threshold, 6)}


def _training_data(run: Workspace, samples: SampleSet, layers: tuple[str, ...]) -> TrainingData:
    """Cut patches around points, with their labels."""
    features = partial(open_features, run.store, run.survey)
    patches = samples.patches(layers, window_of(run.survey.model), features)
    classes = tuple(run.survey.class_codes.values())
    return TrainingData.labelled(patches, samples.codes, layers, classes)


def _check(run: Workspace) -> Iterator[str]:
    """Check the settings and files of the model."""
    model = run.survey.model
    yield from MODELS[model.kind].check(model, len(run.survey.classes))


TRAIN = Stage(
    "train",
    PURPOSES["train"],
    # how a network is read is nothing to its training
    lambda run: [fingerprint_settings(run.survey.model, "reading")],
    train_model,
    code=(
        "models", "stages/train.py", "stages/fitting.py", "accuracy/calibration.py",
        "prediction/applicability.py",
    ),
    modules=lambda survey: foreign_modules(survey.model),
    check=_check,
)  # fmt: skip
"""Its result: everything under `model/`."""
