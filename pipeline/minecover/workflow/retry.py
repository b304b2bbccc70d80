"""Have tiles done again: remove their markers, and invalidate what was made from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from minecover.errors import SurveyError
from minecover.ledger.invalidation import current_markers, invalidate, invalidate_tiles
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.stage_order import StageOrder
from minecover.storage.store import Store

__all__ = ["TileChoice", "retry"]


@dataclass(frozen=True)
class TileChoice:
    """Which tiles; all that is given must hold.

    Attributes
    ----------
    failed
        Only those whose data is bad.
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

    def __bool__(self) -> bool:
        return self.failed or bool(self.tiles) or self.since is not None

    def of(self, markers: TileMarkers) -> Iterator[str]:
        """Names of the tiles that are chosen among those done and failed."""
        for state in ("failed",) if self.failed else ("done", "failed"):
            for name, written in markers.names(state):
                wanted = not self.tiles or name in self.tiles
                if wanted and (self.since is None or written >= self.since):
                    yield name


def retry(store: Store, choice: TileChoice, order: StageOrder) -> dict[str, list[str]]:
    """Remove the markers of tiles, so that the next run does them again.

    What later stages made is invalidated as far as it comes from these tiles: tiles of a stage as
    far as its `reach` says, and every stage without tiles. A run that is at work meanwhile begins
    again from what is still complete.

    Parameters
    ----------
    store
        Of the survey.
    choice
        Which tiles.
    order
        All stages.

    Returns
    -------
    Tiles by stage.

    Raises
    ------
    SurveyError
        No tiles are chosen, or the stage has no tiles.
    """
    if not choice:
        raise SurveyError("retry: say which tiles, with --failed, --tile or --since")
    ledger, chosen = Ledger(store), {}
    for stage in _tile_stages(ledger, choice, order):
        markers = current_markers(ledger, stage)
        if markers is None or not any(True for _ in choice.of(markers)):
            continue
        invalidate(ledger, order.since(stage))
        # now, so that a tile is among them that a worker ended since the look above
        chosen[stage] = sorted(set(choice.of(markers)))
        invalidate_tiles(markers, chosen[stage], order)
    return chosen


def _tile_stages(ledger: Ledger, choice: TileChoice, order: StageOrder) -> tuple[str, ...]:
    """Names of the stages whose tiles are looked at."""
    tiled = tuple(stage for stage in order.names if ledger.layout(stage) is not None)
    if choice.stage is None:
        return tiled
    if choice.stage not in tiled:
        known = ", ".join(tiled) or "none yet"
        raise SurveyError(f"--stage {choice.stage}: it has no tiles; stages with tiles: {known}")
    return (choice.stage,)
