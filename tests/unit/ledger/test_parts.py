"""Parts of a stage: a stage that died goes on, but not with what was made from other things."""

from __future__ import annotations

from pathlib import Path

import pytest

from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.parts import PartMarkers
from minecover.storage.checksums import recording
from minecover.storage.store import Store


def test_a_part_is_done_for_its_fingerprint_and_edition_alone(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    parts = PartMarkers(store, "train", "now", 0)
    assert not parts.any()
    assert parts.carry_out("region-0", lambda: {"samples": 7}) == {"samples": 7}
    assert parts.any()
    assert parts.carry_out("region-0", lambda: {"samples": 8}) == {"samples": 7}
    assert parts.carry_out("region-1", lambda: {"samples": 8}) == {"samples": 8}
    assert not PartMarkers(store, "train", "then", 0).any()
    later = PartMarkers(store, "train", "now", 1)
    assert not later.any()
    assert later.carry_out("region-0", lambda: {"samples": 9}) == {"samples": 9}
    later.delete()
    parts.delete()
    assert not parts.any()


def test_the_ledger_finds_parts_with_all_marks_of_the_stage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    parts = PartMarkers(store, "train", "then", 3)
    parts.carry_out("region-0", dict)
    (found,) = Ledger(store).all_markers("train")
    assert found == TileMarkers(store, "train", "then")
    found.delete()
    assert not parts.any()


@pytest.mark.parametrize("name", ["", "a/b", "..", "Nördlich"])
def test_a_name_that_makes_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="give letters, digits"):
        PartMarkers(Store(str(tmp_path)), "train", "now", 0).carry_out(name, dict)


def test_what_a_part_wrote_counts_as_written_when_it_is_not_done_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    parts = PartMarkers(store, "train", "now", 0)

    def work() -> dict[str, int]:
        store.write("model/weights", b"123456789")
        return {}

    for _ in range(2):  # the second as the process that comes after one that died
        with recording() as objects:
            parts.carry_out("region-0", work)
        # the check value of CRC-32/ISO-HDLC
        assert {key: tuple(value) for key, value in objects.items()} == {
            "model/weights": (9, "cbf43926")
        }
