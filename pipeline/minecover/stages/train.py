"""The stage that trains the model, or one for each region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd

from minecover.engines.report import Report, named
from minecover.errors import DataError
from minecover.ledger.parts import PartMarkers
from minecover.models.class_shares import assumed_shares
from minecover.models.data import ModelInputs, TrainingData
from minecover.models.lookup import (
    fingerprint_settings,
    foreign_modules,
    kind_of,
    refuse_weights,
)
from minecover.models.settings import ModelSettings
from minecover.models.task import History, Tuning
from minecover.models.tuning import tune_and_train, tuning_facts
from minecover.samples.regions import Regions, read_regions
from minecover.samples.sample_set import SampleSet
from minecover.selection.result import Selection
from minecover.stages.features import open_features, texture_range_of
from minecover.stages.fitting import applicability_of, checkpoints, learning_session
from minecover.stages.labelled import labelled_in
from minecover.stages.learning_cost import judging, training_units, trainings
from minecover.stages.left_out import LeftOut, leave_out, left_out_at
from minecover.stages.registry import PURPOSES
from minecover.stages.select import read_selection
from minecover.stages.self_training import SelfTraining, outcome, places_to_learn_from
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.raster import Raster
from minecover.survey import Survey
from minecover.survey.carried import origin_of
from minecover.survey.model_inputs import model_inputs
from minecover.validation.learned_places import LearnedPlaces
from minecover.workflow.cost import StageCost
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["TRAIN", "train_model"]


def train_model(context: StageContext) -> Facts:
    """Train one model, or one for each region, each on all of its points; `model/`.

    What was trained before the driver died, from the same, is not trained again.
    """
    workspace = context.workspace
    survey, samples = workspace.survey, SampleSet.read(workspace.store)
    regions = read_regions(survey.model.regions, workspace.grid)
    generation = workspace.invalidation.known[context.stage]
    parts = PartMarkers(workspace.store, context.stage, context.fingerprint, generation)
    if not parts.any():
        for old in workspace.ledger.all_markers(context.stage):
            old.delete()
        workspace.store.delete(MODEL_FOLDER)
        regions.save(workspace.store)
    selection, facts = read_selection(workspace), {}
    places = places_to_learn_from(workspace)
    with learning_session(survey), checkpoints(workspace) as folder:
        for number, (name, here) in enumerate(samples.regions()):
            report = named(context.report, name) if len(regions) > 1 else context.report
            own = samples.part(here)
            region = _Region(workspace, name, own, selection, places, folder, report)
            facts[name] = region.trained(parts, number, regions.prefix(number))
    _save_origin(workspace, samples, selection, regions)
    parts.delete()  # what is done again is trained again
    return _summary(facts)


def _save_origin(
    workspace: Workspace, samples: SampleSet, selection: Selection, regions: Regions
) -> None:
    """Say beside the model what it was made of, for surveys that it will be carried to."""
    survey, store = workspace.survey, workspace.store
    inputs = model_inputs(survey, selection.chosen, selection.names)
    learned = samples.is_complete(inputs.layers)
    for number in range(len(regions)):
        learned &= ~left_out_at(store, samples, regions.prefix(number))
    LearnedPlaces.of(survey, samples.part(learned), workspace.grid.crs).save(store)
    names = samples.table["name"][learned]
    points = {name: int((names == name).sum()) for name in survey.class_codes}
    origin = origin_of(survey, inputs.layers, points, texture_range_of(store), len(regions))
    replace(origin, shares=_shares(survey.model, survey.class_codes, points)).save(store)


def _shares(
    model: ModelSettings, codes: Mapping[str, int], points: Mapping[str, int]
) -> dict[str, float]:
    """Shares that the probabilities are right for, where they are not those of the points."""
    if model.class_weights == "none" and not model.prior_shift:
        return {}
    counts, weighted = [points[name] for name in codes], kind_of(model).weighted
    shares = assumed_shares(model, list(codes.values()), counts, weighted=weighted)
    return dict(zip(codes, shares.tolist(), strict=True))


def _summary(regions: dict[str, Facts]) -> Facts:
    """Figures of the stage, of those of each region by name."""
    parts = list(regions.values())
    if len(parts) == 1:
        return parts[0]
    facts: Facts = {name: sum(part[name] for part in parts) for name in ("samples", "incomplete")}
    if "doubtful_labels" in parts[0]:
        out = sum(part["doubtful_labels"]["left_out"] for part in parts)
        facts["doubtful_labels"] = {"left_out": out}
    if "epochs" in parts[0]:
        # of all trainings together, as the plan counts them
        epochs = sum(part["epochs"] * part["samples"] for part in parts) / facts["samples"]
        facts["epochs"] = round(epochs)
    return {**facts, "regions": regions}


@dataclass(frozen=True, eq=False)
class _Region:
    """What the model of a region learns from.

    Attributes
    ----------
    workspace, selection
        Of the survey.
    name, samples
        Of the region, and all of its points.
    places
        Of pixels that nobody labelled, anywhere; None: the survey's models are not self-trained.
    folder, report
        Of the trainings.
    """

    workspace: Workspace
    name: str
    samples: SampleSet
    selection: Selection
    places: pd.DataFrame | None
    folder: Path
    report: Report

    @cached_property
    def inputs(self) -> ModelInputs:
        """What the model reads."""
        selection = self.selection
        return model_inputs(self.workspace.survey, selection.chosen, selection.names)

    @cached_property
    def complete(self) -> SampleSet:
        """Points that have all layers."""
        return self.samples.part(self.samples.is_complete(self.inputs.layers))

    @cached_property
    def left_out(self) -> LeftOut:
        """Which of these teach, and what is said of the others."""
        return leave_out(self.workspace.survey, self.complete, self.inputs.layers)

    @cached_property
    def points(self) -> SampleSet:
        """Points that teach."""
        return self.complete.part(self.left_out.use)

    @cached_property
    def data(self) -> TrainingData:
        """Patches around these points, with their labels."""
        classes = tuple(self.workspace.survey.class_codes.values())
        patches = self.points.patches(self.inputs.layers, self.inputs.window, self._features)
        data = TrainingData.labelled(patches, self.points.codes, self.inputs, classes)
        lost = set(self.samples.codes) - set(data.classes)
        if lost:
            raise DataError(
                f"samples: every point of class {', '.join(map(str, sorted(lost)))} lacks one of "
                "the chosen layers; add points of it, or fill gaps with features.fill: year"
            )
        return data

    @cached_property
    def self_training(self) -> SelfTraining:
        """Further training of the models; `places` are there."""
        assert self.places is not None
        survey, selection = self.workspace.survey, self.selection
        return SelfTraining.of(
            survey, self.places, self.name, self.inputs, self._features, selection,
            self.folder, self.report,
        )  # fmt: skip

    def _features(self, period: str) -> Raster:
        return open_features(self.workspace.store, self.workspace.survey, period)

    def trained(self, parts: PartMarkers, number: int, prefix: str) -> Facts:
        """Train and save the model, after finding out fold by fold whether self-training helps."""
        tried = None
        if self.places is not None:
            tried = outcome(
                [
                    parts.carry_out(f"region-{number}-fold-{fold}", partial(self._tried, fold))
                    for fold in np.unique(self.points.folds("block").fold).tolist()
                ]
            )
        return parts.carry_out(f"region-{number}", partial(self._train, prefix, tried))

    def _tried(self, fold: int) -> Facts:
        return self.self_training.tried(self.data, self.points, fold)

    def _train(self, prefix: str, tried: Facts | None) -> Facts:
        """Train on all points, as a fold that is held out first shows to be best."""
        survey, store, data = self.workspace.survey, self.workspace.store, self.data
        folds = self.points.folds("block").fold
        classifier, tuned, history = tune_and_train(
            survey.model, survey.engine, data, folds, self.folder, self.report
        )
        if tried is not None and tried["taken"]:
            training = self.self_training
            classifier, used = training.taught(classifier, tuned, data, self.points.blocks)
            names = {code: name for name, code in survey.class_codes.items()}
            known = (names[code] for code in data.classes)
            tried = {**tried, "pixels": dict(zip(known, used.tolist(), strict=True))}
        applicability = applicability_of(data, self.selection, folds)
        classifier.save(store, prefix)
        applicability.save(store, prefix)
        self.left_out.save(store, prefix)
        return {
            "samples": len(self.points),
            "incomplete": len(self.samples) - len(self.complete),
            **self.left_out.facts,
            **_how(survey, tuned, history),
            **({} if tried is None else {"self_training": tried}),
            "applicability_threshold": round(applicability.threshold, 6),
        }


def _how(survey: Survey, tuned: Sequence[Tuning], history: History) -> Facts:
    """Say how a training went that is tuned."""
    facts: Facts = tuning_facts(survey.model, tuned)
    if history.records:
        best = {"best_epoch": history.best_epoch} if history.best_epoch else {}
        facts |= {**best, "history": list(history.records)}
    return facts | dict(history.facts)


def _check(workspace: Workspace) -> Iterator[str]:
    """Check the settings and files of the model."""
    model = workspace.survey.model
    refuse_weights(model)
    yield from kind_of(model).check(model, len(workspace.survey.classes))


def _cores(survey: Survey) -> int:
    """Cores that are used: a training that is tuned may have another beside it."""
    kind, engine = kind_of(survey.model), survey.engine
    beside = min(2, kind.trainings_at_once(engine)) if kind.tunes else 1
    return kind.training_cores(engine) * beside


TRAIN = Stage(
    "train",
    PURPOSES["train"],
    # how a network is read is nothing to its training
    lambda workspace: [fingerprint_settings(workspace.survey.model, "reading")],
    train_model,
    code=(
        *(f"label_noise/{name}.py"
          for name in ("confident_learning", "doubts", "left_out", "neighbours")),
        "models", "survey/carried.py", "survey/model_inputs.py", "stages/train.py",
        "stages/fitting.py", "stages/left_out.py", "stages/self_training.py",
        "geography/unlabelled.py", "geography/pixel_numbers.py", "validation/doubtful.py",
        "validation/holdout.py", "validation/learned_places.py", "accuracy/calibration.py",
        "prediction/applicability.py",
    ),
    modules=lambda survey: foreign_modules(survey.model),
    check=_check,
    periods_read=labelled_in,
    cost=StageCost(
        units=training_units,
        volume=lambda survey, v: (v.table + v.point_chosen, 0.0),
        by_model=True,
        all_workers=True,
        cores=_cores,
        starts=trainings,
        further=judging,
        learned=lambda survey, facts: {"epochs": facts["epochs"]} if facts.get("epochs") else {},
    ),
)  # fmt: skip
"""Its result: everything under `model/`."""
