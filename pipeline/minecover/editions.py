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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from minecover.board import tile_of
from minecover.errors import TryAgainError, WithdrawnError
from minecover.grid import Tile
from minecover.ledger import Ledger, Marks

__all__ = ["Editions", "current_marks", "start_over", "withdraw", "withdraw_tiles"]

T = TypeVar("T")

PAUSE = 0.5
"""Seconds between looks at a tile that a worker is at."""


def withdraw(ledger: Ledger, stages: Sequence[str]) -> None:
    """Take the markers of stages back, also those that a run at work is about to write."""
    # from the end: whatever dies on the way leaves nothing that stands on what is withdrawn
    for stage in reversed(stages):
        while not ledger.begin_edition(stage, ledger.edition(stage) + 1, {}):
            pass
        ledger.withdraw_stage(stage)


def withdraw_tiles(marks: Marks, names: Sequence[str], later: Sequence[str]) -> None:
    """Open tiles of a stage, and withdraw what was made from them.

    Parameters
    ----------
    marks
        Of the stage.
    names
        Which tiles.
    later
        Names of the stages after it, in order.
    """
    ledger, near = Ledger(marks.store), set(names)
    if "features" in later:
        near = {near for name in names for near in _neighbourhood(name)}
    # from the end: whatever dies on the way leaves nothing that stands on what is withdrawn
    _withdraw_later(ledger, marks.stage, later, near)
    for name in names:
        _reopen(marks, name)
    # a driver may have begun again meanwhile, and found the tiles done
    _withdraw_later(ledger, marks.stage, later, near)


def start_over(ledger: Ledger, stages: Sequence[str]) -> None:
    """Have stages done from their beginning, every tile of them, also by runs at work."""
    withdraw(ledger, stages)
    for stage in stages:
        ledger.forget(stage)
    withdraw(ledger, stages)  # a driver may have begun again meanwhile, and ended one


def _withdraw_later(ledger: Ledger, stage: str, later: Sequence[str], near: set[str]) -> None:
    withdraw(ledger, (stage, *later))  # from now on no worker of a run at work writes a marker
    features = current_marks(ledger, "features") if "features" in later else None
    if features is not None:
        for name in sorted(near):
            _reopen(features, name)
    if "predict" in later:
        ledger.forget("predict")


def current_marks(ledger: Ledger, stage: str) -> Marks | None:
    """Find the marks of the raster that a stage has, or None where it has none."""
    layout = ledger.layout(stage)
    return None if layout is None else Marks(ledger.store, stage, layout["fingerprint"])


def _reopen(marks: Marks, name: str) -> None:
    """Open a tile; first let a worker end that is at it, for it may have looked before."""
    claims = marks.claims(0)
    while claims.is_held(name):
        time.sleep(PAUSE)
    marks.reopen(name)


def _neighbourhood(name: str) -> Iterator[str]:
    """Name a tile and the eight around it, which read its pixels in their halo."""
    centre = tile_of(name)
    if centre is not None:
        for row in range(max(centre.row - 1, 0), centre.row + 2):
            for column in range(max(centre.column - 1, 0), centre.column + 2):
                yield Tile(row, column).name


@dataclass(frozen=True)
class Editions:
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

    def begun_again(self, work: Callable[[], T], marks: Callable[[], Mapping[str, str]]) -> T:
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
