"""Workers and drivers that die at any instruction, and two at once: the same bytes at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.clusters import kill_head
from minecover.engines.base import Outcome
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.storage.store import Store
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.retry import TileChoice, retry
from minecover.workflow.run import Run
from services.runs import (
    environment,
    kill_worker_of,
    rasters,
    stub_command,
    until_a_tile_is_begun,
    until_tiles_are_done,
)

pytestmark = [pytest.mark.integration, pytest.mark.alone]

TILES = 16


def start(store: Path, *options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(stub_command(store, *options), stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    _, told = process.communicate(timeout=120)
    assert process.returncode == code, told
    return told


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    Run(tile_survey(str(store), 4, 4), number_stages(), Silent()).until("features")
    return rasters(store)


@pytest.mark.parametrize("before", ["", "B"], ids=["empty store", "store of other settings"])
def test_killed_at_every_write_point_a_run_ends_in_the_same_bytes(
    tmp_path: Path, before: str
) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "services.kill_points", str(tmp_path), before],
        check=True, capture_output=True, text=True, timeout=500, env=environment(),
    )  # fmt: skip
    result = json.loads(told.stdout)
    assert result["points"] > 40
    assert result["wrong"] == []


def test_two_drivers_at_once_share_the_tiles(tmp_path: Path, reference: dict[str, bytes]) -> None:
    store = tmp_path / "store"
    told = [tmp_path / "one.json", tmp_path / "two.json"]
    drivers = [start(store, "--seconds", 0.05, "--counts", path) for path in told]
    for driver in drivers:
        ended(driver)
    counts = [json.loads(path.read_text()) for path in told]
    assert sum(count.get("done", 0) for count in counts) == 2 * TILES  # no tile twice, none lost
    assert rasters(store) == reference


def test_a_driver_killed_beside_another_costs_nothing(
    tmp_path: Path, reference: dict[str, bytes]
) -> None:
    store = tmp_path / "store"
    one, two = (start(store, "--seconds", 0.1, "--lease", 3600) for _ in range(2))
    until_tiles_are_done(store, 3)
    one.kill()
    one.communicate()
    ended(two)  # the lease of an hour is not waited for
    assert rasters(store) == reference


def test_a_driver_that_stands_still_is_taken_over_when_its_lease_ends(
    tmp_path: Path, reference: dict[str, bytes]
) -> None:
    """A stopped process lives: only its lease tells that it will not go on."""
    store = tmp_path / "store"
    one = start(store, "--seconds", 0.2, "--lease", 2)
    until_tiles_are_done(store, 2)
    one.send_signal(signal.SIGSTOP)
    ended(start(store, "--lease", 2))
    assert rasters(store) == reference
    one.send_signal(signal.SIGCONT)  # it wakes with its tile half done, and ends well
    ended(one)
    assert rasters(store) == reference


def test_two_drivers_with_other_settings_do_not_mix(tmp_path: Path) -> None:
    store = tmp_path / "store"
    one = start(store, "--seconds", 2)  # it is at the cube for half a minute
    until_tiles_are_done(store, 1)
    other = start(store, "--version", "B")
    assert "another run with other settings replaced cube" in ended(one, 75)
    ended(other)
    layout = Ledger(Store(str(store))).layout("cube")
    assert layout is not None
    done = TileMarkers(Store(str(store)), "cube", layout["fingerprint"]).names("done")
    assert len(list(done)) == TILES


def test_sigterm_gives_the_tile_back(tmp_path: Path, reference: dict[str, bytes]) -> None:
    store = tmp_path / "store"
    Run(tile_survey(str(store), 4, 4), number_stages(), Silent()).until("catalog")
    share = start(store, "--share", 0, 2, "--seconds", 2)
    until_tiles_are_done(store, 1)
    until_a_tile_is_begun(store)
    time.sleep(0.5)  # of its two seconds: whoever has just made a lease may not hold it yet
    share.terminate()
    assert "stopped by SIGTERM" in ended(share, 75)
    (lease,) = store.glob("ledger/cube/*/leases/*.json")
    assert json.loads(lease.read_text())["given_back"]
    for index in range(2):
        ended(start(store, "--share", index, 2))
    progress = Silent()
    Run(tile_survey(str(store), 4, 4), number_stages(), progress).until("features")
    assert progress.counts == {"done": TILES}  # the features alone
    assert rasters(store) == reference


@pytest.mark.parametrize(
    ("engine", "number", "name", "code"),
    [("dask", signal.SIGINT, "Ctrl-C", 130), ("ray", signal.SIGTERM, "SIGTERM", 75)],
)
def test_a_run_that_waits_for_its_workers_ends_when_it_is_told_to(
    tmp_path: Path, engine: str, number: signal.Signals, name: str, code: int
) -> None:
    store, log = tmp_path / "store", tmp_path / "told"
    command = stub_command(store, "--engine", engine, "--seconds", 2)
    with log.open("w") as words:  # no pipe: Ray's processes would hold it open
        # a terminal sends its signals to the workers as well
        run = subprocess.Popen(command, stderr=words, start_new_session=True)
    until_tiles_are_done(store, 1)
    os.killpg(run.pid, number)
    assert run.wait(120) == code
    # on a crowded machine the grace may run out: the same words, by another way
    assert log.read_text().removeprefix("\nminecover: ") == (
        f"stopped by {name}; what is done is kept, and the same command goes on where it was\n"
    )


def test_a_dask_worker_killed_again_and_again(tmp_path: Path, reference: dict[str, bytes]) -> None:
    store = tmp_path / "store"
    driver = start(store, "--engine", "dask", "--seconds", 0.3)
    for least in (2, 5, 8):
        until_tiles_are_done(store, least)
        kill_worker_of(store, driver.pid)
    ended(driver)
    assert rasters(store) == reference


def test_ray_loses_workers_and_then_its_head(tmp_path: Path, reference: dict[str, bytes]) -> None:
    """Lost workers cost a moment; a lost head ends the driver, which says what to do."""
    store = tmp_path / "store"
    log = tmp_path / "told"
    with log.open("w") as words:  # no pipe: Ray's processes would hold it open
        # long enough that the cube is not done before anybody looks for the head
        command = stub_command(store, "--engine", "ray", "--seconds", 1.5)
        driver = subprocess.Popen(command, stderr=words)
    for least in (1, 4):
        until_tiles_are_done(store, least)
        kill_worker_of(store, driver.pid)
    until_tiles_are_done(store, 7)
    kill_head(driver.pid)
    assert driver.wait(60) == 75, log.read_text()
    told = log.read_text()
    assert "the head of the Ray cluster" in told
    assert "run the same command" in told
    assert "Traceback" not in told
    ended(start(store))
    assert rasters(store) == reference


@pytest.mark.parametrize("engine", [{"tiles": "dask"}, {"prediction": "ray"}], ids=["dask", "ray"])
def test_a_tile_retried_while_workers_are_at_the_next_stage(
    tmp_path: Path, engine: dict[str, str]
) -> None:
    """Workers in other processes find their generation over; the driver begins again."""
    survey = tile_survey(str(tmp_path / "store"), 2, 3, workers=2, **engine)
    chosen: list[dict[str, list[str]]] = []

    class Meddling(Silent):
        def tile(self, outcome: Outcome) -> None:
            super().tile(outcome)
            if self.counts["done"] == 7:  # the first of the features
                named = TileChoice(tiles=("r0000c0000",), stage="cube")
                chosen.append(retry(Store(survey.store), named, run.order))

    progress = Meddling()
    run = Run(survey, number_stages(seconds=0.1), progress)
    run.until("features")
    assert chosen == [{"cube": ["r0000c0000"]}]
    assert progress.done == ["catalog", "cube", "cube", "features"]
    assert progress.counts["done"] >= 6 + 1 + 6
