"""Models trained once more, on pixels that they are surest of, where that helps at other blocks.

Whether it helps is found fold by fold of the spatial blocks: a model that did not see the fold, and
what became of it by pixels that it chose itself, both read the samples of the fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from minecover.accuracy.blocks import apart_from
from minecover.accuracy.calibration import gain_error, losses
from minecover.arrays import BoolArray, Int64Array
from minecover.engines.report import Report, named, unreported
from minecover.engines.threads import torch_threads
from minecover.geography.unlabelled import draw_unlabelled
from minecover.models.classifier import Classifier
from minecover.models.data import ModelInputs, TrainingData
from minecover.models.lookup import window_of
from minecover.models.self_training import Unlabelled, surest, with_pixels
from minecover.models.task import Tuning
from minecover.models.tuning import train_tuned, tune_and_train
from minecover.prediction.applicability import Applicability
from minecover.samples.regions import read_regions
from minecover.samples.sample_set import OpenFeatures, SampleSet, patches_by_period
from minecover.selection.result import Selection
from minecover.survey import Survey
from minecover.workflow.stage import Workspace

__all__ = ["SelfTraining", "outcome", "places_to_learn_from"]

LOSSES = ("labelled", "self_trained")
"""Of models that learned from labelled samples alone, and of what became of them."""


def places_to_learn_from(workspace: Workspace) -> pd.DataFrame | None:
    """Draw pixels of the area that nobody labelled, no nearer to a sample than a patch is wide.

    Returns
    -------
    Columns row, col, cell, region, by its name, and of a survey of periods period: one of those
    that have samples, by the cell. None: the survey's models are not self-trained.
    """
    survey, grid = workspace.survey, workspace.grid
    if survey.model.self_training is None:
        return None
    samples, regions = SampleSet.read(workspace.store), read_regions(survey.model.regions, grid)
    apart = window_of(survey.model)
    labelled = cKDTree(samples.table[["row", "col"]].to_numpy(np.float64))

    def usable(rows: Int64Array, columns: Int64Array) -> BoolArray:
        inside = grid.contains(rows, columns)
        places = np.column_stack([rows, columns])[inside]
        inside[inside] = labelled.query(places, p=np.inf)[0] >= apart
        return inside

    frame = draw_unlabelled(grid.shape, usable, survey.model.seed)
    centres = grid.centres_of(frame["row"].to_numpy(), frame["col"].to_numpy())
    frame = frame.assign(region=np.array(regions.names, dtype=object)[regions.at(*centres)])
    if "period" in samples.table:
        names = np.unique(samples.periods)
        frame["period"] = names[frame["cell"].to_numpy() % len(names)]
    return frame


@dataclass(frozen=True, eq=False)
class SelfTraining:
    """Trains models of a survey once more, on what they are surest of.

    Attributes
    ----------
    survey
        Whose `model` has a section `self_training`.
    pixels
        That nobody labelled, of the place that a model is for.
    importance
        (layer,) of the layers that are read, for their dissimilarity to the samples.
    folder, report
        As for `minecover.models.training.train`.
    """

    survey: Survey
    pixels: Unlabelled
    importance: Mapping[str, float]
    folder: Path
    report: Report = unreported

    @classmethod
    def of(
        cls,
        survey: Survey,
        places: pd.DataFrame,
        region: str,
        inputs: ModelInputs,
        features: OpenFeatures,
        selection: Selection,
        folder: Path,
        report: Report = unreported,
    ) -> SelfTraining:
        """Cut patches around places in a region; those without a value in a layer are left out."""
        places = places[places["region"] == region]
        shape = (len(inputs.layers), inputs.window, inputs.window)
        patches = np.empty((0, *shape), dtype=np.float32)
        if len(places):
            patches = patches_by_period(places, features, inputs.window, inputs.layers)
        pixels = Unlabelled(patches)
        importance = dict(zip(selection.names, selection.combined, strict=True))
        return cls(survey, pixels.part(pixels.is_complete), importance, folder, report)

    def taught(
        self, first: Classifier, tuned: Sequence[Tuning], data: TrainingData, blocks: Int64Array
    ) -> tuple[Classifier, Int64Array]:
        """Train further on what a model is surest of, as often as the survey says.

        Parameters
        ----------
        first, tuned
            The model, and how it was trained.
        data, blocks
            Its samples, and (sample,) their spatial blocks: pixels that are not like them are not
            learned from.

        Returns
        -------
        The last model, and (class,) pixels that it learned from; the first model, where there are
        none.
        """
        settings = self.survey.model.self_training
        assert settings is not None  # nobody trains so without it
        pixels = self.pixels.part(self._applicable(data, blocks))
        wanted = np.ceil(settings.share * np.bincount(data.labels)).astype(np.int64)
        classifier, used = first, np.zeros_like(wanted)
        for _ in range(settings.rounds):
            with torch_threads(1):  # by more, probabilities might be rounded otherwise
                read = classifier.predict_centres(pixels.patches)
            rows = surest(read, wanted)
            if not len(rows):
                break
            labels = read[rows].argmax(axis=1)
            used = np.bincount(labels, minlength=len(wanted))
            joint = with_pixels(data, pixels, rows, labels, settings.weight)
            classifier = train_tuned(
                self.survey.model, self.survey.engine, tuned, joint, self.folder, self.report
            )
        return classifier, used

    def _applicable(self, data: TrainingData, blocks: Int64Array) -> BoolArray:
        """Tell which pixels are like samples of the data, as those of other blocks are."""
        importance = np.array([self.importance[name] for name in data.layers])
        known = Applicability.fit(data.centres, data.layers, importance, blocks)
        unlike = known.dissimilarity(self.pixels.centres.T[:, None])[0]
        return np.asarray(unlike <= known.threshold)

    def tried(self, data: TrainingData, samples: SampleSet, fold: int) -> dict[str, Any]:
        """Train with and without pixels on the samples of other folds, and read those of a fold.

        Parameters
        ----------
        data, samples
            The same points, in the same order.
        fold
            Of the spatial blocks. Samples nearer to it than a patch is wide are not learned from.

        Returns
        -------
        By spatial block of the fold the number of its `points`, and the sum of their losses by
        `labelled` samples alone and `self_trained`; nothing where a class has no sample in another
        fold.
        """
        folds = samples.folds("block").fold
        test = np.asarray(folds == fold)
        use = apart_from(samples.table, test, data.window)
        kept, blocks = data.part(use), samples.blocks[use]
        if len(np.unique(kept.labels)) < len(data.classes) or len(np.unique(blocks)) < 2:
            return {name: [] for name in ("points", *LOSSES)}
        model, engine = self.survey.model, self.survey.engine
        report = named(self.report, f"without fold {fold}")
        first, tuned, _ = tune_and_train(model, engine, kept, folds[use], self.folder, report)
        last, _ = self.taught(first, tuned, kept, blocks)
        patches, labels = data.patches[test], data.labels[test]
        lost = [losses(one.predict_centres(patches), labels) for one in (first, last)]
        _, block = np.unique(samples.blocks[test], return_inverse=True)
        sums = [np.bincount(block, loss).round(6).tolist() for loss in lost]
        return dict(zip(("points", *LOSSES), (np.bincount(block).tolist(), *sums), strict=True))


def outcome(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Decide by what `SelfTraining.tried` found in each fold.

    A single sample that was read as impossible can outweigh all others. So what is gained must be
    more than its standard error over the blocks.

    Returns
    -------
    `taken`; `points` that were tested, and their mean `log_loss` by labelled samples alone and
    self-trained, with the `standard_error` of the difference, where two blocks were tested.
    """
    points, *lost = (
        np.concatenate([np.array(fold[name], dtype=np.float64) for fold in folds])
        for name in ("points", *LOSSES)
    )
    if len(points) < 2:
        return {"taken": False, "points": int(points.sum())}
    gain, total = lost[0] - lost[1], float(points.sum())
    error = gain_error(gain)
    means = (round(float(loss.sum()) / total, 6) for loss in lost)
    return {
        "taken": bool(gain.sum() > error),
        "points": int(total),
        "log_loss": dict(zip(LOSSES, means, strict=True)),
        "standard_error": round(error / total, 6),
    }


