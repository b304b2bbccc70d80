"""Have tiles done again: withdraw their markers, and what was made from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from minecover.errors import SurveyError
from minecover.ledger.invalidation import current_marks, withdraw, withdraw_tiles
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.storage.store import Store

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

    def of(self, marks: TileMarkers) -> Iterator[str]:
        """Names of the tiles that are chosen among those done and set aside."""
        for state in ("failed",) if self.failed else ("done", "failed"):
            for name, written in marks.names(state):
                wanted = not self.tiles or name in self.tiles
                if wanted and (self.since is None or written >= self.since):
                    yield name


def retry(store: Store, choice: Choice, order: Sequence[str]) -> dict[str, list[str]]:
    """Withdraw the markers of tiles, so that the next run does them again.

    What later stages made is withdrawn as far as it comes from these tiles: the features of the
    tiles and of their neighbours (of all, where the range of texture changes with them), samples,
    model and assessment, and, where the model is trained again, the whole map. A run that is at
    work meanwhile begins again from what still stands.

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
    ledger, chosen = Ledger(store), {}
    tiled = [stage for stage in order if ledger.layout(stage) is not None]
    if choice.stage is not None and choice.stage not in tiled:
        known = ", ".join(tiled) or "none yet"
        raise SurveyError(f"--stage {choice.stage}: it has no tiles; stages with tiles: {known}")
    for stage in tiled if choice.stage is None else (choice.stage,):
        marks = current_marks(ledger, stage)
        if marks is None or not any(True for _ in choice.of(marks)):
            continue
        withdraw(ledger, order[order.index(stage) :])
        # now, so that a tile is among them that a worker ended since it was asked whether there are
        chosen[stage] = sorted(set(choice.of(marks)))
        withdraw_tiles(marks, chosen[stage], order)
    return chosen
