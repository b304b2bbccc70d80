"""The stage that trains the model, or one for each region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

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
from minecover.stages.learning_cost import training_units, trainings
from minecover.stages.left_out import leave_out, left_out_at
from minecover.stages.registry import PURPOSES
from minecover.stages.select import read_selection
from minecover.storage.names import MODEL_FOLDER
from minecover.survey import Survey
from minecover.survey.carried import origin_of
from minecover.survey.model_inputs import model_inputs
from minecover.workflow.cost import StageCost
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["TRAIN", "train_model"]


def train_model(context: StageContext) -> Facts:
    """Train one model, or one for each region, each on all of its points; `model/`.

    What was trained before the driver died, from the same, is not trained again.
    """
    workspace = context.workspace
    samples, regions = (
        SampleSet.read(workspace.store),
        read_regions(workspace.survey.model.regions, workspace.grid),
    )
    generation = workspace.invalidation.known[context.stage]
    parts = PartMarkers(workspace.store, context.stage, context.fingerprint, generation)
    if not parts.any():
        for old in workspace.ledger.all_markers(context.stage):
            old.delete()
        workspace.store.delete(MODEL_FOLDER)
        regions.save(workspace.store)
    selection, facts = read_selection(workspace), {}
    with learning_session(workspace.survey), checkpoints(workspace) as folder:
        for number, (name, here) in enumerate(samples.regions()):
            part, prefix = f"region-{number}", regions.prefix(number)
            report = named(context.report, name) if len(regions) > 1 else context.report
            work = partial(
                _train_region, workspace, samples.part(here), selection, prefix, folder, report
            )
            facts[name] = parts.carry_out(part, work)
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


def _train_region(
    workspace: Workspace,
    samples: SampleSet,
    selection: Selection,
    prefix: str,
    folder: Path,
    report: Report,
) -> Facts:
    """Train on all points of a region, as a fold that is held out first shows to be best."""
    inputs = model_inputs(workspace.survey, selection.chosen, selection.names)
    complete = samples.is_complete(inputs.layers)
    taught = leave_out(workspace.survey, samples.part(complete), inputs.layers)
    use = complete.copy()
    use[complete] = taught.use
    data = _training_data(workspace, samples.part(use), inputs)
    lost = set(samples.codes) - set(data.classes)
    if lost:
        raise DataError(
            f"samples: every point of class {', '.join(map(str, sorted(lost)))} lacks one of the "
            "chosen layers; add points of it, or fill gaps with features.fill: year"
        )
    folds = samples.folds("block").fold[use]
    survey = workspace.survey
    classifier, tuned, history = tune_and_train(
        survey.model, survey.engine, data, folds, folder, report
    )
    applicability = applicability_of(data, selection, folds)
    classifier.save(workspace.store, prefix)
    applicability.save(workspace.store, prefix)
    taught.save(workspace.store, prefix)
    return {
        "samples": int(use.sum()),
        "incomplete": int((~complete).sum()),
        **taught.facts,
        **_how(survey, tuned, history),
        "applicability_threshold": round(applicability.threshold, 6),
    }


def _how(survey: Survey, tuned: Sequence[Tuning], history: History) -> Facts:
    """Say how a training went that is tuned."""
    facts: Facts = tuning_facts(survey.model, tuned)
    if history.records:
        best = {"best_epoch": history.best_epoch} if history.best_epoch else {}
        facts |= {**best, "history": list(history.records)}
    return facts | dict(history.facts)


def _training_data(workspace: Workspace, samples: SampleSet, inputs: ModelInputs) -> TrainingData:
    """Cut patches around points, with their labels."""
    features = partial(open_features, workspace.store, workspace.survey)
    patches = samples.patches(inputs.layers, inputs.window, features)
    classes = tuple(workspace.survey.class_codes.values())
    return TrainingData.labelled(patches, samples.codes, inputs, classes)


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
        "stages/fitting.py", "stages/left_out.py", "validation/doubtful.py",
        "validation/holdout.py", "accuracy/calibration.py", "prediction/applicability.py",
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
        learned=lambda survey, facts: {"epochs": facts["epochs"]} if facts.get("epochs") else {},
    ),
)  # fmt: skip
"""Its result: everything under `model/`."""
