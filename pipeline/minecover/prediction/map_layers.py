"""The layers of the map: class, entropy, dissimilarity and the probability of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minecover.arrays import Float32Array
from minecover.prediction.applicability import Applicability
from minecover.prediction.settings import PredictionSettings
from minecover.samples.regions import Regions
from minecover.storage.canonical_json import Json
from minecover.storage.store import Store

__all__ = ["map_attributes", "map_layer_names", "map_layers"]


def map_layer_names(settings: PredictionSettings, classes: Sequence[str]) -> tuple[str, ...]:
    """Layers of `map.zarr`: landuse, entropy, dissimilarity, probability_NAME of each class.

    The classes, given by their names, keep their order; dissimilarity is there unless the settings
    leave it out.
    """
    derived = ("landuse", "entropy", *["dissimilarity"] * settings.applicability)
    return (*derived, *(f"probability_{name}" for name in classes))


def map_attributes(store: Store, settings: PredictionSettings) -> dict[str, Json]:
    """Attributes of `map.zarr`: the threshold of its dissimilarity, where it has that layer.

    Models of several regions have thresholds of their own; each pixel's dissimilarity is then
    given as a multiple of its region's, and the threshold of the map is 1.
    """
    if not settings.applicability:
        return {}
    if len(Regions.load(store)) > 1:
        return {"applicability_threshold": 1.0}
    return {"applicability_threshold": Applicability.load(store).threshold}


def map_layers(
    probabilities: Float32Array, classes: tuple[int, ...], dissimilarity: Float32Array | None = None
) -> Float32Array:
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
