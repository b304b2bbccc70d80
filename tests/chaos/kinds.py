"""Every kind of model on imitated processors: how far apart are its probabilities?

    PYTHONPATH=pipeline:tests python -m chaos.kinds --kinds nb knn svm ann

A simulated raster of 64 x 64 pixels and eight layers, of which 300 pixels are labelled with five
classes, is trained on and read in a process for each processor. That is a small part of what
`chaos.matrix` runs, and takes a minute.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import rioxarray  # noqa: F401  brings `.rio`
import xarray as xr

import minecover as mc
from chaos.processors import AVX2, PLAIN, check_imitation
from chaos.tallies import keep_section
from services.runs import environment

__all__ = ["simulated"]

Probabilities = npt.NDArray[np.float32]

PROCESSORS = {"this processor": {}, "AVX2": AVX2, "without AVX": PLAIN}
KINDS = ("rf", "nb", "knn", "svm", "ann", "resnet50")
NETWORK = {"epochs": 3, "window": 9}
EDGE, LAYERS, POINTS, CLASSES = 64, 8, 300, 5


def simulated() -> tuple[xr.DataArray, pd.DataFrame]:
    """Simulate a raster (layer, y, x) whose classes overlap, and labelled pixels of it."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:EDGE, :EDGE] // 8
    codes = (rows * 3 + columns * 5) % CLASSES
    means = rng.normal(size=(CLASSES, LAYERS))
    values = means[codes] + rng.normal(scale=0.8, size=(EDGE, EDGE, LAYERS))
    place = 5.0 + 10.0 * np.arange(EDGE)
    raster = xr.DataArray(
        np.moveaxis(values, -1, 0).astype(np.float32),
        {"layer": [f"L{n}" for n in range(LAYERS)], "y": 640.0 - place, "x": place},
        ("layer", "y", "x"),
    ).rio.write_crs("EPSG:32649")
    at = rng.choice(EDGE * EDGE, POINTS, replace=False)
    row, column = np.divmod(at, EDGE)
    points = {"x": place[column], "y": 640.0 - place[row], "class": codes[row, column] + 1}
    return raster, pd.DataFrame(points)


def _read(kinds: list[str], to: Path) -> None:
    """Train and read in this process; probabilities by kind, in one file."""
    raster, points = simulated()
    found = {}
    for kind in kinds:
        options = NETWORK if kind == "resnet50" else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of points at the edge, which have no whole patch
            model = mc.train(points, raster, kind, threads=1, **options)
        found[kind] = model.predict(raster)["probability"].values
    check_imitation()
    np.savez(to, **found)


def _said(found: Probabilities, first: Probabilities) -> str:
    classes = int((found.argmax(axis=0) != first.argmax(axis=0)).sum())
    other = int((found != first).sum())
    if not other:
        return "none"
    off = np.nanmax(np.abs(found - first))
    return (
        f"{other:,} of {first.size:,} probabilities by up to {off:.2g}; "
        f"{classes} of {first[0].size:,} classes"
    )


def main() -> int:
    """Run every kind of model on each processor."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--out", type=Path, help="Markdown of which one section is replaced")
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.to:
        _read(given.kinds, given.to)
        return 0
    text = table(_runs(given.kinds), given.kinds)
    if given.out:
        keep_section(given.out, "Kinds of models", text)
    print(text)
    return 0


def _runs(kinds: Sequence[str]) -> dict[str, dict[str, Probabilities]]:
    """Probabilities of each kind by processor."""
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, variables in PROCESSORS.items():
            to = Path(folder) / f"{name}.npz"
            command = [sys.executable, __file__, "--to", str(to), "--kinds", *kinds]
            subprocess.run(command, env={**environment(), **variables}, check=True)
            with np.load(to) as kept:
                runs[name] = dict(kept)
    return runs


def table(runs: Mapping[str, Mapping[str, Probabilities]], kinds: Sequence[str]) -> str:
    """Say what differs from the first processor, in Markdown."""
    first, *others = runs
    lines = [
        f"Every kind of model trained by one thread on {POINTS} pixels of a simulated raster "
        f"({LAYERS} layers, {CLASSES} classes that overlap, {EDGE} x {EDGE} pixels) and read on "
        "it, on imitated processors. `python -m chaos.kinds`.",
        "",
        f"| model | {' | '.join(others)} |",
        "|---|" + "---|" * len(others),
    ]
    for kind in kinds:
        said = [_said(runs[name][kind], runs[first][kind]) for name in others]
        lines.append(f"| {kind} | {' | '.join(said)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
