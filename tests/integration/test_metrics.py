"""Metrics of Dask and Ray as a Prometheus on this machine would read them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from minecover.engines.dask_cluster import dask_client
from minecover.engines.session import ray_session
from minecover.engines.settings import EngineSettings

pytestmark = [pytest.mark.integration, pytest.mark.alone]


@pytest.fixture
def port() -> int:
    """A port that is free, and the next."""
    for port in range(18_000, 19_000, 2):
        if all(_free(each) for each in (port, port + 1)):
            return port
    pytest.skip("no two free ports")


def _free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0


def scraped(port: int, done: Callable[[set[str]], bool]) -> set[str]:
    """Names of the metrics at a port, once `done` likes them; for half a minute."""
    names: set[str] = set()
    end = time.monotonic() + 30
    while not done(names) and time.monotonic() < end:
        try:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
            names = {family.name for family in text_string_to_metric_families(text)}
        except (URLError, OSError):
            time.sleep(0.5)
    return names


def listeners(port: int) -> set[str]:
    return {
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }


def test_dask_tells_of_itself_on_loopback(port: int) -> None:
    with dask_client(EngineSettings(workers=1, metrics_port=port)) as client:
        assert client.submit(abs, -1).result() == 1
        names = scraped(port, lambda known: "dask_scheduler_workers" in known)
        assert {"dask_scheduler_workers", "dask_scheduler_tasks"} <= names
        assert listeners(port) == {"127.0.0.1"}


def test_ray_tells_of_itself_on_loopback(port: int) -> None:
    with ray_session(EngineSettings(workers=1, metrics_port=port)):
        # others come first: the node is measured now and then
        names = scraped(port + 1, lambda known: any(name.startswith("ray_node") for name in known))
        assert any(name.startswith("ray_node") for name in names), sorted(names)[:20]
        assert listeners(port + 1) == {"127.0.0.1"}
