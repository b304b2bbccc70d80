"""Memory and time of predicting a raster of any size lazily, and of training on every pixel of one.

``python -m benchmarks.large_rasters predict nb 10000`` predicts 10,000 x 10,000 pixels of ten
layers that are drawn when they are read, and reduces the map to areas; ``zarr`` writes it in place
of that, ``fit`` trains on as many labelled pixels. The seconds come out, and the highest memory of
the process in MiB. Without arguments all cases are measured, each in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import dask
import dask.array as da
import numpy as np
import rioxarray  # noqa: F401  (gives arrays their .rio)
import xarray as xr

import minecover as mc
from benchmarks.bench_classical import CLASSES, LAYERS, samples
from benchmarks.row import Aim, Row, show
from minecover.engines.machine import peak_memory

CHUNK = 1024
"""Edge in pixels of the chunks of the features: a tile of a survey."""

TREES = 10
"""Of the random forest: 500 would take two hours."""

THREADS = 2


def features(edge: int) -> xr.DataArray:
    """Layers of noise, drawn chunk by chunk; the first seventh of the rows is nodata."""
    shape, chunks = (LAYERS, edge, edge), (LAYERS, CHUNK, CHUNK)
    noise = da.random.default_rng(0).normal(1.4, 1.2, shape, chunks=chunks).astype(np.float32)
    rows = da.arange(edge, chunks=CHUNK)[None, :, None]
    values = da.where(rows < edge // 7, np.float32(np.nan), noise)
    coords = {
        "layer": [f"layer{number}" for number in range(LAYERS)],
        "y": 10.0 * np.arange(edge, 0, -1),
        "x": 10.0 * np.arange(edge),
    }
    return xr.DataArray(values, coords, ("layer", "y", "x")).rio.write_crs("EPSG:32633")


def model(kind: str) -> mc.Model:
    """Train on a table; of a forest keep few trees."""
    trained = mc.train(samples(), kind=kind, threads=THREADS)
    if kind == "rf":
        forest = trained.classifier.estimator
        forest.estimators_ = forest.estimators_[:TREES]
    return trained


def predict(kind: str, edge: int) -> None:
    """Predict, and count the pixels of each class."""
    found = model(kind).predict(features(edge))
    sums = [(found.landuse.data == code).sum() for code in range(1, CLASSES + 1)]
    counts = dask.compute(*sums, da.nansum(found.entropy.data), da.nanmean(found.probability.data))
    assert sum(counts[:CLASSES]) == edge * (edge - edge // 7)


def zarr(kind: str, edge: int) -> None:
    """Predict into a Zarr."""
    with tempfile.TemporaryDirectory() as folder:
        model(kind).predict(features(edge)).to_zarr(folder, consolidated=False)


def fit(kind: str, edge: int) -> None:
    """Train on every pixel that has a label."""
    layers = features(edge)
    labels = (layers.isel(layer=0, drop=True) > 1.4).astype(np.uint8) + 1
    assert len(mc.train(labels, layers, kind=kind, threads=THREADS).classes) == 2


WORK: dict[str, Callable[[str, int], None]] = {"predict": predict, "zarr": zarr, "fit": fit}

CASES = (
    ("predict", "nb", 3_000),
    ("predict", "nb", 10_000),
    ("predict", "rf", 10_000),
    ("zarr", "nb", 10_000),
    ("fit", "nb", 3_000),
    ("fit", "nb", 10_000),
)
"""What is measured: memory must not grow with the edge."""

TEXTS = {
    "predict": "predict, reduce to areas",
    "zarr": "predict into a Zarr",
    "fit": "train on every pixel",
}

MOST = 1536
"""MiB that a process may take."""


def measured(what: str, kind: str, edge: int) -> Row:
    """Do one thing in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.large_rasters", what, kind, str(edge)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    seconds, peak = json.loads(answer)
    name = f"{kind} of {TREES} trees" if kind == "rf" else kind
    return Row(
        f"{TEXTS[what]}, {name}", f"{LAYERS} x {edge} x {edge}", f"minecover, {THREADS} threads",
        seconds, edge**2 / seconds / 1e6, aim=Aim(f"{MOST} MiB: {peak:,.0f}", peak < MOST),
    )  # fmt: skip


def run() -> list[Row]:
    """Measure every case."""
    return [measured(*case) for case in CASES]


def main(what: str, kind: str, edge: str) -> None:
    """Do one thing and print the seconds and MiB that it took."""
    start = time.perf_counter()
    with dask.config.set(num_workers=THREADS):
        WORK[what](kind, int(edge))
    print(json.dumps([time.perf_counter() - start, peak_memory() / 2**20]))


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) > 1 else show(run())
