"""The stages that learn: samples, select, train."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.accuracy.blocks import (
    Folds,
    area_folds,
    block_edge,
    random_folds,
    spatial_folds,
)
from minecover.accuracy.calibration import fit_temperature
from minecover.errors import DataError
from minecover.features.computed import open_features
from minecover.models import Classifier, History, TrainingData, train, window_of
from minecover.models.ensemble import Ensemble
from minecover.models.resnet50 import ResNet50Classifier
from minecover.prediction.applicability import Applicability
from minecover.run import Facts, Run
from minecover.samples import (
    Points,
    check_counts,
    drop_nodata,
    extract,
    parquet_bytes,
    read_points,
    samples_table,
)
from minecover.selection import Selection, select
from minecover.store import Store
from minecover.survey import Survey

__all__ = ["select_layers", "train_model", "write_samples"]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

POINTS_AT_ONCE = 256
"""Patches that are read together."""

STABILITY_RESAMPLES = 4
"""Choices from resampled points that the stability of the selection is told from."""

COLUMNS = ("id", "x", "y", "row", "col", "code", "name", "block", "block_fold", "random_fold")


def write_samples(run: Run, mark: str) -> Facts:
    """Read the points, look up their features, divide them into folds; `samples.parquet`."""
    del mark
    survey, layers = run.survey, open_features(run.store, run.survey)
    points = read_points(survey, run.grid)
    points, patches = drop_nodata(points, extract(points, layers, 1))
    check_counts(points, survey)
    edge = block_edge(survey.samples.block, run.grid.resolution, window_of(survey.model))
    names = {code: name for name, code in survey.class_codes.items()}
    folds, seed = survey.samples.folds, survey.model.seed
    blocks = spatial_folds(points.frame, edge=edge, folds=folds, seed=seed, names=names)
    random = random_folds(points.frame, folds, seed)
    table = samples_table(
        points,
        patches[:, :, 0, 0],
        layers.names,
        block=blocks.block,
        block_fold=blocks.fold,
        random_fold=random.fold,
    )
    run.store.write("samples.parquet", parquet_bytes(table))
    return {
        "points": len(points),
        "classes": {name: int((table["name"] == name).sum()) for name in survey.class_codes},
        "dropped": points.dropped,
        "unknown_labels": list(points.unknown),
        "block_metres": edge * run.grid.resolution,
        "warnings": list(blocks.warnings),
    }


@dataclass(frozen=True)
class SampleSet:
    """The samples as learning needs them.

    Attributes
    ----------
    table
        `samples.parquet`.
    layers
        Names of the feature columns that have a value at any point.
    """

    table: pd.DataFrame
    layers: tuple[str, ...]

    @classmethod
    def read(cls, run: Run) -> SampleSet:
        """Read what the samples stage wrote."""
        data = run.store.read("samples.parquet")
        if data is None:
            raise DataError(f"{run.store.url}/samples.parquet: missing; run `minecover samples`")
        table = pd.read_parquet(io.BytesIO(data))
        layers = [name for name in table.columns if name not in COLUMNS]
        return cls(table, tuple(name for name in layers if table[name].notna().any()))

    def values(self, layers: tuple[str, ...]) -> FloatArray:
        """Features at the points, (n, layer) float32."""
        return self.table[list(layers)].to_numpy(np.float32)

    def folds(self, split: str) -> Folds:
        """Folds of a split, `random`, `block` or `area`."""
        if split == "area":
            return area_folds(self.table, int(self.table["block_fold"].max()) + 1, seed=0)
        fold = self.table[f"{split}_fold"].to_numpy(np.int64)
        return Folds(fold, self.table["block"].to_numpy(np.int64), int(fold.max()) + 1)

    @property
    def codes(self) -> npt.NDArray[np.int64]:
        """Class codes of the points."""
        return self.table["code"].to_numpy(np.int64)


def choose(
    survey: Survey, samples: SampleSet, use: BoolArray, keep: int | None, *, resamples: int = 0
) -> Selection:
    """Rank and choose layers from some of the points; `keep`: how many, None: find it."""
    settings = survey.selection
    everything = settings.method == "all"
    return select(
        samples.values(samples.layers)[use],
        samples.codes[use],
        samples.layers,
        method="both" if settings.method == "all" else settings.method,
        keep=len(samples.layers) if everything else keep,
        drop_redundant=not everything,
        resamples=resamples,
        engine=settings.engine,
        neighbours=settings.neighbours,
        trees=settings.trees,
        groups=samples.table["block"].to_numpy(np.int64)[use],
        seed=survey.model.seed,
        threads=survey.engine.workers * survey.engine.threads,
    )


def select_layers(run: Run, mark: str) -> Facts:
    """Rank and choose layers from all points; `selection.json`."""
    del mark
    samples = SampleSet.read(run)
    everyone = np.ones(len(samples.table), dtype=bool)
    keep = run.survey.selection.keep
    selection = choose(run.survey, samples, everyone, keep, resamples=STABILITY_RESAMPLES)
    run.store.write("selection.json", selection.to_json().encode())
    return {
        "layers": len(samples.layers),
        "chosen": list(selection.chosen),
        "redundant": [[pair.better, pair.worse] for pair in selection.redundant],
    }


def patches_at(
    store: Store, survey: Survey, table: pd.DataFrame, window: int, layers: tuple[str, ...]
) -> FloatArray:
    """Patches of features around samples, (n, layer, window, window).

    Parameters
    ----------
    store, survey
        Where the features are, or what they are computed from.
    table
        Rows of `samples.parquet`, which knows the features at the points' own pixels.
    window
        Edge of a patch in pixels, odd.
    layers
        Names of the features.
    """
    if window == 1:
        return table[list(layers)].to_numpy(np.float32)[:, :, None, None]
    points = Points(table.reset_index(drop=True), {})
    return extract(points, open_features(store, survey), window, layers)


def class_positions(codes: npt.NDArray[np.int64], classes: Sequence[int]) -> npt.NDArray[np.int64]:
    """Position of each code among the classes in the survey's order, (n,)."""
    position = {code: index for index, code in enumerate(classes)}
    return np.array([position[int(code)] for code in codes], dtype=np.int64)


