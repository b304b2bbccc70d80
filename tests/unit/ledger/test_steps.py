"""How far a stage is: kept in the ledger while it works, and believed of the living alone."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from minecover.errors import StoreError
from minecover.ledger.leases import Leases
from minecover.ledger.markers import Ledger
from minecover.ledger.status import survey_status
from minecover.ledger.steps import Step, StepWriter
from minecover.storage.store import Store

STEP = Step(3, 10, "epochs", "loss 0.7000", 21.0)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store into which steps are written at once."""
    monkeypatch.setattr("minecover.ledger.steps.WRITTEN_EVERY", 0.01)
    return Store(str(tmp_path / "store"))


def drivers(store: Store) -> Leases:
    return Ledger(store).drivers("train", 60)


def file_of(store: Store) -> Path:
    return Path(store.url) / "ledger" / "train" / "progress.json"


def wait_for(file: Path) -> None:
    end = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_is_in_the_status_while_the_stage_works_and_gone_after(store: Store) -> None:
    lease = drivers(store).take("stage")
    (before,) = survey_status(store, ["train"])
    assert (before.state, before.step) == ("running", None)
    writer = StepWriter(store, "train", lease.token)
    with writer.writing():
        writer.latest = STEP
        wait_for(file_of(store))
        (status,) = survey_status(store, ["train"])
    assert (status.state, status.step, status.left) == ("running", STEP, 21.0)
    assert not file_of(store).exists()


@pytest.mark.parametrize("end", ["given back", "another's", "nobody's"])
def test_that_of_a_dead_run_is_not_shown(store: Store, end: str) -> None:
    lease = drivers(store).take("stage")
    document = {"done": 3, "of": 10, "what": "epochs", "note": "", "token": lease.token}
    store.write("ledger/train/progress.json", json.dumps(document).encode())
    (alive,) = survey_status(store, ["train"])
    assert alive.step == Step(3, 10, "epochs")
    lease.give_back()
    if end == "another's":
        drivers(store).take("stage")
    if end == "nobody's":
        drivers(store).clear("stage")
    (status,) = survey_status(store, ["train"])
    assert (status.step, status.left) == (None, None)
    assert status.state == ("running" if end == "another's" else "open")


def test_one_that_a_dead_run_left_goes_with_the_next(store: Store) -> None:
    store.write("ledger/train/progress.json", b"{}")
    with StepWriter(store, "train", "token").writing():
        pass
    assert not file_of(store).exists()


def test_the_same_step_is_written_once_and_a_store_that_fails_is_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def write_json(self: Store, key: str, document: dict[str, object]) -> None:
        tried.append(int(str(document["done"])))
        if len(tried) == 1:
            raise StoreError("no answer")

    monkeypatch.setattr(Store, "write_json", write_json)
    writer = StepWriter(store, "train", "token", STEP)
    with writer.writing():
        end = time.monotonic() + 20
        while len(tried) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)
    assert tried == [3, 3]
