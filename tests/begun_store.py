"""A store whose survey has samples and a choice of layers, for the tests of what is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from minecover.samples.sample_set import parquet_bytes
from minecover.selection.result import Selection
from minecover.storage.names import (
    FORMAT,
    SAMPLES_FILE,
    SELECTION_FILE,
    SURVEY_FILE,
    TEXTURE_RANGE_FILE,
)
from minecover.storage.store import Store


def begin_store(store: Store, samples: pd.DataFrame, name: str = "small") -> None:
    """Write who the store is of, and its samples."""
    place = {"affine": [1, 0, 0, 0, -1, 0], "crs": "EPSG:32633", "shape": [1, 1], "tile": 64}
    identity = {"format": FORMAT, "grid": place, "minecover": "0", "name": name}
    store.write_json(SURVEY_FILE, identity)
    store.write_json(TEXTURE_RANGE_FILE, {"texture_range": [0.0, 1.0]})
    store.write(SAMPLES_FILE, parquet_bytes(samples))


def choose_layers(store: Store, layers: Sequence[str]) -> None:
    """Write a selection that has chosen all layers, the first as the best."""
    nothing: dict[str, Any] = dict.fromkeys(("redundant", "curve", "stability", "dropped"), ())
    ranks = tuple(range(1, len(layers) + 1))
    known = {"names": tuple(layers), "rank": ranks, "chosen": tuple(layers)}
    scores = {"combined": tuple(1.0 / rank for rank in ranks), "scores": {}, "ranks": {}}
    selection = Selection(**{**nothing, "settings": {}, **known, **scores})
    store.write(SELECTION_FILE, selection.to_json().encode())
