"""A simulated district mapped as a survey would have it, and what that took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from minecover.demo.district import build_district
from minecover.engines.local import in_this_process
from minecover.errors import MinecoverError
from minecover.ledger.invalidation import current_markers
from minecover.planning.actual import cores_of, tile_markers
from minecover.planning.traffic import SOURCE
from minecover.planning.work import learned, workload
from minecover.settings import Section
from minecover.sources.chosen import SourceSettings
from minecover.sources.manifest import Manifest
from minecover.sources.registry import sources_of
from minecover.survey import Survey, load
from minecover.workflow.cost import Workload
from minecover.workflow.stage import Stage, Workspace

__all__ = ["Measured", "map_district"]

EPOCHS = 3
"""Epochs a network is trained here: the others cost the same."""


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
    learning
        Core-seconds of learning from one point in one epoch; None: the model is no network.
    spread
        Seconds of every tile by stage.
    """

    survey: Survey
    work: Workload
    core_seconds: dict[str, float]
    tiles: dict[str, tuple[float, float]]
    peaks: dict[str, float]
    stored: dict[str, float]
    learning: float | None
    spread: dict[str, list[float]]


def map_district(
    survey: Survey, folder: Path, edge: int, tile: int, points: float, stages: Sequence[Stage]
) -> Measured:
    """Draw a district and map it, command by command, each in a process of its own.

    Parameters
    ----------
    survey
        Whose layers, model and threads are taken.
    folder
        Where everything goes; not there yet.
    edge, tile
        Of the district and of its tiles in pixels.
    points
        Factor on the points that a district of 512 pixels has.
    stages
        Of a run.

    Raises
    ------
    MinecoverError
        A stage failed.
    """
    district = build_district(folder, size=edge, points_scale=points)
    trial = _trial_survey(survey, load(district.survey), tile)
    path = folder / "trial.yaml"
    path.write_text(yaml.safe_dump(trial.model_dump(mode="json")), encoding="utf-8")
    peaks = {group: _run_command(group, path) for group in _commands(trial, stages)}
    workspace = Workspace(trial, stages)
    manifest = Manifest.load(workspace.store)
    work = workload(
        trial, workspace.grid, {"": manifest}, learned(workspace, workspace.order.names)
    )
    whole = {
        name: marker["seconds"] * cores_of(name, trial)
        for name, marker in workspace.facts().items()
    }
    native = sum(a.shape[0] * a.shape[1] for item in manifest.found for a in item.assets.values())
    stored = {
        stage.name: sum(_size(folder / "store" / name) for name in stage.writes)
        for stage in stages
        if stage.writes
    }
    stored[SOURCE] = _size(district.catalog.parent, "*.tif") / native
    spread = {name: _tile_times(workspace, name) for name in workspace.tile_stages}
    tiles = {name: _first_and_others(trial, name, spread[name]) for name in workspace.tile_stages}
    return Measured(trial, work, whole, tiles, peaks, stored, _learning(workspace), spread)


def _commands(survey: Survey, stages: Sequence[Stage]) -> list[str]:
    """Name the commands that get a process of their own, to see the memory of each.

    They are the stages of tiles, what comes right before one (so that it is not done in the same
    process), and the last; the first is too small to matter.
    """
    tiled = [stage.has_tiles(survey) for stage in stages]
    before = [False, *(a and not b for a, b in zip(tiled[2:], tiled[1:-1], strict=True)), True]
    return [s.name for s, own, next_ in zip(stages, tiled, before, strict=True) if own or next_]


def _trial_survey(survey: Survey, simulated: Survey, tile: int) -> Survey:
    """Make the simulated district's survey as like the person's as it can be."""
    dates = list(simulated.seasons.values())
    seasons = {name: dates[n % len(dates)] for n, name in enumerate(survey.seasons)}
    workers = max(1, min(survey.engine.workers, (os.cpu_count() or 1) // survey.engine.threads))
    smoothness = survey.prediction.smoothness
    if isinstance(smoothness, dict):  # of classes that the district does not have
        smoothness = max(smoothness.values())
    return simulated.replace(
        grid__tile=tile,
        seasons=seasons,
        sources=_trial_sources(survey, simulated),
        features=survey.features.replace(keep="all"),
        selection=survey.selection,
        model=survey.model.replace(
            epochs=min(survey.model.epochs or EPOCHS, EPOCHS), members=1, regions=None
        ),
        prediction=survey.prediction.replace(smoothness=smoothness),
        assessment=survey.assessment,
        samples__folds=min(survey.samples.folds, 5),
        # a cluster's start is no part of a tile, and its memory not a worker's
        engine=in_this_process(survey.engine).replace(
            workers=workers, training_workers=1, ray_address=None, dask_address=None
        ),
    )


def _trial_sources(survey: Survey, simulated: Survey) -> SourceSettings:
    """Take the survey's sources that the district has too, with as much to compute for an item."""
    sections: dict[str, Section] = {}
    for source in sources_of(survey.sources):
        if source.name in simulated.sources:
            work = {key: getattr(source.settings, key) for key in source.work_keys}
            sections[source.name] = simulated.sources[source.name].replace(**work)
    return SourceSettings(sections)


def _run_command(stage: str, path: Path) -> float:
    """Run `minecover STAGE` in a process of its own; return its highest resident MiB.

    Raises
    ------
    MinecoverError
        It failed.
    """
    code = "from minecover.commands.app import main; main()"
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code, stage, str(path)], stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            last = output.read().decode(errors="replace").strip()[-2000:]
            raise MinecoverError(f"calibrate: `minecover {stage}` failed on the district:\n{last}")
    return usage.ru_maxrss / 1024


def _tile_times(workspace: Workspace, stage: str) -> list[float]:
    """Seconds of the tiles of a stage, in the order in which they ended."""
    tiles = current_markers(workspace.ledger, stage)
    assert tiles is not None  # the stage is done
    markers = sorted(tile_markers(tiles)[0], key=lambda marker: float(marker["at"]))
    return [float(marker["facts"]["seconds"]) for marker in markers]


def _first_and_others(survey: Survey, stage: str, times: list[float]) -> tuple[float, float]:
    """Core-seconds of the first tile, and the mean of the others (of the first if alone)."""
    seconds = [time * cores_of(stage, survey) for time in times]
    others = seconds[1:] or seconds
    return seconds[0], sum(others) / len(others)


def _learning(workspace: Workspace) -> float | None:
    """Core-seconds of one point in one epoch, from the epochs that were watched."""
    known = {name: marker["facts"] for name, marker in workspace.facts().items()}
    trained = next((name for name, facts in known.items() if "history" in facts), None)
    if trained is None:
        return None
    facts = known[trained]
    folds = workspace.survey.samples.folds
    points = float(facts["samples"]) * (folds - 1) / folds  # the others are held back
    epochs = [float(record["seconds"]) for record in facts["history"]]
    return sum(epochs) / len(epochs) * cores_of(trained, workspace.survey) / points


def _size(folder: Path, pattern: str = "*") -> float:
    return float(sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file()))
