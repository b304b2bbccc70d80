"""The bench on which every trial of a comparison is carried out, alike for all of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minecover.accuracy.blocks import Folds, block_edge, random_folds, spatial_folds
from minecover.arrays import BoolArray
from minecover.comparison.plan import RANKED, Fold, LayerChoice, Trial
from minecover.comparison.search import search
from minecover.engines.threads import limited_threads
from minecover.errors import DataError
from minecover.features.catalogue import FeatureCatalogue
from minecover.geography.grid import Window
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.finished import training_digest
from minecover.models.lookup import as_kind, voters_of
from minecover.models.registry import MODELS
from minecover.models.settings import ModelSettings
from minecover.models.task import TrainingTask
from minecover.models.training import read_by, train
from minecover.models.tuning import finished
from minecover.samples.sample_set import SampleSet
from minecover.stages.features import open_features
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.model_inputs import model_inputs
from minecover.validation.doubtful import without_doubtful
from minecover.validation.holdout import Holdout, HoldoutData, buffer_of
from minecover.validation.layers import choose_layers
from minecover.workflow.run import Run

__all__ = ["Bench", "Document"]

Document = dict[str, Any]

RECENT = 4
"""Trained models that are remembered: a vote has few, and its trial is next to theirs."""

READ_EDGE = 64
"""Edge in pixels of the block on which the speed of reading a map is measured."""


@dataclass(frozen=True, eq=False)
class Bench:
    """Points, splits and settings that all trials share; goes to a worker as it is.

    Attributes
    ----------
    survey
        Its `engine` says how many threads a training may use.
    store
        Holds the features, or the cube that they are computed from.
    samples
        What the samples stage wrote.
    folds
        By split and seed.
    buffer
        Edge in pixels of the largest patch that is compared: no patch of that size around a
        training point overlaps one around a test point in another spatial block.
    complete
        (point,) those with a value in every layer. Only they are trained on and tested on, so
        that a set with fewer layers has no other points.
    checkpoints
        Folder for the checkpoints of trainings.
    recent
        Models that were trained last, and the seconds that each took, by `training_digest`: those
        of a vote are most often models of their own on the same points.
    """

    survey: Survey
    store: Store
    samples: SampleSet
    folds: dict[tuple[str, int], Folds]
    buffer: int
    complete: BoolArray
    checkpoints: Path
    recent: dict[str, tuple[Classifier, float]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, run: Run, folds: Sequence[Fold], checkpoints: Path) -> Bench:
        """Read the samples and divide them, once for every trial.

        Raises
        ------
        DataError
            No point has a value in every layer.
        """
        samples = SampleSet.read(run.store)
        complete = samples.is_complete(samples.layers)
        if not complete.any():
            raise DataError(
                "compare: no point has a value in every layer, so no two sets can be compared; "
                "fill gaps with features.fill: year, or leave the source with gaps out"
            )
        # the largest window, whichever models are compared: trials stay comparable
        buffer = max(kind.of(run.survey.model).window(run.survey.model) for kind in MODELS)
        pairs = dict.fromkeys((fold.split, fold.seed) for fold in folds)
        divided = {pair: _divided(run, samples, buffer, *pair) for pair in pairs}
        return cls(run.survey, run.store, samples, divided, buffer, complete, checkpoints)

    @property
    def threads(self) -> int:
        """Threads of one training."""
        return self.survey.engine.cores

    def on_one_thread(self) -> Bench:
        """Give the bench as a worker of a cluster uses it."""
        return replace(self, survey=self.survey.replace(engine__workers=1, engine__threads=1))

    def holdout(self, fold: Fold) -> Holdout:
        """Hold a fold out of the complete points."""
        folds, buffer = self.folds[fold.split, fold.seed], buffer_of(fold.split, self.buffer)
        return Holdout.of_fold(self.samples, folds, fold.fold, buffer).only(self.complete)

    def choose(self, task: LayerChoice) -> Document:
        """Choose layers from a fold's training points.

        Returns
        -------
        `layers`, best first, as many as the survey keeps, or as were most accurate in a
        validation by blocks within the training points; `curve`: for each number of layers tried
        there [number, overall accuracy, standard error].
        """
        settings = self.survey.selection
        chosen = choose_layers(
            self.samples,
            self.holdout(task.fold).training,
            settings.replace(method=task.method, keep=None if task.curve else settings.keep),
            seed=task.fold.seed,
            threads=self.threads,
        )
        order = [name for name in chosen.ordered if name not in chosen.dropped]
        return {
            "layers": order[: settings.keep or len(chosen.chosen)],
            "curve": [[p.features, p.accuracy, p.standard_error] for p in chosen.curve],
        }

    def layers(self, trial: Trial, choices: dict[str, Document]) -> tuple[str, ...]:
        """Layers of a trial; `choices`: documents of the choices by name."""
        if trial.layers == "all":
            return self.samples.layers
        if trial.layers.startswith("without-"):
            features = self.survey.feature_catalogue()
            layers = self.samples.layers
            return tuple(name for name in layers if not lacks(trial.layers, features, name))
        wanted = LayerChoice(trial.layers, trial.fold)
        found = choices.get(wanted.name) or choices[replace(wanted, curve=True).name]
        return tuple(found["layers"])

    def test(self, trial: Trial, layers: tuple[str, ...]) -> Document:
        """Train a model without a fold and test it there.

        Returns
        -------
        `points` (rows of the samples), their `reference` and `mapped` class codes, `layers`,
        `learnt` (training points), `training_seconds` (of a vote, those of its models together),
        `threads`, `pixels_per_second` (reading a block of the map), `bytes` (of the saved model),
        `parameters` (where searched for).
        """
        settings = as_kind(self.survey.model, trial.model).replace(seed=trial.fold.seed)
        inputs = model_inputs(self.survey, layers, self._available(trial, layers), settings)
        classes = tuple(self.survey.class_codes.values())
        features = partial(open_features, self.store, self.survey)
        learning = without_doubtful(self.survey, self.holdout(trial.fold), inputs.layers)
        data = learning.data(inputs, classes, features)
        classifier, parameters, seconds = self._trained(trial, settings, data)
        return {
            "points": data.rows.tolist(),
            "reference": data.test.codes.tolist(),
            "mapped": data.mapped(classifier).tolist(),
            "layers": list(inputs.layers),
            "learnt": len(data.training.labels),
            "training_seconds": round(seconds, 3),
            "threads": self.threads,
            "pixels_per_second": self._speed(classifier, int(data.rows[0])),
            "bytes": model_bytes(classifier),
            "parameters": parameters,
        }

    def _available(self, trial: Trial, layers: tuple[str, ...]) -> tuple[str, ...]:
        """Layers that a model which reads series may add: none to a set that lacks some."""
        return self.samples.layers if trial.layers in RANKED else layers

    def _trained(
        self, trial: Trial, settings: ModelSettings, data: HoldoutData
    ) -> tuple[Classifier, Document | None, float]:
        """Train a model; give it, the parameters that were searched for, and the seconds."""
        if trial.searched:
            start = time.perf_counter()
            engine, folder = self.survey.engine, self.checkpoints
            task = TrainingTask.of(settings, engine, data.training, folder)
            classifier, parameters = search(task, data.blocks)
            seconds = time.perf_counter() - start
            return finished([classifier], settings, data.training), parameters, seconds
        models = [self._alone(model, data.training) for model in voters_of(settings)]
        classifiers, seconds_of = zip(*models, strict=True)
        return finished(classifiers, settings, data.training), None, sum(seconds_of)

    def _alone(self, settings: ModelSettings, data: TrainingData) -> tuple[Classifier, float]:
        """Train a model that is, or votes, as it learns; one that was just trained is the same."""
        shares = settings.class_shares if settings.class_weights == "area" else None
        settings = settings.replace(prior_shift=0.0, class_shares=shares)
        name = training_digest(settings, read_by(settings, data))
        if name not in self.recent:
            start = time.perf_counter()
            classifier, _ = train(settings, self.survey.engine, data, None, self.checkpoints)
            self.recent[name] = classifier, time.perf_counter() - start
            for oldest in list(self.recent)[:-RECENT]:
                del self.recent[oldest]
        return self.recent[name]

    def _speed(self, classifier: Classifier, point: int) -> float:
        """Pixels a second over a block around a tested point."""
        row, column = (int(self.samples.table[name].iloc[point]) for name in ("row", "col"))
        half = READ_EDGE // 2
        window = Window(row - half, row + half, column - half, column + half)
        layers = open_features(self.store, self.survey)
        features = layers.read(window.pad(classifier.halo), classifier.layers, mirror=True)
        with limited_threads(self.threads):
            start = time.perf_counter()
            probabilities = classifier.predict(features)
            seconds = time.perf_counter() - start
        return round(float(np.isfinite(probabilities[0]).sum()) / seconds, 1)

    def work(
        self, choices: dict[str, Document], task: LayerChoice | Trial
    ) -> Callable[[Bench], Document]:
        """Bind a task to what it needs besides a bench."""
        if isinstance(task, LayerChoice):
            return partial(Bench.choose, task=task)
        return partial(Bench.test, trial=task, layers=self.layers(task, choices))


def _divided(run: Run, samples: SampleSet, buffer: int, split: str, seed: int) -> Folds:
    count = run.survey.samples.folds
    if split == "random":
        return random_folds(samples.table, count, seed)
    # what was chosen where the survey leaves the edge to the samples, but never below the buffer
    with run.ledger.reading_facts("samples"):
        metres = run.facts()["samples"]["facts"]["block_metres"]
        edge = block_edge(metres, run.grid.resolution, buffer)
    return spatial_folds(samples.table, edge=edge, folds=count, seed=seed)


def lacks(name: str, features: FeatureCatalogue, layer: str) -> bool:
    """Return whether a set such as `without-season-winter` goes without a layer."""
    _, kind, what = name.split("-", 2)
    found = features[layer]
    return what == (found.content.source if kind == "source" else found.season)


def model_bytes(classifier: Classifier) -> int:
    """Bytes of a classifier as it lies in a store."""
    with tempfile.TemporaryDirectory() as folder:
        classifier.save(Store(folder))
        return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
