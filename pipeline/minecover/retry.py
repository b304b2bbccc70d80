"""Have tiles done again: withdraw their markers, and what was made from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from minecover.board import tile_of
from minecover.errors import SurveyError
from minecover.grid import Tile
from minecover.ledger import Ledger, Marks
from minecover.run import TILE_STAGES
from minecover.store import Store

__all__ = ["Choice", "retry"]


@dataclass(frozen=True)
class Choice:
    """Which tiles; all that is given must hold.

    Attributes
    ----------
    failed
        Only those set aside.
    tiles
        Only these, by name; empty: any.
    since
        Only those whose marker was written since, Unix seconds.
    stage
        Only of this stage.
    """

    failed: bool = False
    tiles: Collection[str] = ()
    since: float | None = None
    stage: str | None = None

    def of(self, marks: Marks) -> Iterator[str]:
        """Names of the tiles that are chosen among those done and set aside."""
        for state in ("failed",) if self.failed else ("done", "failed"):
            for name, written in marks.names(state):
                wanted = not self.tiles or name in self.tiles
                if wanted and (self.since is None or written >= self.since):
                    yield name


def retry(store: Store, choice: Choice, order: Sequence[str]) -> dict[str, list[str]]:
    """Withdraw the markers of tiles, so that the next run does them again.

    What later stages made is withdrawn as far as it comes from these tiles: the features of the
    tiles and of their neighbours, samples, model and assessment, and, where the model is trained
    again, the whole map. The range over which texture is quantised stays as it was recorded.

    Parameters
    ----------
    store
        Of the survey.
    choice
        Which tiles.
    order
        Names of all stages in order.

    Returns
    -------
    Tiles by stage.

    Raises
    ------
    SurveyError
        Nothing was asked for, or the stage has no tiles.
    """
    if not (choice.failed or choice.tiles or choice.since is not None):
        raise SurveyError("retry: say which tiles, with --failed, --tile or --since")
    if choice.stage is not None and choice.stage not in TILE_STAGES:
        raise SurveyError(f"--stage {choice.stage}: give one of {', '.join(TILE_STAGES)}")
    ledger, chosen = Ledger(store), {}
    for stage in TILE_STAGES if choice.stage is None else (choice.stage,):
        marks = _current(ledger, stage)
        names = sorted(set(choice.of(marks))) if marks is not None else []
        if marks is not None and names:
            chosen[stage] = names
            _withdraw(ledger, marks, names, order[order.index(stage) + 1 :])
    return chosen


def _current(ledger: Ledger, stage: str) -> Marks | None:
    layout = ledger.layout(stage)
    return None if layout is None else Marks(ledger.store, stage, layout["fingerprint"])


def _withdraw(ledger: Ledger, marks: Marks, names: Sequence[str], later: Sequence[str]) -> None:
    # from the end: whatever dies on the way leaves nothing that stands on what is withdrawn
    for stage in reversed(later):
        features = _current(ledger, stage) if stage == "features" else None
        if features is not None:
            for near in sorted({near for name in names for near in _neighbourhood(name)}):
                features.reopen(near)
        ledger.withdraw_stage(stage)
        if stage == "predict":
            ledger.forget(stage)
    ledger.withdraw_stage(marks.stage)
    for name in names:
        marks.reopen(name)


def _neighbourhood(name: str) -> Iterator[str]:
    """Name a tile and the eight around it, which read its pixels in their halo."""
    centre = tile_of(name)
    if centre is not None:
        for row in range(max(centre.row - 1, 0), centre.row + 2):
            for column in range(max(centre.column - 1, 0), centre.column + 2):
                yield Tile(row, column).name
