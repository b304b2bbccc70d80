"""Editions of stages: what a run stands on may be withdrawn while the run goes on.

`retry`, `--again`, changed settings and tiles that are tried again replace what later stages were
made from, and a driver or worker of a later stage may be at work then. Whoever replaces something
first begins a new edition of every stage that is made from it. A run knows the editions from
before it looked at what stands; a stage's marker carries its edition and counts in no other, and a
worker writes no tile's marker once its edition is over. The run then begins again from what
stands.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from minecover.errors import TryAgainError, WithdrawnError
from minecover.geography.grid import Tile
from minecover.ledger.leases import split_name
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.open_tiles import tile_of
from minecover.storage.canonical_json import Json

__all__ = [
    "Invalidation",
    "current_marks",
    "finish_withdrawals",
    "start_over",
    "withdraw",
    "withdraw_tiles",
]

T = TypeVar("T")

WITHDRAWALS = "ledger/withdrawals"
"""Where is noted what is being withdrawn."""

AT_ONCE = 16
"""Tiles that are opened at once: a bucket takes its time for each."""

PAUSE = 0.5
"""Seconds between looks at a tile that a worker is at."""


def withdraw(ledger: Ledger, stages: Sequence[str]) -> None:
    """Take the markers of stages back, also those that a run at work is about to write."""
    # from the end: whatever dies on the way leaves nothing that stands on what is withdrawn
    for stage in reversed(stages):
        while not ledger.begin_edition(stage, ledger.edition(stage) + 1, {}):
            pass
        ledger.withdraw_stage(stage)


def withdraw_tiles(marks: TileMarkers, names: Iterable[str], order: Sequence[str]) -> None:
    """Open tiles of a stage, and withdraw what was made from them.

    Parameters
    ----------
    marks
        Of the stage.
    names
        Which tiles.
    order
        Names of all stages in order.
    """
    wanted = {"stage": marks.stage, "fingerprint": marks.mark, "tiles": sorted(names)}
    _withdraw_noted(Ledger(marks.store), order, wanted)


def start_over(ledger: Ledger, stage: str, order: Sequence[str]) -> None:
    """Have a stage and all after it done from their beginning, also by runs at work."""
    _withdraw_noted(ledger, order, {"stage": stage})


def finish_withdrawals(ledger: Ledger, order: Sequence[str]) -> None:
    """Carry out what another process is withdrawing now, or died of withdrawing."""
    for key in list(ledger.store.names(WITHDRAWALS)):
        wanted = ledger.store.read_json(key)
        if wanted is not None:
            _withdraw_wanted(ledger, order, wanted)
            ledger.store.remove(key)


def _withdraw_noted(ledger: Ledger, order: Sequence[str], wanted: dict[str, Json]) -> None:
    """Withdraw; noted down first, so that who begins a run meanwhile carries it out as well."""
    key = f"{WITHDRAWALS}/{uuid.uuid4().hex}.json"
    ledger.store.write_json(key, wanted)
    _withdraw_wanted(ledger, order, wanted)
    ledger.store.remove(key)


def _withdraw_wanted(ledger: Ledger, order: Sequence[str], wanted: dict[str, Json]) -> None:
    """Withdraw tiles and what was made from them, or all from a stage on.

    Done twice, or by two at once, it only costs that they are done again.
    """
    stages = order[order.index(wanted["stage"]) :]
    withdraw(ledger, stages)  # from now on no worker of a run at work writes a marker
    if "tiles" in wanted:
        names = [name for name in wanted["tiles"] if tile_of(name) is not None]
        features = current_marks(ledger, "features") if "features" in stages[1:] else None
        if features is not None:
            near = {near for name in names for near in _neighbourhood(name)}
            _reopen(features, near & _begun(features))
        if "predict" in stages[1:]:
            ledger.forget("predict")
        _reopen(TileMarkers(ledger.store, wanted["stage"], wanted["fingerprint"]), names)
    else:
        for stage in stages:
            ledger.forget(stage)
    withdraw(ledger, stages)  # another may have carried it out before, and gone on


def current_marks(ledger: Ledger, stage: str) -> TileMarkers | None:
    """Find the marks of the raster that a stage has, or None where it has none."""
    layout = ledger.layout(stage)
    return None if layout is None else TileMarkers(ledger.store, stage, layout["fingerprint"])


def _begun(marks: TileMarkers) -> set[str]:
    """Names of the tiles that are done, set aside, or at work."""
    ended = {name for state in ("done", "failed") for name, _ in marks.names(state)}
    claims = marks.store.names(marks.claims(0).prefix)
    return ended | {split_name(key)[0] for key in claims}


def _reopen(marks: TileMarkers, names: Iterable[str]) -> None:
    """Open tiles; first let a worker end that is at one, for it may have looked before."""
    claims = marks.claims(0)

    def reopen(name: str) -> None:
        while claims.is_held(name):
            time.sleep(PAUSE)
        marks.reopen(name)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(reopen, names):
            pass


def _neighbourhood(name: str) -> Iterator[str]:
    """Name a tile and the eight around it, which read its pixels in their halo."""
    centre = tile_of(name)
    if centre is not None:
        for row in range(max(centre.row - 1, 0), centre.row + 2):
            for column in range(max(centre.column - 1, 0), centre.column + 2):
                yield Tile(row, column).name


@dataclass(frozen=True)
class Invalidation:
    """The editions of a survey's stages as one run knows them.

    Attributes
    ----------
    ledger, order
        Of the store, and the names of all stages in order.
    known
        Edition of each stage.
    """

    ledger: Ledger
    order: tuple[str, ...]
    known: dict[str, int] = field(default_factory=dict)

    def look(self) -> None:
        """Look them up; before it is asked what stands."""
        self.known.update({stage: self.ledger.edition(stage) for stage in self.order})

    def since(self, stage: str) -> tuple[str, ...]:
        """Names of a stage and of those after it."""
        return self.order[self.order.index(stage) :]

    def check(self, stage: str) -> None:
        """Raise where what the stage is made from was withdrawn meanwhile.

        Raises
        ------
        WithdrawnError
            It was.
        """
        if self.ledger.is_over(stage, self.known[stage]):
            raise WithdrawnError(stage, self.ledger.store.url)

    def replace(self, stage: str, mark: str, *, itself: bool) -> None:
        """Begin new editions of what is made from a stage that this run replaces.

        Parameters
        ----------
        stage, mark
            Which is replaced, and the fingerprint of what replaces it.
        itself
            Whether the stage's own workers and marker are over, too.

        Raises
        ------
        WithdrawnError
            Another was quicker.
        """
        cause = {"stage": stage, "fingerprint": mark}
        for later in reversed(self.since(stage)[not itself :]):
            if not self.ledger.begin_edition(later, self.known[later] + 1, cause):
                raise WithdrawnError(later, self.ledger.store.url)
            self.known[later] += 1

    def restart_if_invalidated(
        self, work: Callable[[], T], marks: Callable[[], Mapping[str, str]]
    ) -> T:
        """Work, and begin again where what it stands on was withdrawn meanwhile.

        Parameters
        ----------
        work
            Looks at what stands, and does the rest.
        marks
            Fingerprints of the stages.

        Raises
        ------
        TryAgainError
            A run with other settings replaced it: two such runs would do so in turns for ever.
        """
        while True:
            finish_withdrawals(self.ledger, self.order)
            self.look()
            try:
                return work()
            except WithdrawnError:
                self._refuse_others(marks())

    def _refuse_others(self, marks: Mapping[str, str]) -> None:
        for stage in self.order:
            for number in count(self.known[stage] + 1):
                cause = self.ledger.cause(stage, number)
                if cause is None:
                    break
                if cause and marks.get(cause["stage"]) != cause["fingerprint"]:
                    raise TryAgainError(
                        f"{self.ledger.store.url}: another run with other settings replaced "
                        f"{cause['stage']} meanwhile; let one run at a time use a store, or run "
                        "again"
                    )
