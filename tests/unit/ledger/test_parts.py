"""Parts of a stage: a stage that died goes on, but not with what was made from other things."""

from __future__ import annotations

from pathlib import Path

import pytest

from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.parts import PartMarkers
from minecover.storage.store import Store


def test_a_part_is_done_for_its_fingerprint_and_edition_alone(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    parts = PartMarkers(store, "train", "now", 0)
    assert not parts.any()
    parts.finish("region-0", {"samples": 7})
    assert parts.any()
    assert parts.done("region-0") == {"samples": 7}
    assert parts.done("region-1") is None
    assert not PartMarkers(store, "train", "then", 0).any()
    later = PartMarkers(store, "train", "now", 1)
    assert not later.any()
    assert later.done("region-0") is None
    parts.delete()
    assert not parts.any()


def test_the_ledger_finds_parts_with_all_marks_of_the_stage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    parts = PartMarkers(store, "train", "then", 3)
    parts.finish("region-0", {})
    (found,) = Ledger(store).all_markers("train")
    assert found == TileMarkers(store, "train", "then")
    found.delete()
    assert not parts.any()


@pytest.mark.parametrize("name", ["", "a/b", "..", "Nördlich"])
def test_a_name_that_makes_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="give letters, digits"):
        PartMarkers(Store(str(tmp_path)), "train", "now", 0).finish(name, {})
