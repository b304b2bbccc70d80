"""The stages that learn: samples, select, train, assess."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.accuracy.blocks import (
    Folds,
    block_edge,
    random_folds,
    spatial_folds,
    training_mask,
)
from minecover.accuracy.estimates import block_interval, estimates
from minecover.accuracy.leakage import leakage
from minecover.errors import DataError
from minecover.models import Classifier, TrainingData, train, window_of
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
from minecover.survey import Survey

__all__ = ["assess_model", "select_layers", "train_model", "write_samples"]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

POINTS_AT_ONCE = 256
"""Patches that are read as one block."""

STABILITY_RESAMPLES = 4
"""Choices from resampled points that the stability of the selection is told from."""

COLUMNS = ("id", "x", "y", "row", "col", "code", "name", "block", "block_fold", "random_fold")


def write_samples(run: Run, mark: str) -> Facts:
    """Read the points, look up their features, divide them into folds; `samples.parquet`."""
    del mark
    survey, layers = run.survey, run.store.layers("features.zarr")
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
        """Folds of a split, `random` or `block`."""
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


def training_data(
    run: Run, samples: SampleSet, layers: tuple[str, ...]
) -> tuple[TrainingData, BoolArray]:
    """Cut the patches of the chosen layers around all points.

    Returns
    -------
    The data, and which points lack none of the chosen layers at their own pixel: the others are
    neither learnt from nor tested on, since the map has no class there.
    """
    points = Points(samples.table, {})
    features = run.store.layers("features.zarr")
    patches = extract(points, features, window_of(run.survey.model), layers)
    codes = tuple(run.survey.class_codes.values())
    labels = np.array([codes.index(int(code)) for code in samples.codes], dtype=np.int64)
    data = TrainingData(patches, labels, layers, codes)
    return data, np.asarray(np.isfinite(data.centres).all(axis=1))


def part_of(data: TrainingData, use: BoolArray) -> TrainingData:
    """Take some of the samples."""
    return replace(data, patches=data.patches[use], labels=data.labels[use])


def train_model(run: Run, mark: str) -> Facts:
    """Train on all points, for as many epochs as a blocked fold held back asks for; `model/`."""
    del mark
    survey, samples = run.survey, SampleSet.read(run)
    selection = read_selection(run)
    data, complete = training_data(run, samples, selection.chosen)
    used = part_of(data, complete)
    facts: Facts = {"samples": int(complete.sum()), "incomplete": int((~complete).sum())}
    with learning_session(survey), checkpoints(run) as folder:
        settings = survey.model
        if settings.kind == "resnet50":
            held_back = (samples.folds("block").fold == 0)[complete]
            _, history = train(settings, survey.engine, used, held_back, folder)
            settings = settings.model_copy(update={"epochs": history.best_epoch})
            facts |= {"best_epoch": history.best_epoch, "history": list(history.records)}
        classifier, _ = train(settings, survey.engine, used, None, folder)
    run.store.delete("model/")
    classifier.save(run.store)
    return facts


def assess_model(run: Run, mark: str) -> Facts:
    """Train without some folds and test on them, at random and by blocks; `accuracy.json`."""
    del mark
    samples = SampleSet.read(run)
    trained = run.ledger.stage("train")
    epochs = trained["facts"].get("best_epoch") if trained else None
    folds = min(run.survey.assessment.folds, run.survey.samples.folds)
    with learning_session(run.survey), checkpoints(run) as folder:
        trials = {
            name: [_trial(run, samples, split, fold, epochs, folder) for fold in range(folds)]
            for name, split in (("random", "random"), ("spatial_blocks", "block"))
        }
    codes = run.survey.class_codes
    results = {name: Trial.joined(parts) for name, parts in trials.items()}
    measured = {name: estimates(t.reference, t.mapped, codes) for name, t in results.items()}
    accuracy: dict[str, Any] = {
        "protocol": (
            f"{folds} of {run.survey.samples.folds} folds of each split: layers selected and "
            "model trained without the fold, tested on it; in spatial blocks no training patch "
            "overlaps one that is tested"
        ),
        "splits": {
            name: {**measured[name].to_dict(), "interval": trial.interval()}
            for name, trial in results.items()
        },
        "leakage": _leakage(results["random"], results["spatial_blocks"]),
    }
    run.store.write_json("accuracy.json", accuracy)
    return {
        name: {
            "overall_accuracy": value.overall_accuracy,
            "kappa": value.kappa,
            "macro_f1": value.macro_f1,
        }
        for name, value in measured.items()
    }


@dataclass(frozen=True)
class Trial:
    """Points that were tested: their position in the table, class, class they got, and block."""

    points: npt.NDArray[np.int64]
    reference: npt.NDArray[np.int64]
    mapped: npt.NDArray[np.int64]
    blocks: npt.NDArray[np.int64]

    @classmethod
    def joined(cls, parts: list[Trial]) -> Trial:
        """Several folds as one."""
        return cls(
            np.concatenate([part.points for part in parts]),
            np.concatenate([part.reference for part in parts]),
            np.concatenate([part.mapped for part in parts]),
            np.concatenate([part.blocks for part in parts]),
        )

    @property
    def right(self) -> BoolArray:
        """Whether a point got its class."""
        return np.asarray(self.reference == self.mapped)

    def interval(self) -> list[float]:
        """95 % interval of the overall accuracy, by drawing blocks."""
        return [round(value, 4) for value in block_interval(self.right, self.blocks)]


def _trial(
    run: Run, samples: SampleSet, split: str, fold: int, epochs: int | None, folder: Path
) -> Trial:
    survey, folds = run.survey, samples.folds(split)
    window = window_of(survey.model) if split == "block" else 1
    learnt = training_mask(samples.table, folds, fold, window)
    keep = len(read_selection(run).chosen)
    selection = choose(survey, samples, learnt, keep)
    data, complete = training_data(run, samples, selection.chosen)
    settings = (
        survey.model if epochs is None else survey.model.model_copy(update={"epochs": epochs})
    )
    classifier, _ = train(settings, survey.engine, part_of(data, learnt & complete), None, folder)
    tested = (folds.fold == fold) & complete
    mapped = classes_at(classifier, data.patches[tested])
    blocks = samples.table["block"].to_numpy(np.int64)
    return Trial(np.flatnonzero(tested), samples.codes[tested], mapped, blocks[tested])


def _leakage(random: Trial, blocked: Trial) -> dict[str, Any]:
    """Compare the two splits at the points that both of them tested."""
    _, first, second = np.intersect1d(random.points, blocked.points, return_indices=True)
    return leakage(
        random.reference[first], random.mapped[first], blocked.mapped[second], random.blocks[first]
    ).to_dict()


def classes_at(classifier: Classifier, patches: FloatArray) -> npt.NDArray[np.int64]:
    """Classify the centre pixel of each patch, (n, layer, window, window) to (n,) codes.

    The patches are laid side by side and read as one block: every window-th pixel is a centre.
    """
    window, codes = patches.shape[-1], np.array(classifier.classes, dtype=np.int64)
    parts = []
    for start in range(0, len(patches), POINTS_AT_ONCE):
        part = patches[start : start + POINTS_AT_ONCE]
        block = part.transpose(1, 2, 0, 3).reshape(part.shape[1], window, -1)
        probabilities = classifier.predict(np.ascontiguousarray(block))
        parts.append(codes[probabilities[:, 0, ::window].argmax(axis=0)])
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


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
    """Keep one Ray session over several trainings, where they run on Ray."""
    if survey.model.kind == "resnet50" and survey.engine.training == "ray":
        from minecover.engines.ray import ray_session

        with ray_session(survey.engine):
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
