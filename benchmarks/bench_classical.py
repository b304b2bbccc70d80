"""Classical models read over pixels: minecover against dask-ml and joblib around scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import dask
import dask.array as da
import joblib
import numpy as np
import pandas as pd
from dask_ml.wrappers import ParallelPostFit

import minecover as mc
from benchmarks.row import Row, in_turns, show
from minecover.arrays import Float32Array

POINTS, LAYERS, CLASSES = 2870, 10, 6
"""Points of the paper (Liu et al. 2025), on ten layers."""

BLOCK, CHUNK = 64 * 64, 8192
"""Pixels that a run reads together; pixels of a task of the peers."""

SIZES = {
    "nb": 64 * BLOCK, "ann": 64 * BLOCK, "knn": 8 * BLOCK, "rf": 2 * BLOCK, "boosting": 4 * BLOCK,
}  # fmt: skip

THREADS = 2


def samples() -> pd.DataFrame:
    """Points of classes that overlap."""
    rng = np.random.default_rng(0)
    codes = rng.integers(1, CLASSES + 1, POINTS)
    values = rng.normal(0, 1, (POINTS, LAYERS)) + 0.4 * codes[:, None]
    return pd.DataFrame(values, columns=[f"layer{n}" for n in range(LAYERS)]).assign(code=codes)


def reading(kind: str) -> list[Row]:
    """Read pixels block by block as a run does, and by the peers, in turns."""
    model = mc.train(samples(), kind=kind, threads=THREADS).classifier
    estimator = model.estimator
    rng = np.random.default_rng(1)
    pixels = rng.normal(0, 1, (SIZES[kind], LAYERS)).astype(np.float32)
    blocks = np.split(pixels, len(pixels) // BLOCK)
    wrapped = ParallelPostFit(estimator, predict_proba_meta=np.empty((0, CLASSES)))

    def parallel(part: Float32Array, threads: int) -> object:
        rows = da.from_array(part, chunks=(CHUNK, LAYERS))
        with dask.config.set(num_workers=threads):
            return wrapped.predict_proba(rows).compute(scheduler="threads")

    def threaded() -> object:
        parts = [pixels[start : start + CHUNK] for start in range(0, len(pixels), CHUNK)]
        jobs = (joblib.delayed(estimator.predict_proba)(part) for part in parts)
        return joblib.Parallel(THREADS, backend="threading")(jobs)

    calls: dict[str, Callable[[], object]] = {
        "minecover": lambda: [model.probabilities(block) for block in blocks],
        "dask-ml, block by block": lambda: [parallel(block, 1) for block in blocks],
        "dask-ml, 2 threads": lambda: parallel(pixels, THREADS),
        "joblib, 2 threads": threaded,
    }
    seconds = in_turns(list(calls.values()), repeats=3)
    return [
        Row(
            f"{kind}, {LAYERS} layers",
            f"{len(pixels):,} px",
            peer,
            taken,
            len(pixels) / taken / 1e6,
            None if peer == "minecover" else taken / seconds[0],
        )
        for peer, taken in zip(calls, seconds, strict=True)
    ]


def run() -> list[Row]:
    """Measure every kind."""
    return [row for kind in SIZES for row in reading(kind)]


if __name__ == "__main__":
    show(run())
