from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover import ledger
from minecover.grid import Tile
from minecover.ledger import Ledger, code_version, fingerprint
from minecover.store import Store

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
TILES = tuple(Tile(row, column) for row in range(3) for column in range(4))
PARTS = st.sets(st.sampled_from(TILES))


@contextmanager
def new_ledger() -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory() as folder:
        yield Ledger(Store(folder))


def test_a_fingerprint_is_the_same_on_every_machine_and_day() -> None:
    # sha256sum of: "cube" 00 {"a":1,"b":[null,true]} 00, the first 16 digits
    assert fingerprint("cube", {"b": [None, True], "a": 1}) == "494715168568e898"


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_the_order_of_keys_does_not_matter(document: dict[str, object]) -> None:
    assert fingerprint(document) == fingerprint(dict(reversed(document.items())))


@given(JSON, JSON)
def test_parts_do_not_run_into_each_other(first: object, second: object) -> None:
    assert fingerprint(first, second) != fingerprint([first, second])
    assert fingerprint(first, second) != fingerprint(first)
    assert (fingerprint(first, second) == fingerprint(second, first)) == (
        fingerprint(first) == fingerprint(second)
    )


@settings(max_examples=25, deadline=None)
@given(PARTS, PARTS, PARTS)
def test_open_tiles_are_those_not_finished(
    finished: set[Tile], set_aside: set[Tile], mended: set[Tile]
) -> None:
    with new_ledger() as book:
        for tile in finished:
            book.finish_tile("cube", tile, "now", {"items": 3})
        for tile in set_aside:
            book.finish_tile("cube", tile, "now", {"error": "B04 is truncated"})
        expected = [tile for tile in TILES if tile not in finished - set_aside]
        assert book.open_tiles("cube", "now", TILES) == expected
        for tile in mended:
            book.finish_tile("cube", tile, "now", {"items": 3})
        rest = [tile for tile in expected if tile not in mended]
        assert book.open_tiles("cube", "now", TILES) == rest


@settings(max_examples=10, deadline=None)
@given(PARTS)
def test_another_fingerprint_or_stage_opens_every_tile(finished: set[Tile]) -> None:
    with new_ledger() as book:
        for tile in finished:
            book.finish_tile("cube", tile, "before", {})
        assert book.open_tiles("cube", "after", TILES) == list(TILES)
        assert book.open_tiles("features", "before", TILES) == list(TILES)


def test_a_stage_is_done_from_what_it_was_done_from(tmp_path: Path) -> None:
    book = Ledger(Store(str(tmp_path)))
    assert book.stage("cube") is None
    assert not book.is_stage_done("cube", "now")
    book.finish_stage("cube", "now", facts={"tiles": 12}, seconds=3.5)
    assert book.is_stage_done("cube", "now")
    assert not book.is_stage_done("cube", "later")
    assert not book.is_stage_done("features", "now")
    assert book.stage("cube") == {"fingerprint": "now", "facts": {"tiles": 12}, "seconds": 3.5}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package in place of minecover's, of which the ledger takes versions."""
    (tmp_path / "cube").mkdir()
    (tmp_path / "cube" / "build.py").write_text("SCALE = 1\n")
    (tmp_path / "grid.py").write_text("EDGE = 256\n")
    monkeypatch.setattr(ledger, "__file__", str(tmp_path / "ledger.py"))
    yield tmp_path
    code_version.cache_clear()


def version(*places: str) -> str:
    code_version.cache_clear()  # a process reads its source once
    return code_version(*places)


def test_the_version_of_code_follows_its_source(source: Path) -> None:
    cube, grid = version("cube"), version("grid.py")
    (source / "cube" / "build.py").write_text("SCALE = 2\n")
    assert version("cube") != cube
    assert version("grid.py") == grid
    (source / "cube" / "build.py").write_text("SCALE = 1\n")
    assert version("cube") == cube


def test_the_version_of_code_follows_names_and_new_files(source: Path) -> None:
    before = version("cube")
    (source / "cube" / "build.py").rename(source / "cube" / "make.py")
    renamed = version("cube")
    assert renamed != before
    (source / "cube" / "extra.py").write_text("")
    assert version("cube") != renamed


def test_what_is_no_source_does_not_count(source: Path) -> None:
    before = version("cube")
    (source / "cube" / "notes.txt").write_text("not code")
    assert version("cube") == before
