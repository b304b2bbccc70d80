"""Drive the tiles of a stage until each is done or set aside, by whichever driver or worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from minecover.board import Board
from minecover.claimed import ClaimedJob
from minecover.claims import Claim, Claims
from minecover.editions import start_over
from minecover.engines import Outcome, TileJob, run_tiles
from minecover.errors import DataError, HeldError, TryAgainError
from minecover.grid import Tile
from minecover.ledger import Ledger, Marks
from minecover.store import Store
from minecover.survey import Engine
from minecover.tilelog import log_tile

if TYPE_CHECKING:
    from minecover.run import Run

__all__ = ["Guard", "Target", "drive", "lay_out", "reasons_of", "refuse_bad_tiles", "waiting"]

FIRST_LOOK = 0.05
"""Seconds before what another holds is looked at again for the first time; then twice as many."""

POLL = 2.0
"""Seconds between looks at what others hold, at most."""

SHOWN = 100
"""Tiles set aside that are named with their reasons."""


@dataclass(frozen=True)
class Target:
    """A raster that a tile stage writes: its name, layers and attributes, and others beside it."""

    name: str
    layers: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    beside: tuple[Target, ...] = ()


class Guard:
    """Decides what may begin: everything, unless a subclass says otherwise."""

    def before(self, run: Run, stage: str) -> None:
        """Raise where a stage that is to be done must not begin."""

    def admit(self, stage: str) -> bool:
        """Tell whether one more tile may begin."""
        del stage
        return True

    def ended(self, stage: str, outcome: Outcome) -> None:
        """Note what became of a tile that was admitted."""

    def refuse(self, stage: str) -> None:
        """Raise the reason for which no more tiles are admitted."""


def pause(lease: float) -> float:
    """Seconds to wait before looking again at what another holds."""
    return min(POLL, lease / 4)


def waiting(
    claims: Claims, name: str, done: Callable[[], bool], work: Callable[[Claim], None]
) -> None:
    """Do what only one may do, or wait until another has done it or is dead.

    Parameters
    ----------
    claims, name
        What is claimed for it.
    done
        Whether it is done; asked before and after the claim.
    work
        Does it, under the claim.
    """
    wait = FIRST_LOOK
    while not done():
        try:
            claim = claims.take(name)
        except HeldError:
            time.sleep(min(wait, pause(claims.lease)))
            wait *= 2
            continue
        with claims.keeping(claim):
            if not done():
                work(claim)
            claims.clear(name)


def lay_out(run: Run, marks: Marks, target: Target) -> None:
    """Lay a stage's rasters out unless they are whole and of this fingerprint.

    One driver does so and others wait. Marks of tiles that were written into the rasters that
    were there before are deleted with them, and so is the stage's own: going back to earlier
    settings must not find them. What reads the old rasters now is over.

    Raises
    ------
    TryAgainError
        This driver was away for longer than its lease, and another laid them out meanwhile.
    """
    store, ledger, stage, mark = marks.store, run.ledger, marks.stage, marks.mark
    tiles, lease = len(run.grid.tiles), run.survey.engine.lease
    attributes, targets = {"fingerprint": mark, "survey": run.survey.name}, (target, *target.beside)

    def laid() -> bool:
        return ledger.is_laid(stage, mark) and all(_is_raster(store, one, mark) for one in targets)

    def lay(claim: Claim) -> None:
        if ledger.layout(stage) is not None:
            run.editions.replace(stage, mark, itself=True)
        ledger.lay(stage, mark, tiles, laid=False)
        _wait_for_workers(ledger, stage, lease)
        ledger.withdraw_stage(stage)
        for old in ledger.all_marks(stage):
            old.delete()
        for one in targets:
            _refuse_when_lost(claim)
            store.create_layers(one.name, run.grid, one.layers, {**attributes, **one.attributes})
        if claim.is_lost():
            # tiles that another's workers wrote meanwhile went with the raster: they are open again
            start_over(ledger, stage, run.editions.order)
        _refuse_when_lost(claim)
        ledger.lay(stage, mark, tiles, laid=True)

    waiting(ledger.drivers(stage, lease), "layout", laid, lay)


def _refuse_when_lost(claim: Claim) -> None:
    if claim.is_lost():
        raise TryAgainError(
            f"{claim.key}: this driver did not answer for longer than its lease, and another took "
            "its work over; run again"
        )


def _is_raster(store: Store, target: Target, mark: str) -> bool:
    if store.read(f"{target.name}/zarr.json") is None:
        return False
    return store.layers(target.name).attributes.get("fingerprint") == mark


def _wait_for_workers(ledger: Ledger, stage: str, lease: float) -> None:
    """Let workers of another run end the tiles they are at; they take up no other."""
    for marks in ledger.all_marks(stage):
        claims = marks.claims(lease)
        for key, _ in ledger.store.entries(claims.prefix):
            while (standing := claims.standing(key)) is not None and standing.live:
                time.sleep(pause(lease))


def drive(
    kind: str, settings: Engine, job: TileJob, marks: Marks, board: Board, guard: Guard
) -> Iterator[Outcome]:
    """Work on every open tile; those another worker holds are awaited, or taken when it died.

    Where the guard admits no more, the tiles in work are ended before it says why.

    Yields
    ------
    One outcome a tile that was open, none of them `held`.
    """
    claimed = ClaimedJob(job, marks, settings.lease)
    while board.open_count:
        held: list[Tile] = []
        admitted = _Admitted(board.open(), marks.stage, guard)
        for outcome in run_tiles(kind, settings, claimed, admitted):
            guard.ended(marks.stage, outcome)
            if outcome.elsewhere == "held":
                held.append(outcome.tile)
            elif board.settle(outcome.tile):
                log_tile(marks.stage, outcome)
                yield outcome
        if admitted.refused:
            guard.refuse(marks.stage)
        yield from _awaited(held, marks, board, settings.lease)


class _Admitted:
    """Tiles as long as the guard admits them."""

    def __init__(self, tiles: Iterator[Tile], stage: str, guard: Guard) -> None:
        self.tiles, self.stage, self.guard = tiles, stage, guard
        self.refused = False

    def __iter__(self) -> Iterator[Tile]:
        for tile in self.tiles:
            if self.refused or not self.guard.admit(self.stage):
                self.refused = True
                return
            yield tile


def _awaited(held: Sequence[Tile], marks: Marks, board: Board, lease: float) -> Iterator[Outcome]:
    """Wait until a tile that others held is free; yield those that they settled."""
    claims = marks.claims(lease)
    while held:
        rest = []
        for tile in held:
            free = not claims.is_held(tile.name)
            outcome = _settled(tile, marks)  # after: its owner marks it before it lets go
            if outcome is None and free:
                return
            if outcome is None:
                rest.append(tile)
            elif board.settle(tile):
                log_tile(marks.stage, outcome)
                yield outcome
        held = rest
        if held:
            time.sleep(pause(lease))


def _settled(tile: Tile, marks: Marks) -> Outcome | None:
    """Tell what another worker made of a tile, if it ended."""
    if marks.done(tile.name) is not None:
        return Outcome(tile, elsewhere="done")
    reason = marks.reason(tile.name)
    return None if reason is None else Outcome(tile, error=reason)


def reasons_of(marks: Marks, bad: Sequence[str]) -> dict[str, str]:
    """Reasons for which tiles were set aside, by tile; of very many the first."""
    return {tile: marks.reason(tile) or "" for tile in bad[:SHOWN]}


def refuse_bad_tiles(stage: str, bad: dict[str, str], count: int) -> NoReturn:
    """Raise for tiles that were set aside, naming the reasons.

    Raises
    ------
    DataError
        Always.
    """
    reasons: dict[str, list[str]] = {}
    for tile, reason in bad.items():
        reasons.setdefault(reason, []).append(tile)
    lines = [f"{stage}: {count} tile(s) were set aside for their data:"]
    for reason, tiles in list(reasons.items())[:5]:
        named = ", ".join(tiles[:3]) + (f" and {len(tiles) - 3} more" if len(tiles) > 3 else "")
        lines.append(f"  {named}: {reason}")
    lines.append(
        "mend the data and run the same command again (finished tiles stand), "
        "or map the rest with `engine.bad_tiles: skip`"
    )
    raise DataError("\n".join(lines))
