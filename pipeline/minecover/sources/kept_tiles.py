"""Tiles of images that were used in part: the windows beside want the rest.

Windows and tiles of images seldom meet, so that most tiles are wanted by several windows one after
the other. They are kept inflated but packed, which takes a tenth of the time of inflating.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numcodecs.blosc import BITSHUFFLE, Blosc

__all__ = ["KeptTiles", "kept_tiles"]

MOST_BYTES = 80 * 2**20
"""Bytes that a process keeps."""

Key = tuple[object, ...]
Pixels = npt.NDArray[Any]


class KeptTiles:
    """Tiles, those last used up to a number of bytes; for any threads.

    Parameters
    ----------
    most
        Bytes that are kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: OrderedDict[Key, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._packing = Blosc("lz4", clevel=1, shuffle=BITSHUFFLE)

    def get(self, key: Key, dtype: np.dtype[Any]) -> Pixels | None:
        """Give a tile as a row of numbers; None: it is not kept."""
        with self._lock:
            packed = self._held.get(key)
            if packed is None:
                return None
            self._held.move_to_end(key)
        return np.frombuffer(self._packing.decode(packed), dtype)

    def keep(self, key: Key, pixels: Pixels) -> None:
        """Keep a tile; those that were not used for longest make room."""
        packed = self._packing.encode(pixels)
        with self._lock:
            if key in self._held or len(packed) > self.most:
                return
            self._held[key] = packed
            self._bytes += len(packed)
            while self._bytes > self.most:
                _, old = self._held.popitem(last=False)
                self._bytes -= len(old)


def kept_tiles() -> KeptTiles:
    """Tiles that this process keeps."""
    return _of_process(os.getpid())


@lru_cache(maxsize=1)
def _of_process(process: int) -> KeptTiles:
    del process  # a lock that another held at a fork is never released
    return KeptTiles(MOST_BYTES)
