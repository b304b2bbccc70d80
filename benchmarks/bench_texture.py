"""GLCM texture against scikit-image and GRASS r.texture: 32 levels, 4 directions, 5 features."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from skimage.feature import graycomatrix, graycoprops

from benchmarks.row import Aim, Row, in_turns, on_two_threads, show
from minecover.arrays import Float32Array
from minecover.features._texture_counts import (
    change_of_sums,
    code_pairs,
    empty_counts,
    sum_pairs,
)
from minecover.features.texture import Texture, quantise

SIDE = 1024
SIZE = f"{SIDE} x {SIDE}"
AIMS = {5: 10.0, 7: 7.0, 11: 4.0}
"""Mpx/s on one thread, by window."""

AIMED_AT = {"loop": 0.00057, "r.texture": 0.073}
"""Mpx/s of the peers at window 5 on the machine whose ratios became the aims."""

ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
PROPERTIES = ("ASM", "entropy", "contrast", "homogeneity", "correlation")


def scene(side: int = SIDE) -> Float32Array:
    """Make a band with the texture of fields and edges: smooth ground, steps and noise."""
    rng = np.random.default_rng(7)
    coarse = rng.random((side // 32 + 1, side // 32 + 1)).repeat(32, 0).repeat(32, 1)
    return (0.7 * coarse[:side, :side] + 0.3 * rng.random((side, side))).astype(np.float32)


def scikit_image(levels: npt.NDArray[np.uint8], window: int) -> float:
    """Run the definition, a loop over windows; returns the last value."""
    value = 0.0
    for y in range(levels.shape[0] - window + 1):
        for x in range(levels.shape[1] - window + 1):
            part = levels[y : y + window, x : x + window]
            matrix = graycomatrix(part, [1], ANGLES, levels=32, symmetric=True, normed=True)
            value = sum(float(graycoprops(matrix, name).mean()) for name in PROPERTIES)
    return value


def grass_seconds(levels: npt.NDArray[np.uint8], window: int) -> float:
    """Seconds r.texture takes for the same features, without reading and writing files."""
    with tempfile.TemporaryDirectory() as folder:
        ascii_map = Path(folder) / "levels.txt"
        rows, columns = levels.shape
        head = f"north: {rows}\nsouth: 0\neast: {columns}\nwest: 0\nrows: {rows}\ncols: {columns}\n"
        body = "\n".join(" ".join(map(str, row)) for row in levels.tolist())
        ascii_map.write_text(head + body + "\n")
        script = Path(folder) / "run.sh"
        script.write_text(
            f"r.in.ascii input={ascii_map} output=g --quiet\ng.region raster=g\n"
            "start=$(date +%s.%N)\n"
            f"r.texture input=g output=t size={window} distance=1 "
            "method=asm,entr,contrast,idm,corr --quiet\n"
            f"echo $start $(date +%s.%N) > {folder}/times\n"
        )
        command = ["grass", "--tmp-location", "XY", "--exec", "bash", str(script)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LANG": "C"})
        start, stop = (float(t) for t in (Path(folder) / "times").read_text().split())
    return stop - start


def windows_a_second(window: int) -> Row:
    """Ours on one thread, and how much of it is keeping counts up to date."""
    band, kernel = scene(), Texture(0.0, 1.0, window)
    levels = quantise(band, 0.0, 1.0, 32)
    offsets = np.array(kernel.offsets, np.int64)
    empty, change = empty_counts(32), change_of_sums()
    side = SIDE - window + 1
    codes = np.empty((SIDE + window, SIDE), np.uint64)
    code_pairs(levels, offsets, empty.size // 4, codes)
    sums = np.empty((side, 4, side), np.int64)
    whole, counting = in_turns(
        [
            lambda: kernel(band[None]),
            lambda: sum_pairs(codes, window, offsets, empty, change, sums),
        ]
    )
    rate, changes = side**2 / 1e6 / whole, 8 * window - 6
    note = (
        f"the {changes} counts that change from one window to the next take "
        f"{counting / whole:.0%} of the time, {counting / side**2 / changes * 1e9:.2f} ns each; "
        "the rest is coding pairs, box sums and features"
    )
    aim = Aim.at_least(AIMS[window], rate, "Mpx/s")
    return Row(f"GLCM, window {window}", SIZE, "minecover", whole, rate, None, aim, note)


def against_scikit_image(window: int, ours: float) -> Row:
    """Time the definition on 40 x 40 windows; `ours` is our rate."""
    part = quantise(scene()[: 40 + window - 1, : 40 + window - 1].copy(), 0.0, 1.0, 32)
    start = time.perf_counter()
    scikit_image(part, window)
    slow = time.perf_counter() - start
    rate = 40 * 40 / 1e6 / slow
    aim = Aim.at_least(17_000, ours / rate, "x") if window == 5 else None
    what = f"GLCM, window {window}"
    note = f"one run{beside_aim('loop', rate) if aim else ''}"
    return Row(what, "40 x 40", "scikit-image loop", slow, rate, ours / rate, aim, note)


def beside_aim(peer: str, rate: float) -> str:
    """Say how much faster a peer is here than where its ratio became an aim."""
    then = AIMED_AT[peer]
    return (
        f"; the aim was set where it made {then} Mpx/s, and this machine runs it "
        f"{rate / then:.1f} times as fast"
    )


def against_grass(window: int, ours: float) -> Row:
    """Time r.texture on 256 x 256 pixels; `ours` is our rate."""
    part = quantise(scene()[:256, :256].copy(), 0.0, 1.0, 32)
    seconds = statistics.median(grass_seconds(part, window) for _ in range(3))
    rate = 256 * 256 / 1e6 / seconds
    aim = Aim.at_least(130, ours / rate, "x") if window == 5 else None
    what = f"GLCM, window {window}"
    note = f"three runs{beside_aim('r.texture', rate) if aim else ''}"
    return Row(what, "256 x 256", "GRASS r.texture", seconds, rate, ours / rate, aim, note)


def window_rows(window: int) -> list[Row]:
    """Ours on one and two threads, and both peers on parts of the scene they can finish."""
    band = scene()[None]
    one, two = Texture(0.0, 1.0, window), Texture(0.0, 1.0, window, threads=2)
    rows = [windows_a_second(window)]
    rate = rows[0].rate or 0.0
    rows.append(against_scikit_image(window, rate))
    if shutil.which("grass"):
        rows.append(against_grass(window, rate))
    pixels = (SIDE - window + 1) ** 2 / 1e6
    what = f"GLCM, window {window}"
    rows.append(on_two_threads(what, SIZE, lambda: one(band), lambda: two(band), pixels))
    return rows


def run() -> list[Row]:
    """Measure all windows."""
    return [row for window in AIMS for row in window_rows(window)]


if __name__ == "__main__":
    show(run())
