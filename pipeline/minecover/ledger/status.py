"""What is done of a survey, and who is at work, from its ledger alone."""

from __future__ import annotations

import time
from array import array
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Literal

from minecover.ledger.leases import LeaseState, split_name
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.steps import Step, current_step
from minecover.storage.store import Store

__all__ = ["StageStatus", "survey_status"]

WINDOW = 900.0
"""Seconds over which the rate of a stage at work is taken."""

READERS = 16
"""Objects read at once."""

READ_REASONS = 1000
"""Failed tiles whose reasons are read."""


@dataclass(frozen=True)
class StageStatus:
    """One stage.

    Attributes
    ----------
    stage, state
        Name; `done` where it has its marker, `running` where a lease lives, `begun`, or `open`.
        `outdated` is for those who know the survey: done or begun with other settings or code.
    seconds
        What the run that finished it took.
    tiles
        In all; None for a stage without tiles, or one that is not laid out.
    done, failed
        Tiles with a marker.
    running, expired
        Tiles leased now, and tiles whose worker died and that nobody took over yet.
    retries
        Leases that ended unfinished and were, or will be, followed by another.
    rate, left
        Tiles a second, of the last quarter of an hour where the stage is at work; seconds left,
        of a stage without tiles those of its step.
    reasons
        Failed tiles by reason, of the first thousand.
    step
        How far a running stage without tiles is, where it says so.
    """

    stage: str
    state: Literal["done", "running", "begun", "open", "outdated"] = "open"
    seconds: float | None = None
    tiles: int | None = None
    done: int = 0
    running: int = 0
    expired: int = 0
    failed: int = 0
    retries: int = 0
    rate: float | None = None
    left: float | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    step: Step | None = None


def survey_status(store: Store, stages: Sequence[str]) -> list[StageStatus]:
    """Read the status of stages; nothing but the ledger is read, and nothing is written."""
    ledger = Ledger(store)
    return [_stage(ledger, stage) for stage in stages]


def _stage(ledger: Ledger, stage: str) -> StageStatus:
    marker, layout = ledger.stage(stage), ledger.layout(stage)
    status = StageStatus(stage)
    if layout is not None:
        markers = TileMarkers(ledger.store, stage, layout["fingerprint"])
        status = _tiles(markers, layout["tiles"])
    elif marker is None and (drivers := ledger.drivers(stage, 0)).is_held("stage"):
        step = current_step(ledger.store, stage, drivers)
        left = None if step is None else step.left
        status = replace(status, state="running", left=left, step=step)
    if marker is not None:
        status = replace(status, state="done", seconds=marker["seconds"], left=None)
    return status


def _tiles(markers: TileMarkers, tiles: int) -> StageStatus:
    attempts = _attempts(markers)  # before the markers: a tile that ends meanwhile is done
    settled: set[str] = set()
    times = array("d")
    for name, written in markers.names("done"):
        times.append(written)
        if name in attempts:
            settled.add(name)
    failed = [name for name, _ in markers.names("failed") if markers.done(name) is None]
    settled.update(failed)
    open_leases = _lease_states(markers, {n: a for n, a in attempts.items() if n not in settled})
    running = sum(lease.live for lease in open_leases)
    rate = _rate(times, at_work=running > 0)
    rest = tiles - len(times) - len(failed)
    return StageStatus(
        markers.stage,
        "running" if running else "begun",
        tiles=tiles,
        done=len(times),
        running=running,
        expired=sum(not lease.live and not lease.given_back for lease in open_leases),
        failed=len(failed),
        retries=sum(len(a) - (n not in settled) for n, a in attempts.items()),
        rate=rate,
        left=rest / rate if rate and running else None,
        reasons=_reasons(markers, failed),
    )


def _attempts(markers: TileMarkers) -> dict[str, list[int]]:
    """Find the attempts at each tile that are at work or ended unfinished."""
    attempts: dict[str, list[int]] = {}
    for key, _ in markers.store.entries(markers.leases(0).prefix):
        name, attempt = split_name(key)
        attempts.setdefault(name, []).append(attempt)
    return attempts


def _lease_states(markers: TileMarkers, attempts: dict[str, list[int]]) -> list[LeaseState]:
    """Lease of the highest attempt of each tile."""
    leases = markers.leases(0)
    keys = [leases.key(name, max(numbers)) for name, numbers in attempts.items()]
    with ThreadPoolExecutor(READERS) as pool:
        return [lease for lease in pool.map(leases.state, keys) if lease is not None]


def _rate(times: array[float], *, at_work: bool) -> float | None:
    """Tiles a second: of the last quarter of an hour at work, else from first to last."""
    now = time.time()
    chosen = [t for t in times if now - t < WINDOW] if at_work else list(times)
    if len(chosen) < 2:
        return None
    first, last = min(chosen), now if at_work else max(chosen)
    return round((len(chosen) - 1) / max(last - first, 1e-3), 4)


def _reasons(markers: TileMarkers, failed: Sequence[str]) -> dict[str, int]:
    with ThreadPoolExecutor(READERS) as pool:
        reasons = pool.map(markers.reason, sorted(failed)[:READ_REASONS])
        return dict(Counter(reason for reason in reasons if reason).most_common())
