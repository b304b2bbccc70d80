"""A small store of every format that there was, made by the code of its time.

Each holds the stubbed stages on two tiles (`minecover.testing.stages`), run by the last commit that
wrote the format.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

import minecover as mc
from minecover.errors import StoreError
from minecover.geography.grid import Window
from minecover.ledger.status import survey_status
from minecover.storage.identity import READABLE, known_store
from minecover.storage.names import FORMAT, SURVEY_FILE
from minecover.storage.store import Store
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from minecover.workflow.verify import verify

NAMES = ("catalog", "cube", "features")
VERSIONS = {1: "0.1", 2: "0.2.0"}


def unpacked(number: int, folder: Path) -> Path:
    with zipfile.ZipFile(Path(__file__).with_name("formats") / f"format-{number}.zip") as archive:
        archive.extractall(folder / "store")
    return folder / "store"


def test_there_is_a_store_of_every_format() -> None:
    found = {path.stem for path in Path(__file__).with_name("formats").iterdir()}
    assert found == {f"format-{number}" for number in range(1, FORMAT + 1)}


@pytest.mark.parametrize("number", sorted(set(range(1, FORMAT + 1)) - set(READABLE)))
def test_one_that_is_not_read_is_refused_and_left_as_it_is(number: int, tmp_path: Path) -> None:
    folder = unpacked(number, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    refusal = (
        f"survey 'stubs' is in format {number}, written by minecover {VERSIONS[number]}; this "
        "version writes format 4 and reads 3 and 4: give another store, or delete this one"
    )
    with pytest.raises(StoreError, match=refusal):
        mc.open_store(folder)
    with pytest.raises(StoreError, match=refusal):
        Run(tile_survey(str(folder), 1, 2), number_stages(), Silent()).until("features")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("number", READABLE)
def test_one_that_is_read_keeps_what_is_done(number: int, tmp_path: Path) -> None:
    folder = unpacked(number, tmp_path)
    store = known_store(str(folder))
    assert [status.state for status in survey_status(store, NAMES)] == ["done"] * 3
    pixels = np.arange(32 * 32, dtype=np.float32).reshape(1, 32, 32)
    for column in (0, 1):  # as the stubs number them
        window = Window(0, 32, 32 * column, 32 * column + 32)
        np.testing.assert_array_equal(store.layers("features.zarr").read(window), pixels + column)
    checks = list(verify(store, NAMES))
    assert not any(check.damages for check in checks)
    listed = [bool(check.objects) and not check.unknown for check in checks]
    assert listed == [number >= 4] * 3
    progress = Silent()
    Run(tile_survey(str(folder), 1, 2), number_stages(), progress).until("features")
    assert (progress.counts, progress.done) == ({}, [])  # nothing was done again
    assert Store(str(folder)).read_json(SURVEY_FILE)["format"] == FORMAT


def test_a_store_of_another_survey_is_not_taken_over(tmp_path: Path) -> None:
    folder = unpacked(3, tmp_path)
    with pytest.raises(StoreError, match="differs in grid"):
        Run(tile_survey(str(folder), 2, 2), number_stages(), Silent()).until("features")
    assert Store(str(folder)).read_json(SURVEY_FILE)["format"] == 3


def test_a_name_that_no_folder_can_have_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"the store cannot be used: .*too long"):
        known_store(str(tmp_path / ("n" * 300)))


@pytest.mark.parametrize(
    "damage",
    [{"grid": "EPSG:1"}, {"grid": {"crs": 1}}, {"grid": {}}, {"grid": None}, {"name": None}],
)
def test_an_identity_without_a_name_or_a_grid_is_damaged(
    tmp_path: Path, damage: dict[str, object]
) -> None:
    store = Store(str(unpacked(FORMAT, tmp_path)))
    store.write_json(SURVEY_FILE, {**store.read_json(SURVEY_FILE), **damage})
    with pytest.raises(StoreError, match="damaged, it does not say the survey's name"):
        known_store(store.url)
