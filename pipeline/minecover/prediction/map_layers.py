"""The layers of the map: class, entropy, dissimilarity and the probability of each class."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from minecover.arrays import Float32Array
from minecover.prediction.applicability import Applicability
from minecover.prediction.settings import PredictionSettings
from minecover.samples.regions import Regions
from minecover.storage.canonical_json import Json
from minecover.storage.raster_array import RasterArray
from minecover.storage.store import Store

__all__ = ["map_arrays", "map_attributes", "map_layers"]


def map_arrays(settings: PredictionSettings, classes: Mapping[str, int]) -> tuple[RasterArray, ...]:
    """Arrays of `map.zarr`: landuse, entropy, dissimilarity (y, x); probability (class, y, x).

    Their layers are called as they are, those of the last probability_NAME.

    Parameters
    ----------
    settings
        Dissimilarity is there unless they leave it out.
    classes
        Code of each class by name, in the survey's order.
    """
    codes = list(classes.values())
    landuse = {
        "long_name": "most probable class of land use",
        "units": "1",
        "flag_values": [float(code) for code in codes],
        "flag_meanings": " ".join(classes),
        "valid_min": float(min(codes)),
        "valid_max": float(max(codes)),
    }
    entropy = {
        "long_name": "entropy of the classes' probabilities",
        "units": "bit",
        "valid_min": 0.0,
        "valid_max": math.log2(len(codes)),
    }
    arrays = [
        RasterArray("landuse", ("landuse",), attributes=landuse),
        RasterArray("entropy", ("entropy",), attributes=entropy),
    ]
    if settings.applicability:
        text = "dissimilarity to the labelled points in the model's layers"
        dissimilarity = {"long_name": text, "units": "1", "valid_min": 0.0}
        arrays.append(RasterArray("dissimilarity", ("dissimilarity",), attributes=dissimilarity))
    probability = RasterArray(
        "probability",
        tuple(f"probability_{name}" for name in classes),
        {"class": tuple(classes)},
        {"long_name": "probability of a class", "units": "1", "valid_min": 0.0, "valid_max": 1.0},
    )
    return (*arrays, probability)


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
