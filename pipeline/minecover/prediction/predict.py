"""Prediction of one tile: class, entropy, dissimilarity and the probability of each class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from minecover.engines.base import TileFacts
from minecover.engines.machine import free_memory
from minecover.engines.threads import limited_threads
from minecover.errors import DataError, StoreError
from minecover.features.computed import open_features
from minecover.geography.grid import Grid, Tile, Window
from minecover.models.classifier import Classifier
from minecover.models.lookup import load_classifier
from minecover.prediction.applicability import Applicability
from minecover.prediction.smoothing import Smoothing
from minecover.samples.regions import Regions
from minecover.storage.canonical_json import Json
from minecover.storage.names import FEATURES_RASTER, MAP_RASTER
from minecover.storage.raster import Raster, positions_of
from minecover.storage.store import Layers, Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

__all__ = ["PredictJob", "map_attributes", "map_layer_names", "map_layers", "predict_blocks"]

FloatArray = npt.NDArray[np.float32]

MEMORY_SHARE = 0.25
"""Share of the memory available to a worker that a block's prediction may take."""


def map_layer_names(survey: Survey) -> tuple[str, ...]:
    """Layers of `map.zarr`: landuse, entropy, dissimilarity, probability_NAME of each class.

    The classes come in their order; dissimilarity is there unless the survey leaves it out.
    """
    derived = ("landuse", "entropy", *["dissimilarity"] * survey.prediction.applicability)
    return (*derived, *(f"probability_{item.name}" for item in survey.classes))


def map_attributes(store: Store, survey: Survey) -> dict[str, Json]:
    """Attributes of `map.zarr`: the threshold of its dissimilarity, where it has that layer.

    Models of several regions have thresholds of their own; each pixel's dissimilarity is then
    given as a multiple of its region's, and the threshold of the map is 1.
    """
    if not survey.prediction.applicability:
        return {}
    if len(Regions.load(store)) > 1:
        return {"applicability_threshold": 1.0}
    return {"applicability_threshold": Applicability.load(store).threshold}


def map_layers(
    probabilities: FloatArray, classes: tuple[int, ...], dissimilarity: FloatArray | None = None
) -> FloatArray:
    """Derive the layers of the map.

    Parameters
    ----------
    probabilities
        (class, y, x), NaN where nodata.
    classes
        Codes of the classes.
    dissimilarity
        (y, x) dissimilarity index; None: no such layer.

    Returns
    -------
    (2 or 3 + class, y, x) float32: the code of the most probable class (the first of equals), the
    entropy -sum p log2 p in bits, the dissimilarity, the probabilities; NaN where nodata.
    """
    nodata = np.isnan(probabilities[0])
    filled = np.where(nodata, 0.0, probabilities)
    best = np.array(classes, dtype=np.float32)[filled.argmax(axis=0)]
    logs = np.log2(filled, out=np.zeros_like(filled), where=filled > 0)
    entropy = -(filled * logs).sum(axis=0)
    derived = [best, np.maximum(entropy, 0.0)]
    derived += [] if dissimilarity is None else [dissimilarity]
    layers = np.stack(derived).astype(np.float32)
    layers[:, nodata] = np.nan
    return np.concatenate([layers, probabilities])


def predict_blocks(classifier: Classifier, features: FloatArray, memory: int) -> FloatArray:
    """Predict a raster block by block.

    Parameters
    ----------
    classifier
        Read at every pixel.
    features
        (layer, y + 2 halo, x + 2 halo), NaN where nodata.
    memory
        Bytes that a block's prediction may take; the result does not depend on it.

    Returns
    -------
    (class, y, x) probabilities.
    """
    halo = classifier.halo
    whole = Window(0, features.shape[1] - 2 * halo, 0, features.shape[2] - 2 * halo)
    out = np.empty((len(classifier.classes), *whole.shape), dtype=np.float32)
    for block in _blocks(whole, block_edge(classifier, memory)):
        rows, columns = block.slices
        read = features[:, block.y0 : block.y1 + 2 * halo, block.x0 : block.x1 + 2 * halo]
        out[:, rows, columns] = classifier.predict(read)
    return out


def block_edge(classifier: Classifier, memory: int) -> int:
    """Edge in pixels of a block whose prediction takes at most `memory` bytes; at least 1."""
    read = int((memory / classifier.pixel_bytes) ** 0.5)
    return int(np.clip(read - 2 * classifier.halo, 1, classifier.largest_block))


def _blocks(whole: Window, edge: int) -> Iterator[Window]:
    for y in range(0, whole.y1, edge):
        for x in range(0, whole.x1, edge):
            yield Window(y, y + edge, x, x + edge).clip(whole.y1, whole.x1)


@dataclass(frozen=True)
class _Model:
    """Model of a region, as a worker's process keeps it between tiles.

    Attributes
    ----------
    classifier, smoothing, applicability
        The last two None where the survey leaves them out.
    classes
        Codes of the survey's classes, of which the classifier may know only some.
    threshold
        Dissimilarity is divided by it.
    """

    classifier: Classifier
    smoothing: Smoothing | None
    applicability: Applicability | None
    classes: tuple[int, ...]
    threshold: float

    def predict(self, raster: Raster, window: Window, memory: int) -> tuple[FloatArray, FloatArray]:
        """Layers of the map in a window, and the features that they are of."""
        smoothing, classifier = self.smoothing, self.classifier
        halo = classifier.halo + (0 if smoothing is None else smoothing.halo)
        features = raster.read(window.pad(halo), classifier.layers, mirror=True)
        told = predict_blocks(classifier, features, memory)
        told = told if smoothing is None else smoothing(told)
        rows, columns = (slice(halo, halo + size) for size in window.shape)
        own, dissimilarity = features[:, rows, columns], None
        if self.applicability is not None:
            dissimilarity = self.applicability.dissimilarity(own)
            dissimilarity /= np.float32(self.threshold)
        probabilities = np.where(np.isnan(told[0]), np.float32(np.nan), np.float32(0.0))
        probabilities = np.repeat(probabilities[None], len(self.classes), axis=0)
        probabilities[[self.classes.index(code) for code in classifier.classes]] = told
        return map_layers(probabilities, self.classes, dissimilarity), own


