"""Generations of stages: what a run builds on may be invalidated while the run goes on.

`retry`, `--again`, changed settings and tiles that are tried again replace what later stages were
made from, and a driver or worker of a later stage may be at work then. Whoever replaces something
first begins a new generation of every stage that is made from it. A run knows the generations from
before it looked at what is complete; a stage's marker carries its generation and counts in no
other, and a worker writes no tile's marker once its generation is over. The run then begins again
from what is complete.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from minecover.errors import InvalidatedError, TryAgainError
from minecover.ledger.leases import split_name
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.open_tiles import tile_of
from minecover.ledger.stage_order import StageOrder, neighbourhood
from minecover.storage.canonical_json import Json
from minecover.storage.names import LEDGER

__all__ = [
    "Invalidation",
    "current_markers",
    "finish_invalidations",
    "invalidate",
    "invalidate_tiles",
    "start_over",
]

T = TypeVar("T")

INVALIDATIONS = f"{LEDGER}/invalidations"
"""Folder of notes of what is being invalidated."""

AT_ONCE = 16
"""Tiles that are opened at once: a bucket takes its time for each."""

PAUSE = 0.5
"""Seconds between looks at a tile that a worker is at."""


def invalidate(ledger: Ledger, stages: Sequence[str]) -> None:
    """Remove the markers of stages, also those that a run at work is about to write."""
    # from the end: whatever dies on the way leaves nothing that is made from what is invalidated
    for stage in reversed(stages):
        while not ledger.begin_generation(stage, ledger.generation(stage) + 1, {}):
            pass
        ledger.reopen_stage(stage)


def invalidate_tiles(markers: TileMarkers, names: Iterable[str], order: StageOrder) -> None:
    """Open tiles of a stage, and invalidate what was made from them.

    Parameters
    ----------
    markers
        Of the stage.
    names
        Which tiles.
    order
        All stages.
    """
    note = {"stage": markers.stage, "fingerprint": markers.fingerprint, "tiles": sorted(names)}
    _invalidate_noted(Ledger(markers.store), order, note)


def start_over(ledger: Ledger, stage: str, order: StageOrder) -> None:
    """Have a stage and all after it done from their beginning, also by runs at work."""
    _invalidate_noted(ledger, order, {"stage": stage})


def finish_invalidations(ledger: Ledger, order: StageOrder) -> None:
    """Carry out what another process is invalidating now, or died of invalidating."""
    for key in list(ledger.store.names(INVALIDATIONS)):
        note = ledger.store.read_json(key, {"stage": str})
        if note is not None:
            _carry_out(ledger, order, note)
            ledger.store.remove(key)


def _invalidate_noted(ledger: Ledger, order: StageOrder, note: dict[str, Json]) -> None:
    """Invalidate; noted down first, so that who begins a run meanwhile carries it out as well."""
    key = f"{INVALIDATIONS}/{uuid.uuid4().hex}.json"
    ledger.store.write_json(key, note)
    _carry_out(ledger, order, note)
    ledger.store.remove(key)


def _carry_out(ledger: Ledger, order: StageOrder, note: dict[str, Json]) -> None:
    """Invalidate tiles and what was made from them, or all from a stage on.

    Done twice, or by two at once, it only costs that they are done again.
    """
    stages = order.since(note["stage"])
    invalidate(ledger, stages)  # from now on no worker of a run at work writes a marker
    if "tiles" in note:
        names = [name for name in note["tiles"] if tile_of(name) is not None]
        _reopen_later(ledger, order, note["stage"], names)
        _reopen(TileMarkers(ledger.store, note["stage"], note["fingerprint"]), names)
    else:
        for stage in stages:
            ledger.forget(stage)
    invalidate(ledger, stages)  # another may have carried it out before, and gone on


def _reopen_later(ledger: Ledger, order: StageOrder, stage: str, names: Sequence[str]) -> None:
    """Open the tiles of later stages that are made from tiles of a stage."""
    reached, everything = set(names), False
    for later in order.after(stage):
        markers = current_markers(ledger, later)
        if markers is None:  # it has no tiles, or none yet
            continue
        everything = everything or order.reach[later] == "everything"
        if everything:
            ledger.forget(later)
        else:
            reached = {near for name in reached for near in neighbourhood(name)}
            _reopen(markers, reached & _begun(markers))


def current_markers(ledger: Ledger, stage: str) -> TileMarkers | None:
    """Find the markers of the raster that a stage has, or None where it has none."""
    layout = ledger.layout(stage)
    return None if layout is None else TileMarkers(ledger.store, stage, layout["fingerprint"])


def _begun(markers: TileMarkers) -> set[str]:
    """Names of the tiles that are done, failed, or at work."""
    ended = {name for state in ("done", "failed") for name, _ in markers.names(state)}
    leases = markers.store.names(markers.leases(0).prefix)
    return ended | {split_name(key)[0] for key in leases}


def _reopen(markers: TileMarkers, names: Iterable[str]) -> None:
    """Open tiles; first let a worker end that is at one, for it may have looked before."""
    leases = markers.leases(0)

    def reopen(name: str) -> None:
        while leases.is_held(name):
            time.sleep(PAUSE)
        markers.reopen(name)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(reopen, names):
            pass


@dataclass(frozen=True)
class Invalidation:
    """The generations of a survey's stages as one run knows them.

    Attributes
    ----------
    ledger, order
        Of the store, and all stages.
    known
        Generation of each stage.
    """

    ledger: Ledger
    order: StageOrder
    known: dict[str, int] = field(default_factory=dict)

    def refresh(self) -> None:
        """Look them up; before looking at what is complete."""
        self.known.update({stage: self.ledger.generation(stage) for stage in self.order.names})

    def check(self, stage: str) -> None:
        """Raise where what the stage is made from was invalidated meanwhile.

        Raises
        ------
        InvalidatedError
            It was.
        """
        if self.ledger.is_over(stage, self.known[stage]):
            raise InvalidatedError(stage, self.ledger.store.url)

    def replace(
        self, stage: str, fingerprint: str, *, itself: bool, spared: Collection[str] = ()
    ) -> None:
        """Begin new generations of what is made from a stage that this run replaces.

        Parameters
        ----------
        stage, fingerprint
            Which is replaced, and the fingerprint of what replaces it.
        itself
            Whether the stage's own workers and marker are over, too.
        spared
            Stages that are made of nothing that is replaced.

        Raises
        ------
        InvalidatedError
            Another was quicker.
        """
        cause = {"stage": stage, "fingerprint": fingerprint}
        for later in reversed(self.order.since(stage)[not itself :]):
            if later in spared:
                continue
            if not self.ledger.begin_generation(later, self.known[later] + 1, cause):
                raise InvalidatedError(later, self.ledger.store.url)
            self.known[later] += 1

    def restart_if_invalidated(
        self, work: Callable[[], T], fingerprints: Callable[[], Mapping[str, str]]
    ) -> T:
        """Work, and begin again where what it builds on was invalidated meanwhile.

        Parameters
        ----------
        work
            Looks at what is complete, and does the rest.
        fingerprints
            Of the stages.

        Raises
        ------
        TryAgainError
            A run with other settings replaced it: two such runs would do so in turns for ever.
        """
        while True:
            finish_invalidations(self.ledger, self.order)
            self.refresh()
            try:
                return work()
            except InvalidatedError:
                self._refuse_others(fingerprints())

    def _refuse_others(self, fingerprints: Mapping[str, str]) -> None:
        for stage in self.order.names:
            for number in count(self.known[stage] + 1):
                cause = self.ledger.cause(stage, number)
                if cause is None:
                    break
                if cause and fingerprints.get(cause["stage"]) != cause["fingerprint"]:
                    raise TryAgainError(
                        f"{self.ledger.store.url}: another run with other settings replaced "
                        f"{cause['stage']} meanwhile; let one run at a time use a store, or run "
                        "again"
                    )
