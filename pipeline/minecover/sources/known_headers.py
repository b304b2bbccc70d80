"""Headers that a process has read: of each file once, as long as it stays as it is."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from functools import lru_cache

from minecover.sources.header import Header, read_header
from minecover.sources.ranges import is_far
from minecover.storage.s3 import S3Access

__all__ = ["FileState", "file_state", "known_header"]

MOST = 2000
"""Headers that are kept, each of some kilobytes."""

FileState = tuple[str, int, int]
"""Path, and of a file on this disk its size and the time of its last change."""


def file_state(path: str) -> FileState:
    """Give the state of a file; what GDAL opens far away is taken to stay as it is."""
    if is_far(path):
        return path, 0, 0
    try:
        status = os.stat(path)
    except OSError:  # GDAL says what is wrong with it
        return path, 0, 0
    return path, status.st_size, status.st_mtime_ns


def known_header(path: str, href: str, where: str, s3: S3Access, *, own: bool = False) -> Header:
    """Read a header, unless this process has; see `header.read_header`."""
    return _of_process(os.getpid()).get(path, href, where, s3, own)


class _Headers:
    def __init__(self) -> None:
        self._held: OrderedDict[tuple[FileState, bool], Header] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: str, href: str, where: str, s3: S3Access, own: bool) -> Header:
        key = (file_state(path), own)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        header = read_header(path, href, where, s3, own=own)
        with self._lock:
            self._held[key] = header
            if len(self._held) > MOST:
                self._held.popitem(last=False)
        return header


@lru_cache(maxsize=1)
def _of_process(process: int) -> _Headers:
    del process  # a lock that another held at a fork is never released
    return _Headers()
