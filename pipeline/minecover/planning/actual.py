"""What the ledger saw: core-hours spent by stage, and how far each stage is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from minecover.ledger import Marks
from minecover.run import TILE_STAGES, Run, has_tiles
from minecover.survey import Survey

__all__ = ["Actual", "actuals", "cores_of", "tile_markers"]

READ = 1000
"""Markers of a stage that are read for the mean of its tiles."""

READERS = 16

PARALLEL = ("select", "train", "assess")
"""Stages without tiles that use the threads of all workers; the others use one."""


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
    engine = survey.engine
    if stage in TILE_STAGES:
        return engine.threads
    return engine.workers * engine.threads if stage in PARALLEL else 1


def actuals(run: Run) -> dict[str, Actual]:
    """Look up what every stage took that was begun in the survey's store."""
    today, found = _fingerprints(run), {}
    for stage in run.stages:
        look = _tiles if has_tiles(stage.name, run.survey) else _whole
        took = look(run, stage.name, today.get(stage.name))
        if took is not None:
            found[stage.name] = took
    return found


def tile_markers(marks: Marks, limit: int = READ) -> tuple[list[dict[str, Any]], int]:
    """Read the markers of tiles that are done, at most `limit` at even steps; and count all."""
    names = sorted(name for name, _ in marks.names("done"))
    step = max(1, -(-len(names) // limit))
    with ThreadPoolExecutor(READERS) as pool:
        markers = pool.map(marks.done, islice(names, 0, None, step))
        return [marker for marker in markers if marker is not None], len(names)


def mean_seconds(markers: Sequence[dict[str, Any]]) -> float:
    """Mean of the seconds of tiles."""
    return float(sum(marker["facts"]["seconds"] for marker in markers) / len(markers))


def _tiles(run: Run, stage: str, today: str | None) -> Actual | None:
    layout = run.ledger.layout(stage)
    if layout is None:
        return None
    markers, count = tile_markers(Marks(run.store, stage, layout["fingerprint"]))
    if not markers:
        return None
    seconds = mean_seconds(markers) * count * cores_of(stage, run.survey)
    share = min(1.0, count / layout["tiles"])
    return Actual(seconds / 3600, share, layout["fingerprint"] == today)


def _whole(run: Run, stage: str, today: str | None) -> Actual | None:
    marker = run.ledger.stage(stage)
    if marker is None:
        return None
    seconds = marker["seconds"] * cores_of(stage, run.survey)
    return Actual(seconds / 3600, 1.0, marker["fingerprint"] == today)


def _fingerprints(run: Run) -> dict[str, str]:
    """Today's fingerprints; where the points are gone, of the stages that need none."""
    names = [stage.name for stage in run.stages]
    count = len(names)
    if "samples" in names and not Path(run.survey.samples.path).exists():
        count = names.index("samples")
    return dict(islice(run.fingerprints(), count))
