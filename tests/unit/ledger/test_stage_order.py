"""How far a tile that is done again reaches is what each stage says, whatever its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from minecover.geography.grid import Tile
from minecover.ledger.invalidation import invalidate_tiles
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.stage_order import Reach, StageOrder, neighbourhood
from minecover.stages.registry import STAGES
from minecover.storage.store import Store

ROW = tuple(Tile(0, column) for column in range(7))
CENTRE = ROW[3].name


def begun(store: Store, stage: str) -> TileMarkers:
    """Do all tiles of a stage."""
    Ledger(store).lay(stage, "one", len(ROW), laid=True)
    markers = TileMarkers(store, stage, "one")
    for tile in ROW:
        markers.finish(tile.name, {})
    return markers


def left(markers: TileMarkers) -> str:
    """One letter a tile: done or open."""
    done = {name for name, _ in markers.names("done")}
    return "".join("d" if tile.name in done else "." for tile in ROW)


def invalidated(folder: Path, reach: Mapping[str, Reach], tiled: set[str]) -> dict[str, str]:
    """Invalidate the middle tile of the first stage; what is left of each, and of its layout."""
    store = Store(str(folder))
    markers = {stage: begun(store, stage) for stage in reach if stage in tiled}
    first = next(iter(markers.values()))
    invalidate_tiles(first, [CENTRE], StageOrder(reach))
    laid = {stage: Ledger(store).layout(stage) is not None for stage in markers}
    return {stage: left(own) if laid[stage] else "" for stage, own in markers.items()}


def test_neighbours_of_neighbours_are_reached(tmp_path: Path) -> None:
    reach: dict[str, Reach] = dict.fromkeys(("dig", "halo", "wider"), "neighbours")
    found = invalidated(tmp_path, reach, set(reach))
    assert found == {"dig": "ddd.ddd", "halo": "dd...dd", "wider": "d.....d"}


def test_after_everything_nothing_is_left(tmp_path: Path) -> None:
    reach: dict[str, Reach] = {"dig": "everything", "map": "everything", "rim": "neighbours"}
    assert invalidated(tmp_path, reach, set(reach)) == {"dig": "ddd.ddd", "map": "", "rim": ""}


def test_a_stage_without_tiles_reaches_no_tile_of_those_after_it(tmp_path: Path) -> None:
    reach: dict[str, Reach] = {"dig": "everything", "points": "everything", "rim": "neighbours"}
    found = invalidated(tmp_path, reach, {"dig", "rim"})
    assert found == {"dig": "ddd.ddd", "rim": "dd...dd"}


def test_all_stages_after_are_of_another_generation(tmp_path: Path) -> None:
    invalidated(tmp_path, dict.fromkeys(("dig", "points"), "neighbours"), {"dig"})
    ledger = Ledger(Store(str(tmp_path)))
    assert ledger.generation("dig") == ledger.generation("points") == 2  # before and after


@pytest.mark.parametrize(
    ("name", "count"), [("r0000c0000", 4), ("r0003c0000", 6), ("r0003c0004", 9), ("none", 0)]
)
def test_a_neighbourhood_leaves_the_grid_nowhere(name: str, count: int) -> None:
    assert len(set(neighbourhood(name))) == count


def test_features_are_made_with_a_halo_and_the_map_by_one_model() -> None:
    assert (STAGES["features"].reach, STAGES["predict"].reach) == ("neighbours", "everything")
