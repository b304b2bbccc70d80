from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.errors import StoreError
from minecover.geography.grid import Tile
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.open_tiles import OpenTiles
from minecover.ledger.status import survey_status
from minecover.storage.store import Store

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
TILES = tuple(Tile(row, column) for row in range(3) for column in range(4))
PARTS = st.sets(st.sampled_from(TILES))


@contextmanager
def new_markers() -> Iterator[TileMarkers]:
    with tempfile.TemporaryDirectory() as folder:
        yield TileMarkers(Store(folder), "cube", "now")


def open_tiles(markers: TileMarkers, *states: str) -> list[Tile]:
    open_tiles = OpenTiles(TILES)
    open_tiles.read(markers, *states)
    assert open_tiles.open_count == len(list(open_tiles.open()))
    return list(open_tiles.open())


@settings(max_examples=25, deadline=None)
@given(PARTS, PARTS, PARTS)
def test_open_tiles_are_those_not_finished(
    finished: set[Tile], failed: set[Tile], fixed: set[Tile]
) -> None:
    with new_markers() as markers:
        for tile in finished:
            assert markers.finish(tile.name, {"facts": {"items": 3}})
        for tile in failed:
            markers.fail(tile.name, "B04 is truncated", {})
        assert open_tiles(markers, "done") == [tile for tile in TILES if tile not in finished]
        both = finished | failed
        assert open_tiles(markers, "done", "failed") == [tile for tile in TILES if tile not in both]
        assert markers.failed_tiles() == sorted(tile.name for tile in failed - finished)
        for tile in fixed:
            assert markers.finish(tile.name, {}) == (tile not in finished)
        rest = [tile for tile in TILES if tile not in finished | fixed]
        assert open_tiles(markers, "done") == rest


@settings(max_examples=10, deadline=None)
@given(PARTS)
def test_another_fingerprint_or_stage_opens_every_tile(finished: set[Tile]) -> None:
    with new_markers() as markers:
        for tile in finished:
            markers.finish(tile.name, {})
        for other in (replace(markers, fingerprint="later"), replace(markers, stage="features")):
            assert open_tiles(other, "done", "failed") == list(TILES)
        assert [known.fingerprint for known in Ledger(markers.store).all_markers("cube")] == (
            ["now"] if finished else []
        )
        markers.delete()
        assert open_tiles(markers, "done") == list(TILES)


@settings(max_examples=10, deadline=None)
@given(st.sets(st.sampled_from(["done", "failed", "leases"])))
def test_a_tile_that_is_opened_again_was_never_tried(known: set[str]) -> None:
    with new_markers() as markers:
        name = TILES[0].name
        if "done" in known:
            markers.finish(name, {})
        if "failed" in known:
            markers.fail(name, "its worker died 5 times", {})
        if "leases" in known:
            markers.leases(60).take(name).give_back()
        markers.reopen(name)
        assert list(markers.store.names("")) == []


def test_the_claim_of_a_worker_outlives_that_its_tile_is_opened_again() -> None:
    with new_markers() as markers:
        markers.leases(60).take("r0000c0000")
        markers.reopen("r0000c0000")
        assert markers.leases(60).is_held("r0000c0000")


def test_the_first_marker_of_a_tile_stays() -> None:
    with new_markers() as markers:
        assert markers.finish("r0000c0000", {"host": "a"})
        assert not markers.finish("r0000c0000", {"host": "b"})
        assert markers.done("r0000c0000") == {"host": "a"}


def test_a_raster_is_laid_out_for_one_fingerprint_at_a_time(tmp_path: Path) -> None:
    book = Ledger(Store(str(tmp_path)))
    assert not book.is_laid("cube", "now")
    book.lay("cube", "now", 12, laid=False)
    assert not book.is_laid("cube", "now")
    book.lay("cube", "now", 12, laid=True)
    assert book.is_laid("cube", "now")
    assert not book.is_laid("cube", "later")
    book.forget("cube")
    assert book.layout("cube") is None


def test_a_stage_is_done_from_what_it_was_done_from(tmp_path: Path) -> None:
    book = Ledger(Store(str(tmp_path)))
    assert book.stage("cube") is None
    assert not book.is_stage_done("cube", "now")
    book.finish_stage("cube", "now", 0, facts={"tiles": 12}, seconds=3.5)
    assert book.is_stage_done("cube", "now")
    assert not book.is_stage_done("cube", "later")
    assert not book.is_stage_done("features", "now")
    marker = {"fingerprint": "now", "generation": 0, "facts": {"tiles": 12}, "seconds": 3.5}
    assert book.stage("cube") == marker
    assert book.begin_generation("cube", 1, {})
    assert not book.begin_generation("cube", 1, {})
    assert book.stage("cube") is None
    assert (book.generation("cube"), book.generation("features")) == (1, 0)
    book.reopen_stage("cube")
    book.reopen_stage("cube")
    assert book.stage("cube") is None


def test_tiles_that_stayed_are_those_of_a_fingerprint(tmp_path: Path) -> None:
    book = Ledger(Store(str(tmp_path)))
    book.keep("cube", "now", ["r0000c0001"])
    assert book.kept("cube", "now") == {"r0000c0001"}
    assert book.kept("cube", "later") == frozenset()
    book.store.write_json("ledger/cube/kept.json", {"fingerprint": "now"})
    with pytest.raises(StoreError, match=r"kept\.json: damaged.*its tiles"):
        book.kept("cube", "now")


@pytest.mark.parametrize("fingerprint", ["f2be444d8b1eba94\n", "", "..", "a/b", "é", None])
def test_a_layout_whose_fingerprint_is_no_name_is_damaged(
    tmp_path: Path, fingerprint: str | None
) -> None:
    store = Store(str(tmp_path))
    key = "ledger/predict/layout.json"
    store.write_json(key, {"fingerprint": fingerprint, "tiles": 1, "laid": True, "objects": {}})
    with pytest.raises(StoreError, match=rf"{key}: damaged, .* can be its fingerprint; delete it"):
        survey_status(store, ["predict"])