def self_training_document(workspace: Workspace) -> dict[str, Any]:
    """Say what came of it, for accuracy.json: `self_training`, where it was tried."""
    trained = (workspace.ledger.stage("train") or {"facts": {}})["facts"]
    regions = trained.get("regions", {"": trained})
    found = {
        name: facts["self_training"] for name, facts in regions.items() if "self_training" in facts
    }
    if not found:
        return {}
    lines = [
        f"{name}: {_statement(facts)}" if name else _statement(facts)
        for name, facts in found.items()
    ]
    return {"self_training": {"statement": " ".join(lines), "regions": found}}


def _statement(facts: Mapping[str, Any]) -> str:
    """Say in one or two sentences what came of it."""
    if "log_loss" not in facts:
        return (
            "Training on pixels that nobody labelled was not tried: too few spatial folds leave "
            "samples of every class to learn from."
        )
    before, after = (facts["log_loss"][name] for name in LOSSES)
    losses = (
        f"log loss {before:.3f} without and {after:.3f} with them (standard error of the "
        f"difference {facts['standard_error']:.3f}) at {facts['points']} samples of blocks that "
        "were left out"
    )
    if not facts["taken"]:
        return f"Training on pixels that nobody labelled was tried and not kept: {losses}."
    count = sum(facts["pixels"].values())
    return (
        f"The model learned from {count} pixels, too, that nobody labelled: {losses}. So did the "
        "models tested here, each from pixels of its own choice."
    )
