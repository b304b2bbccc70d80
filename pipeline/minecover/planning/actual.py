"""What the ledger saw: core-hours spent by stage, and how far each stage is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from minecover.errors import SurveyError
from minecover.ledger.markers import TileMarkers
from minecover.planning.stage_cost import cost_of
from minecover.stages.registry import tile_stages
from minecover.survey import Survey
from minecover.workflow.stage import Workspace

__all__ = ["Actual", "actuals", "cores_of", "lost_core_hours", "tile_markers"]

READ = 1000
"""Markers of a stage that are read for the mean of its tiles."""

READERS = 16

State = Literal["done", "failed"]


@dataclass(frozen=True)
class Actual:
    """What a stage took so far.

    Attributes
    ----------
    core_hours
        Cores held x time.
    share
        Of the stage that is done, 0-1.
    current
        Whether it was done from what the survey asks for now.
    """

    core_hours: float
    share: float
    current: bool


def cores_of(stage: str, survey: Survey) -> int:
    """Cores that a tile of a stage holds, or a stage without tiles."""
    engine, of = survey.engine, cost_of(stage)
    if of.cores is not None:
        return of.cores(survey)
    if stage in tile_stages(survey):
        return engine.threads
    return engine.cores if of.all_workers else 1


def actuals(workspace: Workspace) -> dict[str, Actual]:
    """Look up what every stage took that was begun in the survey's store."""
    today, found = _fingerprints(workspace), {}
    for stage in workspace.stages:
        look = _tiles if stage.has_tiles(workspace.survey) else _whole
        took = look(workspace, stage.name, today.get(stage.name))
        if took is not None:
            found[stage.name] = took
    return found


def lost_core_hours(workspace: Workspace) -> dict[str, float]:
    """Core-hours by stage that came to nothing: failed tiles, and attempts before the last.

    An attempt that ended unfinished (its worker died, or gave the tile back) left no time behind
    and counts as long as the one that ended. What is not in the ledger any more is not counted:
    a marker is deleted when its tile is tried again by another run or by `minecover retry`, or
    when the stage's raster is laid out anew; nor are tiles of which every worker died.
    """
    lost = {}
    for stage in workspace.tile_stages:
        layout = workspace.ledger.layout(stage)
        if layout is not None:
            tiles = TileMarkers(workspace.store, stage, layout["fingerprint"])
            seconds = _lost_seconds(tiles, "done", 1) + _lost_seconds(tiles, "failed", 0)
            lost[stage] = seconds * cores_of(stage, workspace.survey) / 3600
    return lost


def _lost_seconds(tiles: TileMarkers, state: State, ended: int) -> float:
    """Seconds of all attempts at tiles of a state but the `ended` last of each."""
    markers, count = tile_markers(tiles, state)
    times = [
        marker.get("facts", {}).get("seconds", 0.0) * (marker.get("attempt", 1) - ended)
        for marker in markers
    ]
    return float(sum(times) / max(1, len(times)) * count)


def tile_markers(
    tiles: TileMarkers, state: State = "done", limit: int = READ
) -> tuple[list[dict[str, Any]], int]:
    """Read the timed markers of tiles of a state, at most `limit` at even steps; count all."""
    names = sorted(name for name, _ in tiles.names(state))
    step = max(1, -(-len(names) // limit))
    read = tiles.done if state == "done" else tiles.failed
    with ThreadPoolExecutor(READERS) as pool:
        markers = pool.map(read, islice(names, 0, None, step))
        return [marker for marker in markers if marker is not None and _is_timed(marker)], len(
            names
        )


def _is_timed(marker: dict[str, Any]) -> bool:
    """Tell whether a tile's marker says how long it took."""
    facts = marker.get("facts")
    return isinstance(facts, dict) and isinstance(facts.get("seconds"), int | float)


def mean_seconds(markers: Sequence[dict[str, Any]]) -> float:
    """Mean of the seconds of tiles."""
    return float(sum(marker["facts"]["seconds"] for marker in markers) / len(markers))


def _tiles(workspace: Workspace, stage: str, today: str | None) -> Actual | None:
    layout = workspace.ledger.layout(stage)
    if layout is None:
        return None
    markers, count = tile_markers(TileMarkers(workspace.store, stage, layout["fingerprint"]))
    if not markers:
        return None
    seconds = mean_seconds(markers) * count * cores_of(stage, workspace.survey)
    share = min(1.0, count / max(1, layout["tiles"]))
    return Actual(seconds / 3600, share, layout["fingerprint"] == today)


def _whole(workspace: Workspace, stage: str, today: str | None) -> Actual | None:
    marker = workspace.ledger.stage(stage)
    if marker is None:
        return None
    seconds = marker["seconds"] * cores_of(stage, workspace.survey)
    return Actual(seconds / 3600, 1.0, marker["fingerprint"] == today)


def _fingerprints(workspace: Workspace) -> dict[str, str]:
    """Today's fingerprints; where a file of the survey is gone, of the stages before it."""
    found: dict[str, str] = {}
    with suppress(SurveyError):
        found.update(workspace.fingerprints())  # one by one: those before it are kept
    return found
