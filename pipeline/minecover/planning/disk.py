"""How fast the store takes and gives bytes."""

from __future__ import annotations

import os
import time
from pathlib import Path

from minecover.storage.store import Store

__all__ = ["disk_rates"]

SIZE = 64 * 2**20
KEY = "calibration.part"


def disk_rates(store: Store) -> tuple[float, float]:
    """Measure the rates at which an object of 64 MiB is written and read, in MB/s.

    Of a local store the disk's own: the bytes are waited for until they are on it, and the
    system's copy of them is dropped before they are read.
    """
    data = os.urandom(SIZE)
    try:
        start = time.perf_counter()
        store.write(KEY, data)
        _reach_disk(store)
        written = time.perf_counter()
        _forget(store)
        start_read = time.perf_counter()
        store.read(KEY)
        ended = time.perf_counter()
    finally:
        store.remove(KEY)
    megabytes = SIZE / 1e6
    return round(megabytes / (written - start), 1), round(megabytes / (ended - start_read), 1)


def _file(store: Store) -> Path | None:
    return None if store.local_path is None else store.local_path / KEY


def _reach_disk(store: Store) -> None:
    path = _file(store)
    if path is not None:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _forget(store: Store) -> None:
    path = _file(store)
    if path is not None and hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
