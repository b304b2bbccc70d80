"""The stages that learn: select and train."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.accuracy.calibration import fit_temperature
from minecover.errors import DataError
from minecover.features.computed import open_features
from minecover.ledger import Marks
from minecover.models import Classifier, History, TrainingData, train, window_of
from minecover.models.ensemble import Ensemble
from minecover.models.resnet50 import ResNet50Classifier
from minecover.prediction.applicability import Applicability
from minecover.regions import survey_regions
from minecover.run import Facts, Run
from minecover.samples import Points, extract
from minecover.sampling import SampleSet
from minecover.selection import Selection, select
from minecover.store import Store
from minecover.survey import Survey

__all__ = ["select_layers", "train_model"]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

POINTS_AT_ONCE = 256
"""Patches that are read together."""

STABILITY_RESAMPLES = 4
"""Choices from resampled points that the stability of the selection is told from."""


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
    """Take some of the samples, and of the classes those that they are of."""
    present, labels = np.unique(data.labels[use], return_inverse=True)
    classes = tuple(data.classes[position] for position in present)
    return replace(data, patches=data.patches[use], labels=labels, classes=classes)


def train_model(run: Run, mark: str) -> Facts:
    """Train one model, or one a region, each on all of its points; `model/`.

    What was trained for this mark before the driver died is not trained again.
    """
    samples, selection = SampleSet.read(run), read_selection(run)
    regions = survey_regions(run.survey, run.grid)
    # of this edition alone: a model of points that were withdrawn is not taken up
    marks = Marks(run.store, "train", f"{mark}-{run.editions.known['train']}")
    if not any(True for _ in marks.names("done")):
        for old in run.ledger.all_marks("train"):
            old.delete()
        run.store.delete("model/")
        regions.save(run.store)
    told: dict[str, Facts] = {}
    with learning_session(run.survey), checkpoints(run) as folder:
        for number, (name, part, _) in enumerate(samples.regions()):
            known = marks.done(str(number))
            told[name] = known or _train_region(
                run, part, selection, regions.prefix(number), folder
            )
            marks.finish(str(number), told[name])
    marks.delete()  # what is done again is trained again
    if len(regions) == 1:
        return next(iter(told.values()))
    parts = told.values()
    facts: Facts = {name: sum(part[name] for part in parts) for name in ("samples", "incomplete")}
    if run.survey.model.kind == "resnet50":
        # of all trainings together, as the plan counts them
        epochs = sum(part["epochs"] * part["samples"] for part in parts) / facts["samples"]
        facts["epochs"] = round(epochs)
    return {**facts, "regions": told}


def _train_region(
    run: Run, samples: SampleSet, selection: Selection, prefix: str, folder: Path
) -> Facts:
    """Train on all points of a region, as long and as sure as a blocked fold held back asks for."""
    survey = run.survey
    data, complete = training_data(run, samples, selection.chosen)
    used = part_of(data, complete)
    lost = {data.classes[position] for position in data.labels} - set(used.classes)
    if lost:
        raise DataError(
            f"samples: every point of class {', '.join(map(str, sorted(lost)))} lacks one of the "
            "chosen layers; add points of it, or fill gaps with features.fill: year"
        )
    folds = samples.folds("block").fold[complete]
    facts: Facts = {"samples": int(complete.sum()), "incomplete": int((~complete).sum())}
    tuned, fold = Tuning(survey.model.epochs, 1.0), _telling_fold(used, folds)
    if survey.model.kind == "resnet50" and fold is not None:
        tuned, history = _tune(survey, used, folds == fold, folder)
        facts["best_epoch"] = history.best_epoch
        facts["history"] = list(history.records)
        if history.start is not None:
            left_out = history.start["left_out"]
            facts |= {"starting_weights": dict(history.start)}
            facts |= {"tensors_taken": history.start["taken"], "not_taken": len(left_out)}
    if survey.model.kind == "resnet50":
        facts |= asdict(tuned)
    classifier = train_tuned(survey, tuned, used, folder)
    scores = dict(zip(selection.names, selection.combined, strict=True))
    importance = np.array([scores[name] for name in used.layers])
    applicability = Applicability.fit(used.centres, used.layers, importance, folds)
    classifier.save(run.store, prefix)
    applicability.save(run.store, prefix)
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


def _telling_fold(data: TrainingData, folds: npt.NDArray[np.int64]) -> int | None:
    """Find the first fold without which every class still has points; None: there is none."""
    for fold in np.unique(folds):
        if len(np.unique(data.labels[folds != fold])) == len(data.classes):
            return int(fold)
    return None


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
