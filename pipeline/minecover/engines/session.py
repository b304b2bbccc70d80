"""A session of Ray: a cluster joined or started, and left again, whatever became of it."""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants

from minecover.engines.ports import check_port
from minecover.engines.ray_folder import ray_folder
from minecover.engines.ray_head_probe import RayHeadProbe
from minecover.engines.settings import EngineSettings
from minecover.engines.timeouts import RAY, export
from minecover.errors import TryAgainError

__all__ = ["check_head", "cluster_cpus", "ray_session", "why_lost"]

CLIENT = "ray://"

ROOM = 16 * 2**20
"""Bytes that must be free where Ray has its logs and sockets: of a session of hours a few MiB."""

_heads: list[RayHeadProbe] = []
"""RayHeadProbe of the session of this process, if there is one; a lost one stays."""


@contextmanager
def ray_session(settings: EngineSettings) -> Iterator[None]:
    """Connect to the survey's Ray cluster, or start one on loopback and stop it afterwards.

    Inside another session of the same process nothing is started or stopped.

    Raises
    ------
    TryAgainError
        No head answers at the survey's address.
    """
    check_head()
    if ray.is_initialized():
        yield
        return
    export(RAY)
    with ray_folder() as folder:
        try:
            with _own_signals():
                _connect(settings, folder)
        except BaseException:
            ray.shutdown()  # what was started before it failed, or was stopped
            raise
        head = _head(settings.ray_address or "")
        _heads.append(head)
        try:
            yield
        finally:
            _heads.remove(head)
            _leave(head, own=not settings.ray_address)


def check_head() -> None:
    """Look now and then whether the head of the session still answers.

    Raises
    ------
    TryAgainError
        It is lost; whoever waits for Ray would wait for ever.
    """
    for head in _heads:
        head.check()


def cluster_cpus() -> float | None:
    """Count the CPUs of all nodes that are up; None where the head does not answer now.

    Who asks a lost head waits for a minute, and then Ray ends the process.
    """
    if not all(head.answers() for head in _heads):
        return None
    cpus: float = ray.cluster_resources().get("CPU", 0.0)
    return cpus


def why_lost(error: Exception) -> str:
    """Put into one short line why Ray lost a worker; its own words go on for a page."""
    text = str(error)
    if "low on memory" in text:
        return "it was killed because the machine ran low on memory"
    return text.partition("\n")[0].partition(". ")[0].rstrip(".")


def _head(address: str) -> RayHeadProbe:
    """RayHeadProbe of the session; of one by `ray://` the server that it goes through."""
    if address.startswith(CLIENT):
        return RayHeadProbe(address.removeprefix(CLIENT))
    return RayHeadProbe(ray.get_runtime_context().gcs_address)


def _connect(settings: EngineSettings, folder: Path) -> None:
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    # without it Ray takes the loopback address for a mistake, and listens where others reach it
    ray_constants.ENABLE_RAY_CLUSTER = bool(settings.ray_address)
    if not settings.ray_address:
        metrics = None if settings.metrics_port is None else settings.metrics_port + 1
        check_port(metrics)
        _bring_token()
        with _starting(folder):
            ray.init(
                address="local",  # never one that happens to run on this machine
                num_cpus=settings.workers * settings.threads,
                include_dashboard=False,
                _node_ip_address="127.0.0.1",
                object_store_memory=256 * 2**20,
                _metrics_export_port=metrics,
                _temp_dir=str(folder),
                **common,
            )
        return
    where, port = settings.ray_address.removeprefix(CLIENT), r":\d+$"
    # before Ray tries: it would for a minute, and then end the process
    if re.search(port, where) and not RayHeadProbe(where).answers():
        raise TryAgainError(
            f"engine.ray_address: no Ray head answers at {where}; start the cluster (see `python "
            "-m minecover.engines ray`) or fix the address, and run the same command again"
        )
    ray.init(address=settings.ray_address, **common)


def _bring_token() -> None:
    """Give the session a token of its own where there is no home in which Ray could keep one."""
    home = os.path.expanduser("~")  # as it is where this user has none
    if not os.access(home, os.W_OK) and "RAY_AUTH_TOKEN_PATH" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


@contextmanager
def _starting(folder: Path) -> Iterator[None]:
    """Say where Ray would not start, which has no error of its own for it.

    Raises
    ------
    TryAgainError
        It did not start, or has no room to.
    """
    ways = (
        f"make room in {folder.parent} or set TMPDIR to another folder, and run the same command "
        "again, or set engine.tiles, engine.prediction and engine.training to local"
    )
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise TryAgainError(
            f"Ray needs {ROOM >> 20} MiB for its logs and sockets, and {folder.parent} has "
            f"{free / 2**20:.1f} MiB free; {ways}"
        )
    try:
        yield
    except Exception as error:
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
        raise TryAgainError(
            f"Ray did not start: {reason or type(error).__name__}. Where the machine is crowded, "
            f"run the same command again later; else {ways}"
        ) from error


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what SIGTERM does.

    While Ray starts it would make an exit of it that gives no tile back; then its compiled part
    takes it for a crash, until Python's handler is set again.
    """
    before, theirs = signal.getsignal(signal.SIGTERM), ray._private.utils.set_sigterm_handler
    ray._private.utils.set_sigterm_handler = lambda handler: None
    try:
        yield
    finally:
        ray._private.utils.set_sigterm_handler = theirs
        main = threading.current_thread() is threading.main_thread()
        if main and before is not None:  # else no Python code set it
            signal.signal(signal.SIGTERM, before)


def _leave(head: RayHeadProbe, *, own: bool) -> None:
    """End the session, where there is anybody to take leave of.

    Without the head of a cluster elsewhere Ray's own farewell takes minutes, and without that the
    interpreter crashes in Ray when it ends. So the session is left as it is, and the process ends
    with the code of `TryAgainError` before Ray has its turn: what it did is in the ledger.
    """
    if own or (not head.lost and head.answers()):
        ray.shutdown()
        return
    head.lost = True
    _heads.append(head)
    atexit.register(_end)


def _end() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(TryAgainError.exit_code)
