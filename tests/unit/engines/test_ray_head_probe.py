"""A head that does not answer is given up after a while, and time-outs are what clusters read."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import dask
import pytest

from minecover.engines import ray_head_probe as head
from minecover.engines.ray_head_probe import RayHeadProbe
from minecover.engines.timeouts import DASK, DASK_CONFIG
from minecover.errors import TryAgainError


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    monkeypatch.setattr(head, "PATIENCE", 0.6)
    monkeypatch.setattr(head, "EVERY", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def of(server: socket.socket) -> RayHeadProbe:
    return RayHeadProbe(f"127.0.0.1:{server.getsockname()[1]}")


def test_a_head_that_answers_is_not_lost(listening: socket.socket) -> None:
    watched = of(listening)
    for _ in range(3):
        watched.check()
        time.sleep(0.11)
    assert not watched.lost


def test_a_silent_head_is_given_time_and_then_lost_for_good(listening: socket.socket) -> None:
    watched, place = of(listening), listening.getsockname()
    listening.close()
    begun = time.monotonic()
    with pytest.raises(TryAgainError, match=r"has not answered for .* run the same command"):
        watched.check()
    assert time.monotonic() - begun >= 0.6
    with socket.create_server(place), pytest.raises(TryAgainError):
        watched.check()  # what it knew of this process is gone


def test_a_head_that_comes_back_in_time_is_no_loss(listening: socket.socket) -> None:
    watched, place = of(listening), listening.getsockname()
    watched.check()
    listening.close()
    watched.check()  # too soon to look again
    with socket.create_server(place):
        time.sleep(0.11)
        watched.check()
    assert not watched.lost


def test_what_is_printed_for_a_shell_is_what_dask_reads() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "minecover.engines", "dask"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert told.splitlines() == [f"export {name}={value}" for name, value in DASK.items()]
    collected = dask.config.collect_env(DASK)
    assert {name: dask.config.get(name, config=collected) for name in DASK_CONFIG} == DASK_CONFIG


def test_an_engine_without_settings_is_refused() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "minecover.engines", "spark"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 2
    assert "dask|ray" in told.stderr
