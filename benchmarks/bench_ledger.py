"""What the ledger and the driver cost: kernels are stubbed, everything else is real.

`python -m benchmarks.bench_ledger [TILES ...]` drives that many tiles through one stage on a local
folder, each number in a process of its own, and prints for each the overhead a tile, the memory of
the driver, and how long it takes to find a finished stage done.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path

import psutil

from benchmarks.row import Aim
from minecover.ledger.markers import Ledger
from minecover.ledger.status import survey_status
from minecover.storage.store import Store
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run

TILES = (1_000, 100_000)
OVERHEAD_MS, RESUME_S, GROWTH_MIB, DRIVER_MIB = 20.0, 30.0, 64.0, 1024.0
MIB = 2**20


@dataclass(frozen=True)
class Figures:
    """Of one number of tiles.

    Attributes
    ----------
    tiles
        How many.
    overhead_ms
        Of a tile: lease, marker, driver.
    grid_mib, end_mib
        Resident memory when the grid is laid, and at the end.
    resume_s
        Until a finished stage whose marker was removed is found done.
    status_s
        Of `minecover status`.
    """

    tiles: int
    overhead_ms: float
    grid_mib: float
    end_mib: float
    resume_s: float
    status_s: float


def resident() -> float:
    """MiB of this process."""
    return float(psutil.Process().memory_info().rss) / MIB


def measure(tiles: int, engine: str = "local") -> Figures:
    """Drive a stage of about `tiles` tiles, then resume it, then read its status."""
    edge = ceil(sqrt(tiles))
    with tempfile.TemporaryDirectory() as folder:
        survey = tile_survey(folder, edge, edge, tiles=engine)
        run = Run(survey, number_stages(writes=False), Silent())
        run.until("catalog")
        count, laid = len(run.grid.tiles), resident()
        start = time.perf_counter()
        run.until("cube")
        driven = time.perf_counter() - start
        end = resident()
        Ledger(Store(folder)).reopen_stage("cube")
        start = time.perf_counter()
        Run(survey, number_stages(writes=False), silent := Silent()).until("cube")
        resumed = time.perf_counter() - start
        assert not silent.counts
        start = time.perf_counter()
        survey_status(Store(folder), ["cube"])
        read = time.perf_counter() - start
    return Figures(count, 1000 * driven / count, laid, end, resumed, read)


def in_own_process(tiles: int, engine: str = "local") -> Figures:
    """Measure where nothing was allocated before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (tiles, engine))


def show(figures: Figures) -> None:
    """Print one line."""
    print(
        f"{figures.tiles:9,} tiles: {figures.overhead_ms:6.2f} ms a tile; memory "
        f"{figures.grid_mib:5.0f} MiB with the grid, {figures.end_mib:5.0f} at the end; "
        f"found done in {figures.resume_s:6.2f} s; status in {figures.status_s:5.2f} s",
        flush=True,
    )


def aims(few: Figures, many: Figures) -> list[tuple[str, Aim]]:
    """Hold what was reached against what was aimed for."""
    growth = many.end_mib - few.end_mib
    return [
        ("overhead", Aim(f"under {OVERHEAD_MS:g} ms a tile", many.overhead_ms < OVERHEAD_MS)),
        ("resume", Aim(f"under {RESUME_S:g} s", many.resume_s < RESUME_S)),
        ("driver", Aim(f"under {DRIVER_MIB:g} MiB", many.end_mib < DRIVER_MIB)),
        (f"growth {growth:.0f} MiB", Aim(f"under {GROWTH_MIB:g} MiB", growth < GROWTH_MIB)),
    ]


def main() -> None:
    """Measure and compare the fewest tiles with the most."""
    numbers = [int(text) for text in sys.argv[1:]] or list(TILES)
    print(f"{Path(__file__).name}: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    all_figures = [in_own_process(number) for number in sorted(numbers)]
    for figures in all_figures:
        show(figures)
    for what, aim in aims(all_figures[0], all_figures[-1]):
        print(f"{what:20} {aim.text:24} {'met' if aim.met else 'MISSED'}")


if __name__ == "__main__":
    main()
