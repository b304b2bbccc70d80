"""What killed writers left is removed by whoever runs the survey next, and nothing else is."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from minecover.storage.cleanup import ABANDONED, is_leftover, sweep
from minecover.storage.store import Store
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run

BEGUN = ("cube.zarr/layers/c/0/0/1#1", "cube.zarr/zarr.json#12", "ledger/cube/stage.json#1")


def leave(folder: Path, age: float) -> list[Path]:
    """Leave what a put and a product that were cut off leave, touched `age` seconds ago."""
    places = [folder / name for name in (*BEGUN, ".writing-x1/landuse.tif")]
    when = time.time() - age
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"half")
        os.utime(place, (when, when))
    os.utime(folder / ".writing-x1", (when, when))
    return places


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    Run(tile_survey(str(store), 2, 2), number_stages(), Silent()).until("features")
    return store


def files(store: Path) -> set[str]:
    return {str(path.relative_to(store)) for path in store.rglob("*")}


def test_a_run_with_something_to_do_removes_old_leftovers_and_nothing_else(finished: Path) -> None:
    before = files(finished)
    leave(finished, ABANDONED + 60)
    assert files(finished) > before
    Run(tile_survey(str(finished), 2, 2), number_stages(), Silent()).until("features", again=True)
    new = {name for name in files(finished) if not re.search("/(generations|invalidations)", name)}
    assert new == before


def test_a_write_that_may_go_on_is_left_alone(finished: Path) -> None:
    places = leave(finished, ABANDONED - 60)
    assert sweep(Store(str(finished))) == 0
    assert all(place.exists() for place in places)
    old = finished / ".writing-x1"
    os.utime(old, (1, 1))  # the folder is old, what is written in it is not
    assert sweep(Store(str(finished))) == 0
    assert sweep(Store(str(finished)), age=0) == len(places)
    assert not any(place.exists() for place in places)


def test_no_listing_sees_a_leftover(finished: Path) -> None:
    store = Store(str(finished))
    before = list(store.names(""))
    leave(finished, 0)
    names = [name for name in store.names("") if not name.startswith(".writing-")]
    assert names == before
    assert all(is_leftover(name) for name in (*BEGUN, ".writing-x1"))
    assert not any(is_leftover(name) for name in names)