def training_data(
    run: Run, samples: SampleSet, layers: tuple[str, ...]
) -> tuple[TrainingData, BoolArray]:
    """Cut the patches of the chosen layers around all points.

    Returns
    -------
    The data, and which points lack none of the chosen layers at their own pixel: the others are
    neither learnt from nor tested on, since the map has no class there.
    """
    window = window_of(run.survey.model)
    patches = patches_at(run.store, run.survey, samples.table, window, layers)
    classes = tuple(run.survey.class_codes.values())
    data = TrainingData(patches, class_positions(samples.codes, classes), layers, classes)
    return data, np.asarray(np.isfinite(data.centres).all(axis=1))


def part_of(data: TrainingData, use: BoolArray) -> TrainingData:
    """Take some of the samples."""
    return replace(data, patches=data.patches[use], labels=data.labels[use])


def train_model(run: Run, mark: str) -> Facts:
    """Train on all points, as long and as sure as a blocked fold held back asks for; `model/`."""
    del mark
    survey, samples = run.survey, SampleSet.read(run)
    selection = read_selection(run)
    data, complete = training_data(run, samples, selection.chosen)
    used = part_of(data, complete)
    folds = samples.folds("block").fold[complete]
    facts: Facts = {"samples": int(complete.sum()), "incomplete": int((~complete).sum())}
    with learning_session(survey), checkpoints(run) as folder:
        tuned = Tuning(survey.model.epochs, 1.0)
        if survey.model.kind == "resnet50":
            tuned, history = _tune(survey, used, folds == 0, folder)
            facts |= {**asdict(tuned), "best_epoch": history.best_epoch}
            facts["history"] = list(history.records)
            if history.start is not None:
                left_out = history.start["left_out"]
                facts |= {"starting_weights": dict(history.start)}
                facts |= {"tensors_taken": history.start["taken"], "not_taken": len(left_out)}
        classifier = train_tuned(survey, tuned, used, folder)
    scores = dict(zip(selection.names, selection.combined, strict=True))
    importance = np.array([scores[name] for name in used.layers])
    applicability = Applicability.fit(used.centres, used.layers, importance, folds)
    run.store.delete("model/")
    classifier.save(run.store)
    applicability.save(run.store)
    return {**facts, "applicability_threshold": round(applicability.threshold, 6)}


@dataclass(frozen=True)
class Tuning:
    """What a held-back fold taught about the training of a ResNet50.

    Attributes
    ----------
    epochs
        How long to train.
    temperature
        What the scores are divided by to be as sure as they are right.
    """

    epochs: int
    temperature: float


def _tune(
    survey: Survey, data: TrainingData, held_back: BoolArray, folder: Path
) -> tuple[Tuning, History]:
    one = survey.model.model_copy(update={"members": 1})
    classifier, history = train(one, survey.engine, data, held_back, folder)
    told = probabilities_at(classifier, data.cropped(one.window).patches[held_back])
    temperature = fit_temperature(told, data.labels[held_back])
    return Tuning(history.good_epoch, round(temperature, 4)), history


def train_tuned(survey: Survey, tuned: Tuning, data: TrainingData, folder: Path) -> Classifier:
    """Train the survey's model on all of the data, as long and as sure as was found best."""
    settings = survey.model.model_copy(update={"epochs": tuned.epochs})
    classifier, _ = train(settings, survey.engine, data, None, folder)
    if isinstance(classifier, ResNet50Classifier | Ensemble):
        return classifier.with_temperature(tuned.temperature)
    return classifier


def probabilities_at(classifier: Classifier, patches: FloatArray) -> FloatArray:
    """Read the centre pixel of each patch, (n, layer, window, window) to (n, class)."""
    parts = [np.empty((0, len(classifier.classes)), dtype=np.float32)]
    for start in range(0, len(patches), POINTS_AT_ONCE):
        part = patches[start : start + POINTS_AT_ONCE]
        parts.append(classifier.predict_each(part)[:, :, 0, 0])
    return np.concatenate(parts)


def classes_at(classifier: Classifier, patches: FloatArray) -> npt.NDArray[np.int64]:
    """Codes of the most probable classes, (n,), of `probabilities_at`."""
    codes = np.array(classifier.classes, dtype=np.int64)
    best: npt.NDArray[np.int64] = codes[probabilities_at(classifier, patches).argmax(axis=1)]
    return best


def read_selection(run: Run) -> Selection:
    """Read what the select stage wrote.

    Raises
    ------
    DataError
        The stage has not run.
    """
    data = run.store.read("selection.json")
    if data is None:
        raise DataError(f"{run.store.url}/selection.json: missing; run `minecover select`")
    return Selection.from_json(data.decode())


@contextmanager
def learning_session(survey: Survey) -> Iterator[None]:
    """Keep one Ray session and its workers over several trainings, where they run on Ray."""
    if survey.model.kind == "resnet50" and survey.engine.training == "ray":
        from minecover.models.ray_train import training_session

        with training_session(survey.engine):
            yield
    else:
        yield


@contextmanager
def checkpoints(run: Run) -> Iterator[Path]:
    """Lend a folder for checkpoints: in the store, so that a training that died is resumed."""
    folder = run.store.local_path
    if folder is not None:
        yield folder / "checkpoints"
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)
