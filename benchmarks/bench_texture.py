"""GLCM texture against scikit-image and GRASS r.texture: 32 levels, 4 directions, 5 features."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmarks.row import Row, in_turns, show
from skimage.feature import graycomatrix, graycoprops

from minecover.features import FloatArray, Texture, quantise

SIDE = 1024
AIMS = {5: (10.0, "10 Mpx/s"), 7: (7.0, "7 Mpx/s"), 11: (4.0, "4 Mpx/s")}
ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
PROPERTIES = ("ASM", "entropy", "contrast", "homogeneity", "correlation")


def scene(side: int = SIDE) -> FloatArray:
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


def window_rows(window: int) -> list[Row]:
    """Ours on one and two threads, and both peers on parts of the scene they can finish."""
    band = scene()
    ours, twice = Texture(0.0, 1.0, window), Texture(0.0, 1.0, window, threads=2)
    pixels = (SIDE - window + 1) ** 2 / 1e6
    one, two = in_turns([lambda: ours(band[None]), lambda: twice(band[None])])
    what, size = f"GLCM, window {window}", f"{SIDE} x {SIDE}"
    aim = AIMS[window][1]
    rows = [
        Row(what, size, "minecover", one, pixels / one, 1.0, aim, "one thread"),
        Row(
            what, size, "minecover, 2 threads", two, pixels / two, one / two, "1.8 x one thread", ""
        ),
    ]
    part = quantise(band[: 40 + window - 1, : 40 + window - 1].copy(), 0.0, 1.0, 32)
    start = time.perf_counter()
    scikit_image(part, window)
    slow = time.perf_counter() - start
    rate = 40 * 40 / 1e6 / slow
    goal = "17,000 x" if window == 5 else ""
    rows.append(Row(what, "40 x 40", "scikit-image loop", slow, rate, pixels / one / rate, goal))
    if shutil.which("grass"):
        part = quantise(band[:256, :256].copy(), 0.0, 1.0, 32)
        seconds = grass_seconds(part, window)
        rate = 256 * 256 / 1e6 / seconds
        goal = "130 x" if window == 5 else ""
        ratio = pixels / one / rate
        rows.append(Row(what, "256 x 256", "GRASS r.texture", seconds, rate, ratio, goal))
    return rows


def run() -> list[Row]:
    """Measure all windows."""
    return [row for window in AIMS for row in window_rows(window)]


if __name__ == "__main__":
    show(run())
