"""The layers of the map: class, entropy, dissimilarity and the probability of each class."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from minecover.arrays import Float32Array
from minecover.engines.compiled import compiled, read_only
from minecover.prediction.applicability import Applicability
from minecover.prediction.settings import PredictionSettings
from minecover.samples.regions import Regions
from minecover.storage.canonical_json import Json
from minecover.storage.names import probability_layers
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
        probability_layers(classes),
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
    entropy = np.empty(nodata.shape, np.float32)
    _entropy(read_only(probabilities), entropy)
    derived = [best, entropy]
    derived += [] if dissimilarity is None else [dissimilarity]
    layers = np.stack(derived).astype(np.float32)
    layers[:, nodata] = np.nan
    return np.concatenate([layers, probabilities])


@compiled
def _entropy(probabilities: Float32Array, out: Float32Array) -> None:
    """Entropy in bits of each pixel, (class, y, x) to (y, x).

    In float64: NumPy's logarithm of float32 has another last digit where a processor has AVX-512.
    """
    classes, height, width = probabilities.shape
    bits = np.empty(width, np.float64)
    for y in range(height):
        bits[:] = 0.0
        for n in range(classes):
            row = probabilities[n, y]
            for x in range(width):
                share = np.float64(row[x])
                if share > 0.0:
                    bits[x] -= share * math.log2(share)
        for x in range(width):
            out[y, x] = max(bits[x], 0.0)
