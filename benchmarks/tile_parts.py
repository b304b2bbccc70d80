"""What the prediction of a tile is made of, and what bfloat16 changes.

``python -m benchmarks.tile_parts SURVEY --truth FILE`` takes a survey whose model, one network, is
trained. It reads the upper half of a tile on one thread, part by part, in both precisions and with
the same weights, and compares the classes with each other and with a raster of the true ones. Then
it trains without the first of the spatial folds, in both precisions, and reads the points of that
fold. Written for processor seconds: the machine may be at other work, which slows down products of
matrices, too, whose rate is given with the table.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import numpy as np
import rasterio
import torch

from minecover.arrays import Float32Array, Int64Array
from minecover.engines.threads import limited_threads
from minecover.geography.grid import Grid, Tile
from minecover.models.classifier import read_object
from minecover.models.lookup import load_classifier
from minecover.models.network import layers as network_layers
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.training import train
from minecover.prediction.applicability import Applicability
from minecover.prediction.blocks import predict_blocks
from minecover.prediction.map_layers import map_arrays, map_layers
from minecover.samples.sample_set import SampleSet
from minecover.selection.result import Selection
from minecover.stages.features import open_features
from minecover.storage.names import SELECTION_FILE
from minecover.storage.store import Store
from minecover.survey import Survey, load
from minecover.survey.grid import survey_grid
from minecover.survey.model_inputs import model_inputs
from minecover.validation.holdout import Holdout, buffer_of

PRECISIONS = ("float32", "bfloat16")
WHOLE = 2**40
"""Bytes of a strip that is a block."""

MATRIX = 2048

T = TypeVar("T")


@dataclass
class Parts:
    """Processor time by part, microseconds a pixel."""

    seconds: dict[str, float]

    def take(self, name: str, call: Callable[[], T], pixels: int) -> T:
        """Call, and note what it takes."""
        start = time.thread_time()
        found = call()
        self.seconds[name] = (time.thread_time() - start) / pixels * 1e6
        return found


def measured(survey: Survey, store: Store, grid: Grid, parts: Parts) -> dict[str, Int64Array]:
    """Predict the upper half of the first tile; classes by precision."""
    model = load_classifier(store)
    assert isinstance(model, NetworkClassifier)
    applicability, tile = Applicability.load(store), Tile(0, 0)
    window, halo = grid.window(tile), model.halo
    features = open_features(store, survey, None, grid)
    read = partial(features.read, window.pad(halo), model.layers, mirror=True)
    seen = parts.take("reading features, with the halo", read, window.shape[0] * window.shape[1])
    seen = seen[:, : window.shape[0] // 2 + 2 * halo]
    inner = seen[:, halo:-halo, halo:-halo]
    pixels, classes = inner[0].size, {}
    for precision in PRECISIONS:
        reader = replace(model, precision=precision)
        reader.network.eval()  # built before it is timed
        for name, strip in (("whole", WHOLE), ("strips", network_layers.STRIP_BYTES)):
            with patch.object(network_layers, "STRIP_BYTES", strip):
                part = f"network, {precision}, {name}"
                found = parts.take(part, partial(predict_blocks, reader, seen, 0), pixels)
        classes[precision] = np.array(model.classes)[found.argmax(axis=0)]
        _multiply(precision, parts)
    unlike = parts.take("dissimilarity", lambda: applicability.dissimilarity(inner), pixels)
    maps = partial(map_layers, found, model.classes, unlike)
    maps()  # compiled, or loaded, before it is timed
    layers = parts.take("classes, entropy", maps, pixels)
    whole = np.concatenate([layers, layers], axis=1)  # a tile is written as one
    parts.take("writing, of a whole tile", lambda: _write(survey, grid, tile, whole), 2 * pixels)
    return classes


def _write(survey: Survey, grid: Grid, tile: Tile, layers: Float32Array) -> None:
    with tempfile.TemporaryDirectory() as folder:
        arrays = map_arrays(survey.prediction, survey.class_codes)
        Store(folder).create_layers("map.zarr", grid, arrays, {}).write_tile(grid, tile, layers)


def _multiply(precision: str, parts: Parts) -> None:
    """Note what a million multiplications and additions of a product of matrices take."""
    left, right = torch.randn(2, MATRIX, MATRIX).to(getattr(torch, precision))
    product = partial(torch.matmul, left, right)
    parts.take(f"a million steps of a product, {precision}", product, MATRIX**3 // 10**6)


def blocked(survey: Survey, store: Store, grid: Grid) -> Iterator[str]:
    """Train without a spatial fold in both precisions; how many of its points are right."""
    selection = Selection.from_json(read_object(store, SELECTION_FILE).decode())
    inputs = model_inputs(survey, selection.chosen, selection.names)
    samples = SampleSet.read(store)
    out = Holdout.of_fold(samples, samples.folds("block"), 0, buffer_of("block", inputs.window))
    data = out.data(
        inputs, tuple(survey.class_codes.values()), partial(open_features, store, survey)
    )
    for precision in PRECISIONS:
        settings = survey.model.replace(precision=precision)
        start = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            model, _ = train(settings, survey.engine, data.training, None, Path(folder))
        taken = time.process_time() - start
        assert isinstance(model, NetworkClassifier)
        right = {
            reading: (data.mapped(replace(model, precision=reading)) == data.test.codes).mean()
            for reading in PRECISIONS
        }
        shown = ", ".join(f"read in {reading} {share:.4f}" for reading, share in right.items())
        yield f"trained in {precision} ({taken:.0f} s): {shown} of {len(data.test)} points right"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("survey", type=Path)
    parser.add_argument("--store")
    parser.add_argument("--truth", type=Path, required=True)
    given = parser.parse_args()
    survey = load(given.survey, store=given.store)
    store, grid, parts = Store(survey.store), survey_grid(survey), Parts({})
    with limited_threads(1):
        classes = measured(survey, store, grid, parts)
    for name, taken in parts.seconds.items():
        print(f"{name}: {taken:.2f} µs a pixel")
    with rasterio.open(given.truth) as source:
        rows, columns = classes["float32"].shape
        truth = source.read(1)[:rows, :columns]
    for precision, found in classes.items():
        print(f"{precision}: {(found == truth).mean():.4f} of {found.size:,} pixels right")
    print(f"{(classes['float32'] != classes['bfloat16']).mean():.4%} of the pixels differ")
    for line in blocked(survey, store, grid):
        print(line, flush=True)


if __name__ == "__main__":
    main()
