"""Training a model on a table, on points of a raster or on a labelled raster."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from minecover.api.arguments import about, checked, whole
from minecover.api.labelled_raster import LabelledRaster
from minecover.api.labels import (
    Labels,
    check_no_class,
    given_classes,
    labels_of,
    layers_of,
    values_of,
)
from minecover.api.models import Model
from minecover.api.rasters import ArrayRaster, as_layers, class_codes, on_pixels
from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.engines.settings import EngineSettings
from minecover.engines.threads import limited_threads
from minecover.errors import DataError, SurveyError
from minecover.label_noise.left_out import judge_labels
from minecover.models.data import ModelInputs, TrainingData
from minecover.models.lookup import kind_of, refuse_weights, window_of
from minecover.models.registry import MODELS
from minecover.models.series import SeriesLayout
from minecover.models.settings import ModelSettings
from minecover.models.task import TrainingTask
from minecover.models.tuning import tune_and_train
from minecover.samples.patches import extract

__all__ = ["train"]

FUNCTION = "mc.train"

ARGUMENTS = {
    "samples: ": "",
    "model.kind": "kind",
    "model.window": "window",
    "model.starting_weights": "starting_weights",
    "take it out of `classes`": "leave it out of the samples",
    "`classes`": "the samples",
}


def train(
    samples: pd.DataFrame | xr.DataArray,
    features: xr.DataArray | None = None,
    kind: str = "rf",
    layers: Sequence[str] | None = None,
    seed: int = 0,
    *,
    column: str | None = None,
    classes: Mapping[str, int] | None = None,
    folds: pd.Series | Sequence[int] | None = None,
    threads: int | None = None,
    **options: Any,  # noqa: ANN401
) -> Model:
    """Train a model.

    Parameters
    ----------
    samples
        One of three:

        - a table with a column of the classes and one for each layer, as `run.samples` is;
        - with `features`: points, whose values are drawn from the features, and for networks the
          patches around them: a GeoDataFrame in any CRS, or a table with x and y in that of the
          features;
        - with `features`: a labelled raster, (y, x) codes on the same grid, 0 or NaN where there
          is none. Every labelled pixel is trained on, chunk by chunk, in memory that does not grow
          with the raster; only the kinds `nb` and `ann` can do so.
    features
        (layer, y, x) with the names of the layers as its coordinate `layer`, NumPy or Dask.
    kind
        Of the registry of models: rf, boosting, svm, knn, ann, nb, resnet50, seasons, voting and
        those of installed packages.
    layers
        That the model reads, in this order; None: all of the features, or all columns of numbers
        that are no identifiers, coordinates, classes or folds by their names.
    seed
        The same seed and samples give the same model.
    column
        With the classes, as names or codes; None: `class`, or the `code` and `name` that
        `run.samples` has.
    classes
        Name to code, 1 to 255, in order; None: those of the samples (names have the codes 1, 2 …
        in alphabetical order; a raster names its codes by `flag_values` and `flag_meanings`).
    folds
        Fold of each sample, as of `mc.spatial_folds`: the first is held out from a network once, to
        find how many epochs it is trained and how sure it is made; None: all epochs, not
        calibrated. Other kinds have nothing to find out by them, but with
        ``doubtful_labels="leave_out"``, where models of other folds judge every label.
    threads
        That the training may use; None: all of this machine.
    options
        Further settings of the model: window, width, members, epochs, class_weights and whatever
        else the section `model` of a survey has; `options` for those of the kind alone.

    Returns
    -------
    The model. A point is left out, with a warning, where it lies off the features or lacks a value
    in one of the layers.

    Raises
    ------
    SurveyError
        An argument is unknown or impossible.
    DataError
        The samples are of fewer than two classes, or lack layers.
    """
    with about(FUNCTION, ARGUMENTS):
        settings = checked(ModelSettings, {"kind": kind, "seed": seed, **options})
        if settings.regions is not None:
            raise SurveyError("regions: train one model for the samples of each region")
        refuse_weights(settings)
        if settings.self_training is not None:
            raise SurveyError("self_training: for the ground of a survey; leave it out")
        engine = EngineSettings(training="local", workers=1, threads=_threads(threads))
        if isinstance(samples, xr.DataArray):
            known = None if classes is None else given_classes(classes)
            raster = LabelledRaster.of(samples, as_layers(features, layers), known)
            return _streamed(raster, settings, engine, class_codes(samples))
        if not isinstance(samples, pd.DataFrame):
            raise SurveyError(
                f"samples is a {type(samples).__name__}; give a table of pandas or geopandas, or a "
                "DataArray of labels"
            )
        table = _Table.of(samples, features, settings, layers, column, classes)
        return table.train(settings, engine, folds)


def _threads(given: int | None) -> int:
    if given is not None and whole("threads", given) < 1:
        raise SurveyError(f"threads={given}: give at least 1")
    return given or os.cpu_count() or 1


def _streamed(
    raster: LabelledRaster,
    settings: ModelSettings,
    engine: EngineSettings,
    known: Mapping[str, int],
) -> Model:
    """Train on a labelled raster; `known` is what it calls its classes itself."""
    kind = kind_of(settings)
    if not kind.streams:
        able = ", ".join(other.name for other in MODELS if other.streams)
        raise SurveyError(
            f"kind={settings.kind!r} cannot be trained on a raster of labels: give points, or one "
            f"of the kinds that are trained chunk by chunk: {able}"
        )
    if settings.class_weights != "none" or settings.prior_shift:
        raise SurveyError("class_weights and prior_shift are for points, not for rasters")
    if settings.doubtful_labels != "keep":
        raise SurveyError("doubtful_labels is for points, not for rasters")
    data, counts = raster.sample()
    with tempfile.TemporaryDirectory() as folder:
        task = TrainingTask.of(settings, engine, data, Path(folder))
        classifier = kind.fit_streamed(task, raster.stream(data.classes, counts))
    names = {str(code): name for name, code in known.items()}
    found = raster.named(data.classes)
    named = found if raster.classes else {names.get(name, name): found[name] for name in found}
    return Model(settings.kind, named, classifier)


@dataclass(frozen=True, eq=False)
class _Table:
    """Samples in memory.

    Attributes
    ----------
    labels
        Of the samples.
    patches
        (sample, layer, window, window).
    inputs
        What the model reads.
    """

    labels: Labels
    patches: Float32Array
    inputs: ModelInputs

    @classmethod
    def of(
        cls,
        samples: pd.DataFrame,
        features: xr.DataArray | None,
        settings: ModelSettings,
        layers: Sequence[str] | None,
        column: str | None,
        classes: Mapping[str, int] | None,
    ) -> _Table:
        """Read the classes of samples, and the values of their layers."""
        labels = labels_of(samples, column, classes)
        if features is not None:
            array = as_layers(features, layers)
            patches = _drawn(samples, array, window_of(settings))
            return cls(labels, patches, _inputs(array, settings))
        if kind_of(settings).reads != "pixels":
            raise SurveyError(
                f"kind={settings.kind!r} reads {kind_of(settings).reads}, which a table does "
                "not hold; give the features too, from which they are drawn"
            )
        names = layers_of(samples, layers, labels.column)
        if not names:
            raise SurveyError("samples: no column of layers; give features to draw them from")
        if layers is None:
            check_no_class(samples, names, labels)
        return cls(labels, values_of(samples, names)[:, :, None, None], ModelInputs(names))

    def train(
        self,
        settings: ModelSettings,
        engine: EngineSettings,
        folds: pd.Series | Sequence[int] | None,
    ) -> Model:
        """Train on the samples that are complete."""
        middle = self.inputs.window // 2
        known = np.isfinite(self.patches[:, :, middle, middle])
        complete: BoolArray = np.asarray(known.all(axis=1))
        _warn(complete)
        codes = self.labels.codes[complete]
        data = TrainingData.labelled(
            self.patches[complete], codes, self.inputs, list(self.labels.classes.values())
        )
        lost = [name for name, code in self.labels.classes.items() if code not in data.classes]
        if lost or len(data.classes) < 2:
            raise DataError(
                f"no complete sample of class {', '.join(lost)}: add some, or leave the class out"
                if lost
                else "all samples are of one class; add some of others"
            )
        kept = _folds(folds, complete)
        if settings.doubtful_labels == "leave_out":
            taught = _taught(data, kept, settings, engine)
            data, kept = data.part(taught), kept if kept is None else kept[taught]
        with tempfile.TemporaryDirectory() as folder:
            classifier, _, _ = tune_and_train(settings, engine, data, kept, Path(folder))
        return Model(settings.kind, self.labels.classes, classifier)


def _taught(
    data: TrainingData, folds: Int64Array | None, settings: ModelSettings, engine: EngineSettings
) -> BoolArray:
    """(sample,) those whose labels are not too doubtful to teach; says how many are."""
    if folds is None:
        raise SurveyError(
            "doubtful_labels='leave_out' judges labels by models of other folds; give folds, as "
            "of mc.spatial_folds"
        )
    places, threads = np.arange(len(folds)), engine.cores
    with limited_threads(1):
        judged = judge_labels(
            data.centres, data.labels, folds, places, seed=settings.seed, threads=threads
        )
    out = int(judged.left_out.sum())
    if out:
        warnings.warn(f"{FUNCTION}: {out} samples with doubtful labels left out", stacklevel=4)
    return ~judged.left_out


def _drawn(points: pd.DataFrame, array: xr.DataArray, window: int) -> Float32Array:
    """Patches around points, (point, layer, window, window); NaN for those off the raster."""
    raster = ArrayRaster(array)
    pixels = on_pixels(points, array, "features")
    inside = raster.lie_on(pixels)
    out = np.full((len(points), len(array), window, window), np.nan, dtype=np.float32)
    out[inside] = extract(raster.points(pixels[inside]), raster, window)
    return out


def _inputs(array: xr.DataArray, settings: ModelSettings) -> ModelInputs:
    names, series = ArrayRaster(array).names, None
    if kind_of(settings).reads == "series":
        missing = [name for name in ("season", "feature") if name not in array.coords]
        if missing:
            raise SurveyError(
                f"kind={settings.kind!r} reads series: features need the coordinates season and "
                "feature along layer, as those of a run have"
            )
        seasons = [str(name) or None for name in array["season"].values]
        features = [str(name) for name in array["feature"].values]
        places = tuple(zip(seasons, features, strict=True))
        series = SeriesLayout(places, tuple(dict.fromkeys(s for s in seasons if s is not None)))
    return ModelInputs(names, window_of(settings), series)


def _warn(complete: BoolArray) -> None:
    left = int((~complete).sum())
    if left:
        warnings.warn(
            f"{FUNCTION}: {left} of {len(complete)} samples lie off the features or lack a value "
            "in one of the layers: left out",
            stacklevel=4,
        )


def _folds(folds: pd.Series | Sequence[int] | None, complete: BoolArray) -> Int64Array | None:
    if folds is None:
        return None
    found = np.asarray(folds)
    if found.shape != complete.shape:
        raise SurveyError(f"folds: {len(found)} of them for {len(complete)} samples")
    if found.dtype.kind not in "iuf" or (found % 1 != 0).any():
        raise SurveyError("folds: give a whole number for each sample, as of mc.spatial_folds")
    return found[complete].astype(np.int64)