@dataclass(frozen=True)
class _Place:
    """What a worker's process keeps between tiles.

    Attributes
    ----------
    grid, features
        What is read.
    targets
        What is written: the map, and the features where they are kept beside it.
    regions, models
        Each region with its model.
    """

    grid: Grid
    features: Raster
    targets: tuple[Layers, ...]
    regions: Regions
    models: tuple[_Model, ...]

    def predict(self, window: Window, memory: int) -> list[FloatArray]:
        """Give what is written of a window to each target, each pixel by its region's model."""
        region = self.regions.over(self.grid, window)
        written = [
            np.full((len(target.names), *window.shape), np.nan, dtype=np.float32)
            for target in self.targets
        ]
        for number in np.unique(region[region >= 0]):
            here = region == number
            rows, columns = (np.flatnonzero(here.any(axis=axis)) for axis in (1, 0))
            y0, y1, x0, x1 = (int(n) for n in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1))
            part = Window(window.y0 + y0, window.y0 + y1, window.x0 + x0, window.x0 + x1)
            told = self.models[number].predict(self.features, part, memory)
            for out, layers in zip(written, told, strict=False):
                np.copyto(out[:, y0:y1, x0:x1], layers, where=here[y0:y1, x0:x1])
        return written


@dataclass(frozen=True)
class PredictJob:
    """Predict a tile of the features into `map.zarr`.

    Attributes
    ----------
    store_url
        The store, with features, an empty map of `map_layer_names` and the model.
    survey
        Gives grid, classes, smoothing and engine.
    mark
        Fingerprint of the stage: a worker that holds another's model loads this one's.
    memory
        Bytes that a worker may use for a block; None: a quarter of what is available, shared
        among the workers of the machine.
    """

    store_url: str
    survey: Survey
    mark: str = ""
    memory: int | None = None

    def __hash__(self) -> int:
        return hash((self.store_url, self.survey.name, self.mark))

    def __call__(self, tile: Tile) -> TileFacts:
        """Predict and write one tile.

        Raises
        ------
        DataError
            The features do not fit the model.
        """
        place = _open(self)
        count = self.survey.engine.threads
        classifiers = [model.classifier for model in place.models]
        memory = self.memory or available_memory(classifiers, self.survey.engine.workers)
        with limited_threads(count):
            written = place.predict(place.grid.window(tile), memory)
        for target, layers in zip(place.targets, written, strict=True):
            target.write_tile(place.grid, tile, layers)
        landuse = written[0][0]
        return {"pixels": landuse.size, "nodata_share": round(float(np.isnan(landuse).mean()), 6)}


def available_memory(classifiers: Iterable[Classifier], workers: int) -> int:
    """Bytes that one of `workers` on this machine, or in this container, may use for a block."""
    devices = (classifier.device_memory for classifier in classifiers)
    free = min([free_memory(), *(size for size in devices if size is not None)])
    return int(MEMORY_SHARE * free / workers)


@cache
def _open(job: PredictJob) -> _Place:
    store, survey = Store(job.store_url), job.survey
    grid, regions = survey_grid(survey), Regions.load(store)
    features = open_features(store, survey, grid)
    models = tuple(_load(job, store, features, regions, n) for n in range(len(regions)))
    kept = (FEATURES_RASTER,) if survey.features.keep == "selected" else ()
    targets = tuple(store.layers(name) for name in (MAP_RASTER, *kept))
    return _Place(grid, features, targets, regions, models)


def _load(job: PredictJob, store: Store, features: Raster, regions: Regions, number: int) -> _Model:
    """Read the model of a region, and hold it against features and survey."""
    prefix, settings = regions.prefix(number), job.survey.prediction
    classifier = load_classifier(store, prefix).with_reading(job.survey.model.reading)
    try:
        positions_of(classifier.layers, features.names, job.store_url)
    except StoreError as error:
        raise DataError(f"{error}; train again on these features") from error
    expected = tuple(item.code for item in job.survey.classes)
    told = classifier.classes
    if not (set(told) <= set(expected) if len(regions) > 1 else told == expected):
        raise DataError(
            f"{job.store_url}/{prefix}: it tells classes {told} apart, the survey "
            f"has {expected}; train again"
        )
    applicability, threshold = None, 1.0
    if settings.applicability:
        applicability = Applicability.load(store, prefix)
        if applicability.layers != classifier.layers:
            raise DataError(f"{job.store_url}/{prefix}: parts of two models; train again")
        if len(regions) > 1:
            threshold = applicability.threshold
    smoothing = None
    if settings.smoothing:
        smoothing = Smoothing.of(job.survey, classes=classifier.classes)
    return _Model(classifier, smoothing, applicability, expected, threshold)
