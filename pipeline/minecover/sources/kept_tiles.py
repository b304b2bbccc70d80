"""Tiles of images that were used in part: the windows beside want the rest.

Windows and tiles of images seldom meet, so that most tiles are wanted by several windows one after
the other. They are kept inflated but packed, which takes a tenth of the time of inflating.
"""

from __future__ import annotations

import os
import random
import threading
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
    """Tiles up to a number of bytes, for any threads.

    Windows go over the same files again and again: where all of their tiles are more than are kept,
    those last used would be just the wrong ones, so tiles at random make room.

    Parameters
    ----------
    most
        Bytes that are kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: dict[Key, bytes] = {}
        self._keys: list[Key] = []
        self._random = random.Random(0)
        self._bytes = 0
        self._lock = threading.Lock()
        self._packing = Blosc("lz4", clevel=1, shuffle=BITSHUFFLE)

    def get(self, key: Key, dtype: np.dtype[Any]) -> Pixels | None:
        """Give a tile as a row of numbers; None: it is not kept."""
        with self._lock:
            packed = self._held.get(key)
        if packed is None:
            return None
        return np.frombuffer(self._packing.decode(packed), dtype)

    def keep(self, key: Key, pixels: Pixels) -> None:
        """Keep a tile; others make room."""
        packed = self._packing.encode(pixels)
        with self._lock:
            if key in self._held or len(packed) > self.most:
                return
            while self._bytes + len(packed) > self.most:
                self._drop_any()
            self._held[key] = packed
            self._keys.append(key)
            self._bytes += len(packed)

    def _drop_any(self) -> None:
        n = self._random.randrange(len(self._keys))
        self._keys[n], self._keys[-1] = self._keys[-1], self._keys[n]
        self._bytes -= len(self._held.pop(self._keys.pop()))


def kept_tiles() -> KeptTiles:
    """Tiles that this process keeps."""
    return _of_process(os.getpid())


@lru_cache(maxsize=1)
def _of_process(process: int) -> KeptTiles:
    del process  # a lock that another held at a fork is never released
    return KeptTiles(MOST_BYTES)
