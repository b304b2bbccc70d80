"""Run every benchmark and write ``benchmarks/RESULTS.md``.

``python -m benchmarks bench_season`` runs one, and writes its section anew.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from benchmarks import (
    bench_classical,
    bench_composite,
    bench_indices,
    bench_lazy,
    bench_map_page,
    bench_network,
    bench_relieff,
    bench_season,
    bench_terrain,
    bench_texture,
    large_rasters,
)
from benchmarks.row import Row, show
from minecover.engines.machine import describe

KERNELS = {
    "From images to a season's cube (processor seconds; over a network, seconds)": bench_season,
    "Texture (GLCM, 32 levels, 4 directions averaged, 5 features)": bench_texture,
    "Spectral indices and tasselled cap": bench_indices,
    "The Python face over Dask, against the same kernels tile by tile": bench_lazy,
    "Terrain": bench_terrain,
    "Composites over time": bench_composite,
    "Relief-F": bench_relieff,
    "The network, on two threads": bench_network,
    "Classical models, read over pixels": bench_classical,
    "The map page, in Chromium": bench_map_page,
    "Rasters larger than memory, lazily (highest memory of the process)": large_rasters,
}
RESULTS = Path(__file__).parent / "RESULTS.md"
PACKAGES = (
    "numpy", "numba", "llvmlite", "scikit-image", "xarray", "dask", "skrebate", "fast-select",
    "torch", "scikit-learn", "dask-ml", "rasterio", "odc-stac", "stackstac",
)  # fmt: skip
COLUMNS = ("what", "size", "peer", "median, s", "Mpx/s", "ratio", "aim", "met")
INTRODUCTION = """\
# Kernels against their peers

Written by `make bench` (`python -m benchmarks`). Every figure is the median of several calls in
wall-clock time, peers in turns with ours in one process; ours and peers run on one thread unless
a row says otherwise, and all are compiled before they are timed. A ratio says how many times
faster than the peer of that row minecover is; on two threads, how many times faster than on one.
"""


def grass_version() -> str:
    """Version of GRASS, or a line that says it is missing."""
    if not shutil.which("grass"):
        return "absent: its rows are left out (Debian: apt-get install grass-core)"
    answer = subprocess.run(["grass", "--version"], check=True, capture_output=True, text=True)
    return (answer.stdout or answer.stderr).splitlines()[0]


def machine(load: float) -> list[str]:
    """Describe the machine and the versions; `load` is its load average at the start."""
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return [
        f"- Machine: {describe()}; load average {load:.1f} "
        "at the start (0 is a quiet machine, and other work slows what is below)",
        f"- Python {platform.python_version()}, {versions}",
        f"- GRASS: {grass_version()}",
    ]


def table(rows: Sequence[Row]) -> list[str]:
    """Lay out rows as a Markdown table, then the notes of those that have one."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    for row in rows:
        rate = "" if row.rate is None else f"{row.rate:,.4g}"
        ratio = "" if row.ratio is None else f"{row.ratio:,.4g}"
        aim, met = ("", "") if row.aim is None else (row.aim.text, "yes" if row.aim.met else "no")
        cells = (row.what, row.size, row.peer, f"{row.median_s:.4g}", rate, ratio, aim, met)
        lines.append("| " + " | ".join(cells) + " |")
    notes = [f"- {row.what}, {row.peer}: {row.note}." for row in rows if row.note]
    return [*lines, "", *notes]


def section(title: str, module: ModuleType) -> list[str]:
    """Measure one section and lay it out."""
    rows = module.run()
    show(rows)
    return [f"## {title}", "", *table(rows), ""]


def main() -> None:
    """Measure everything and write the results beside this file."""
    load, start = os.getloadavg()[0], time.perf_counter()
    sections = [line for title, kernel in KERNELS.items() for line in section(title, kernel)]
    minutes = (time.perf_counter() - start) / 60
    about = [*machine(load), f"- The whole run took {minutes:.1f} minutes", ""]
    RESULTS.write_text("\n".join([INTRODUCTION, *about, *sections]).rstrip() + "\n")
    print(f"wrote {RESULTS.name}")


def only(name: str) -> None:
    """Measure one section, by the name of its module, and replace it in the results."""
    title, kernel = next(
        (title, kernel)
        for title, kernel in KERNELS.items()
        if kernel.__name__ == f"benchmarks.{name}"
    )
    load = os.getloadavg()[0]
    heading, blank, *lines = section(title, kernel)
    note = (
        f"Measured by itself (`python -m benchmarks {name}`), load average {load:.1f} at the start."
    )
    head, *others = RESULTS.read_text().rstrip().split("\n## ")
    found = {text.partition("\n")[0]: text for text in others}
    found[title] = "\n".join([heading, blank, note, "", *lines]).removeprefix("## ").rstrip() + "\n"
    order = [found[title] for title in KERNELS if title in found]
    RESULTS.write_text("\n## ".join([head, *order]).rstrip() + "\n")
    print(f"wrote the section of {name} in {RESULTS.name}")


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else only(sys.argv[1])
