"""Several hosts: the same bytes whoever works, and when a host dies or its link is cut."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from conftest import Recorder  # type: ignore[import-not-found]
from hosts import Lan, unavailable
from minecover.survey import Survey
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from services import copy_store
from services.network import Network, longest_stall
from services.runs import (
    RASTERS,
    differing,
    rasters,
    stub_command,
    tiles_done,
    until_tiles_are_done,
)

pytestmark = [pytest.mark.integration, pytest.mark.alone]

Make = Callable[..., Survey]
Do = Callable[..., Recorder]

TILES = 16
MINECOVER = str(Path(sys.executable).with_name("minecover"))


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    reason = unavailable()
    if reason:
        pytest.skip(f"no hosts on this machine: {reason}")
    # all folders of tests are seen by all hosts
    with Network.up("mctest", 3, tmp_path_factory.getbasetemp()) as network:
        yield network
    assert "mctest" not in subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout


@pytest.fixture
def three(lan: Network) -> Iterator[Network]:
    """Three hosts that are up."""
    lan.fix()
    yield lan
    lan.fix()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    Run(tile_survey(str(store), 4, 4), number_stages(), Silent()).until("features")
    return rasters(store)


def written(survey: Survey, place: Path) -> Path:
    place.write_text(yaml.safe_dump(survey.model_dump(mode="json"), sort_keys=False))
    return place


def test_a_host_has_its_own_name_address_and_tmp(three: Network, tmp_path: Path) -> None:
    script = "hostname; hostname -I; ls /tmp; touch /tmp/mine-$(hostname); ps -e | wc -l"
    with tempfile.NamedTemporaryFile(dir="/tmp", prefix="the-machines-") as other:
        told = [three.finish(three.start(host, "sh", "-c", script)).split() for host in (1, 2)]
    assert [words[:2] for words in told] == [["h1", "10.213.0.1"], ["h2", "10.213.0.2"]]
    for words in told:  # what is shared may lie in /tmp, nothing else of the machine does
        assert tmp_path.parts[2] in words[2:-1]
        assert not {Path(other.name).name, "mine-h1", "mine-h2"} & set(words)
    assert all(int(words[-1]) < 10 for words in told)


def test_a_killed_host_starts_again_and_a_second_network_is_another(three: Network) -> None:
    sleeping = three.start(3, "sleep", "60")
    three.lan.kill(3)
    assert sleeping.ended(10) == -signal.SIGKILL
    assert three.lan.hosts() == {1: "up", 2: "up", 3: "dead"}
    three.lan.start(3)
    other = Lan("mcother")
    try:
        other.up(1)
        assert three.finish(three.start(3, "hostname")) == "h3\n"
    finally:
        other.down()
        other.down()  # as often as one likes
    assert three.lan.hosts() == {1: "up", 2: "up", 3: "up"}


def test_shares_dask_and_ray_on_three_hosts_and_s3_write_what_one_process_does_in_a_folder(
    three: Network, tmp_path: Path, make_survey: Make, do: Do
) -> None:
    """Real kernels: the cube by shares of an index, the features on Dask, the map on Ray."""
    do(make_survey(tmp_path / "local"), "predict")
    three.s3(1)
    engine = {"tiles": "dask", "dask_address": three.dask(1, 1, 2, 3), "lease": 4}
    engine |= {"prediction": "ray", "ray_address": three.ray(1, 2, 3)}
    url = "s3://minecover/survey"
    survey = written(make_survey(url, engine=engine), tmp_path / "survey.yaml")
    three.finish(three.start(1, MINECOVER, "catalog", survey))
    for share in [
        three.start(
            host, MINECOVER, "tile", survey, "--stage", "cube", "--index", host - 1, "--of", 3
        )
        for host in (1, 2, 3)
    ]:
        three.finish(share)
    three.finish(three.start(2, MINECOVER, "features", survey))
    three.finish(three.start(3, MINECOVER, "predict", survey))
    three.finish(three.start(2, sys.executable, copy_store.__file__, url, tmp_path / "copy"))
    assert tiles_done(tmp_path / "copy", "predict") == 4
    names = (*RASTERS, "map.zarr")
    found, expected = (rasters(tmp_path / place, names) for place in ("copy", "local"))
    assert differing(found, expected) == []
    three.renew()


def test_a_cut_link_and_a_killed_host_cost_a_dask_cluster_seconds(
    three: Network, tmp_path: Path, reference: dict[str, bytes]
) -> None:
    """Of three workers one is left at the end."""
    store, address = tmp_path / "store", three.dask(1, 1, 2, 3)
    command = stub_command(
        store, "--engine", "dask", "--address", address, "--seconds", 0.4, "--lease", 3
    )
    driver = three.start(1, *command)
    until_tiles_are_done(store, 3)
    three.lan.cut(3)
    until_tiles_are_done(store, 2, "features")
    three.lan.heal(3)
    three.lan.kill(2)
    three.finish(driver)
    assert longest_stall(store) < 30  # twice the time-out of a connection, and the lease
    assert differing(rasters(store), reference) == []


def test_a_host_killed_beside_another_costs_its_lease(
    three: Network, tmp_path: Path, reference: dict[str, bytes]
) -> None:
    store, told = tmp_path / "store", [tmp_path / "one.json", tmp_path / "two.json"]
    options = ("--seconds", 0.6, "--lease", 3)  # the killed one is far from its end
    one, two = (
        three.start(host, *stub_command(store, *options, "--counts", path))
        for host, path in zip((1, 2), told, strict=True)
    )
    until_tiles_are_done(store, 4)
    three.lan.kill(1)
    one.ended(10)
    three.finish(two)
    assert longest_stall(store) < 60  # half of the lease that is usual here
    assert not told[0].exists()
    assert differing(rasters(store), reference) == []


def test_two_drivers_on_two_hosts_do_no_tile_twice(
    three: Network, tmp_path: Path, reference: dict[str, bytes]
) -> None:
    store, told = tmp_path / "store", [tmp_path / "one.json", tmp_path / "two.json"]
    for driver in [
        three.start(host, *stub_command(store, "--seconds", 0.1, "--lease", 4, "--counts", path))
        for host, path in zip((1, 2), told, strict=True)
    ]:
        three.finish(driver)
    assert sum(json.loads(path.read_text()).get("done", 0) for path in told) == 2 * TILES
    assert differing(rasters(store), reference) == []


def test_a_store_on_another_host_may_be_away_for_a_while(
    three: Network, tmp_path: Path, reference: dict[str, bytes]
) -> None:
    three.s3(3)
    url = "s3://minecover/survey"
    driver = three.start(2, *stub_command(url, "--seconds", 0.1, "--lease", 5))
    time.sleep(2.0)
    three.lan.cut(3)
    time.sleep(4.0)
    assert driver.process.poll() is None
    three.lan.heal(3)
    healed = time.monotonic()
    three.finish(driver)
    # what was lost is sent again after five seconds at most; a silent request after twenty
    assert time.monotonic() - healed < 40
    copy = tmp_path / "copy"
    three.finish(three.start(2, sys.executable, copy_store.__file__, url, copy))
    assert tiles_done(copy) == 2 * TILES
    assert differing(rasters(copy), reference) == []
