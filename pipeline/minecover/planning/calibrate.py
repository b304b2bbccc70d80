"""Measure on this machine what a survey's work takes, on two small simulated districts.

The districts are mapped by the command line itself, in processes of their own, with the survey's
layers, features, selection, model and threads; their ledgers and the processes' resident sizes are
what the constants are made of. What does not depend on the size is told apart by the second
district, of one small tile.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import psutil
import yaml

from minecover.demo import build_district
from minecover.errors import MinecoverError
from minecover.planning.actual import cores_of, tile_markers
from minecover.planning.constants import Constants, Cost, Memory, cost_key
from minecover.planning.disk import disk_rates
from minecover.planning.memory import layers_mib
from minecover.planning.traffic import SOURCE
from minecover.planning.work import Workload, units, workload
from minecover.run import TILE_STAGES, Run, Stage
from minecover.sources.manifest import Manifest
from minecover.store import Store
from minecover.survey import Survey, load
from minecover.testing.stages import Silent

__all__ = ["calibrate", "fitted"]

SMALL = 96
"""Edge in pixels of the smallest district that can be drawn."""

LARGEST_TILE = 256
"""Edge of a tile that is calibrated on; costs of larger ones grow with their pixels."""

EPOCHS = 3
"""Epochs a network is trained here: the others cost the same."""

GROUPS = ("cube", "features", "train", "predict", "publish")
"""Commands, each with what it needs before it: a process for each, to see its memory."""

SMALL_POINTS = 4.0
"""Factor on the points of the small district, which else has the fewest that can be."""


@dataclass(frozen=True)
class Measured:
    """What mapping one district took.

    Attributes
    ----------
    survey, work
        What was done.
    core_seconds
        By stage.
    tiles
        Core-seconds of the first tile of a stage, and the mean of the others.
    peaks
        Highest resident MiB of the process, by command.
    stored
        Bytes by stage; under `SOURCE` the bytes of a native pixel in the catalog's files.
    """

    survey: Survey
    work: Workload
    core_seconds: dict[str, float]
    tiles: dict[str, tuple[float, float]]
    peaks: dict[str, float]
    stored: dict[str, float]


def calibrate(survey: Survey, stages: Sequence[Stage], say: Callable[[str], None]) -> Constants:
    """Measure the constants of a survey on this machine.

    Parameters
    ----------
    survey
        Whose layers, model and threads are taken.
    stages
        Of a run.
    say
        Told what goes on.

    Raises
    ------
    MinecoverError
        A stage failed here.
    """
    tile = min(survey.grid.tile, LARGEST_TILE)
    with tempfile.TemporaryDirectory(prefix="minecover-calibrate-") as scratch:
        folder = Path(scratch)
        say(f"mapping a simulated district of one tile of {SMALL} pixels")
        small = _measure(survey, folder / "small", SMALL, SMALL, SMALL_POINTS, stages)
        edge = max(2 * tile, SMALL + 32)
        say(f"mapping one of {edge} x {edge} pixels in tiles of {tile}")
        scale = (512 / edge) ** 2  # as many points as a whole district has
        large = _measure(survey, folder / "large", edge, tile, scale, stages)
    say("measuring the disk")
    write, read = disk_rates(Store(survey.store))
    return Constants(
        machine=machine(),
        measured=date.today().isoformat(),
        device=_device(survey),
        costs=_costs(small, large),
        memory=_memory(small, large),
        stored=_stored(large),
        write_rate=write,
        read_rate=read,
    )


def fitted(small: tuple[float, float], large: tuple[float, float]) -> Cost:
    """Draw the line through two pairs of units and core-seconds.

    Where the larger took no longer, or the line starts below nothing, all of its time counts as
    proportional: the plan then errs on the high side for large areas.
    """
    (few, short), (many, long) = small, large
    rate = (long - short) / (many - few) if many > few else 0.0
    fixed = short - rate * few
    if rate <= 0 or fixed < 0:
        return Cost(rate=long / many)
    return Cost(fixed=fixed, rate=rate)


def machine() -> str:
    """Describe this machine in a few words."""
    names = {
        line.partition(":")[2].strip()
        for line in _cpu_lines()
        if line.startswith(("model name", "Processor"))
    }
    memory = psutil.virtual_memory().total / 2**30
    return f"{' and '.join(sorted(names)) or 'CPU'}, {os.cpu_count()} cores, {memory:.0f} GiB"


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _device(survey: Survey) -> Literal["cpu", "cuda"]:
    if survey.model.kind != "resnet50":
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _measure(
    survey: Survey, folder: Path, edge: int, tile: int, points: float, stages: Sequence[Stage]
) -> Measured:
    district = build_district(folder, size=edge, points_scale=points)
    trial = _trial_survey(survey, load(district.survey), tile)
    path = folder / "trial.yaml"
    path.write_text(yaml.safe_dump(trial.model_dump(mode="json")), encoding="utf-8")
    peaks = {group: _run_command(group, path) for group in GROUPS}
    run = Run(trial, Silent(), stages)
    manifest = Manifest.load(run.store)
    chosen = len(run.facts()["select"]["facts"]["chosen"])
    work = workload(trial, run.grid, manifest, chosen)
    whole = {
        name: marker["seconds"] * cores_of(name, trial) for name, marker in run.facts().items()
    }
    tiles = {name: _tile_seconds(run, name) for name in TILE_STAGES}
    native = sum(a.shape[0] * a.shape[1] for item in manifest.found for a in item.assets.values())
    stored = {
        stage: _size(folder / "store" / name)
        for stage, name in (
            ("cube", "cube.zarr"),
            ("features", "features.zarr"),
            ("predict", "map.zarr"),
            ("publish", "products"),
        )
    }
    stored[SOURCE] = _size(district.catalog.parent, "*.tif") / native
    return Measured(trial, work, whole, tiles, peaks, stored)


def _trial_survey(survey: Survey, simulated: Survey, tile: int) -> Survey:
    """Make the simulated district's survey as like the person's as it can be."""
    dates = list(simulated.seasons.values())
    seasons = {name: dates[n % len(dates)] for n, name in enumerate(survey.seasons)}
    sources = {
        name: getattr(simulated.sources, name) if name in survey.present_sources() else None
        for name in ("sentinel1", "terrain", "night_lights")
    }
    optical = simulated.sources.sentinel2.model_copy(
        update={"composite": survey.sources.sentinel2.composite}
    )
    model = {"epochs": min(survey.model.epochs, EPOCHS), "members": 1}
    workers = max(1, min(survey.engine.workers, (os.cpu_count() or 1) // survey.engine.threads))
    # in this process: a cluster's start is no part of a tile, and its memory not a worker's
    engine = {"tiles": "local", "prediction": "local", "workers": workers, "training_workers": 1}
    smoothness = survey.prediction.smoothness
    if isinstance(smoothness, dict):  # of classes that the district does not have
        smoothness = max(smoothness.values())
    changes: dict[str, Any] = {
        "grid": simulated.grid.model_copy(update={"tile": tile}),
        "seasons": seasons,
        "sources": simulated.sources.model_copy(update={**sources, "sentinel2": optical}),
        "features": survey.features,
        "selection": survey.selection,
        "model": survey.model.model_copy(update=model),
        "prediction": survey.prediction.model_copy(update={"smoothness": smoothness}),
        "assessment": survey.assessment,
        "samples": simulated.samples.model_copy(update={"folds": min(survey.samples.folds, 5)}),
        "engine": survey.engine.model_copy(
            update={**engine, "ray_address": None, "dask_address": None}
        ),
    }
    return simulated.model_copy(update=changes)


def _run_command(stage: str, path: Path) -> float:
    """Run `minecover STAGE` in a process of its own; return its highest resident MiB.

    Raises
    ------
    MinecoverError
        It failed.
    """
    code = "from minecover.cli import main; main()"
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            [sys.executable, "-c", code, stage, str(path)], stdout=told, stderr=told
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            told.seek(0)
            last = told.read().decode(errors="replace").strip()[-2000:]
            raise MinecoverError(f"calibrate: `minecover {stage}` failed on the district:\n{last}")
    return usage.ru_maxrss / 1024


def _tile_seconds(run: Run, stage: str) -> tuple[float, float]:
    """Core-seconds of the first tile, and the mean of the others (of the first if alone)."""
    layout = run.ledger.layout(stage)
    assert layout is not None  # the stage is done
    marks = next(m for m in run.ledger.all_marks(stage) if m.mark == layout["fingerprint"])
    markers = sorted(tile_markers(marks)[0], key=lambda marker: float(marker["at"]))
    seconds = [marker["facts"]["seconds"] * cores_of(stage, run.survey) for marker in markers]
    others = seconds[1:] or seconds
    return seconds[0], sum(others) / len(others)


def _costs(small: Measured, large: Measured) -> dict[str, Cost]:
    few, many = (units(item.survey, item.work) for item in (small, large))
    costs = {}
    for stage, taken in large.core_seconds.items():
        key = cost_key(stage, large.survey)
        if stage in TILE_STAGES:
            first, others = large.tiles[stage]
            rate = others * large.work.tiles / many[stage]
            costs[key] = Cost(fixed=max(0.0, first - others), rate=rate)
        else:
            costs[key] = fitted((few[stage], small.core_seconds[stage]), (many[stage], taken))
    return costs


def _memory(small: Measured, large: Measured) -> dict[str, Memory]:
    """Draw the line through the peaks of the two sizes of tiles."""
    few, many = layers_mib(small.survey), layers_mib(large.survey)
    memory = {}
    for stage in TILE_STAGES:
        slope = max(0.0, (large.peaks[stage] - small.peaks[stage]) / (many - few))
        key = cost_key(stage, large.survey)
        memory[key] = Memory(base=large.peaks[stage] - slope * many, slope=slope)
    return memory


def _stored(large: Measured) -> dict[str, float]:
    work = large.work
    layers = {
        "cube": work.cube_layers,
        "features": work.feature_layers,
        "predict": work.map_layers,
        "publish": 1,
    }
    per = {stage: large.stored[stage] / work.pixels / count for stage, count in layers.items()}
    return {**per, SOURCE: large.stored[SOURCE]}


def _size(folder: Path, pattern: str = "*") -> float:
    return float(sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file()))
