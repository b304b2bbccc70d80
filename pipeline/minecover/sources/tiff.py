"""Where the tiles of a TIFF lie: what has to be read of it besides its pixels.

Of the headers of TIFF 6.0 (Adobe 1992) and BigTIFF as much as tells plain tiled integers of one
band from all else, which GDAL reads.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minecover.arrays import Int64Array

__all__ = ["Read", "TiffTiles", "tiff_tiles"]

Read = Callable[[int, int], bytes]
"""Gives the bytes of a file from a place up to another, fewer where it ends before."""

WIDTH, HEIGHT, BITS, COMPRESSION, FILL_ORDER, SAMPLES = 256, 257, 258, 259, 266, 277
PREDICTOR, TILE_WIDTH, TILE_HEIGHT, OFFSETS, SIZES, FORMAT = 317, 322, 323, 324, 325, 339

USUAL = {COMPRESSION: 1, FILL_ORDER: 1, SAMPLES: 1, PREDICTOR: 1, FORMAT: 1}
"""Values of tags that are left out."""

STORED, DEFLATED = (1,), (8, 32946)
"""Compressions that are understood."""

TYPES = {1: "u1", 3: "<u2", 4: "<u4", 16: "<u8"}
"""Types of the numbers of tags that are understood: bytes and integers."""

MOST_TAGS, MOST_TILES = 1000, 2**20


@dataclass(frozen=True, eq=False)
class TiffTiles:
    """The tiles of a file.

    Attributes
    ----------
    shape
        Rows and columns of pixels.
    tile
        Rows and columns of a tile, those at the edges included.
    dtype
        Little-endian integers of 8 or 16 bits.
    deflated
        Whether tiles are compressed.
    differences
        Whether each number but the first of a row is kept as its difference to that before it.
    offsets, sizes
        (row, column) of each tile: where its bytes begin, and how many they are; 0: never written.
    """

    shape: tuple[int, int]
    tile: tuple[int, int]
    dtype: np.dtype[np.unsignedinteger[npt.NBitBase]]
    deflated: bool
    differences: bool
    offsets: Int64Array
    sizes: Int64Array


def tiff_tiles(read: Read) -> TiffTiles | None:
    """Find the tiles of the first image of a file; None: it is of another kind.

    Parameters
    ----------
    read
        Gives bytes of the file; may raise EOFError for those that it does not have.
    """
    try:
        tags = _tags(read)
        return None if tags is None else _tiles(tags)
    except (EOFError, KeyError, OverflowError, ValueError, struct.error):
        return None


def _tags(read: Read) -> dict[int, Int64Array] | None:
    """Numbers of all tags of the first directory; None: no TIFF of this byte order."""
    start = read(0, 16)
    if start[:4] == b"II*\0":
        wide, place = False, struct.unpack("<I", start[4:8])[0]
    elif start[:8] == b"II+\0\x08\0\0\0":
        wide, place = True, struct.unpack("<Q", start[8:16])[0]
    else:
        return None
    width, entry = (8, struct.Struct("<HHQ8s")) if wide else (2, struct.Struct("<HHI4s"))
    count = int.from_bytes(read(place, place + width), "little")
    if count > MOST_TAGS:
        return None
    first = place + width
    entries = read(first, first + count * entry.size)
    found = {}
    for tag, kind, length, value in entry.iter_unpack(entries):
        if kind in TYPES and length <= MOST_TILES:
            found[tag] = _numbers(read, TYPES[kind], length, value)
    return found


def _numbers(read: Read, kind: str, length: int, value: bytes) -> Int64Array:
    """Numbers of a tag, which stand in its entry, or where that says."""
    size = np.dtype(kind).itemsize * length
    if size > len(value):
        place = int.from_bytes(value, "little")
        value = read(place, place + size)
    return np.frombuffer(value[:size], kind, length).astype(np.int64)


def _tiles(tags: dict[int, Int64Array]) -> TiffTiles | None:
    said = {tag: int(numbers[0]) for tag, numbers in tags.items() if numbers.size == 1}
    said = {**USUAL, **said}
    bits, compression = said[BITS], said[COMPRESSION]
    plain = (said[FILL_ORDER], said[SAMPLES], said[FORMAT]) == (1, 1, 1) and bits in (8, 16)
    if not plain or compression not in STORED + DEFLATED or said[PREDICTOR] not in (1, 2):
        return None
    tile = said[TILE_HEIGHT], said[TILE_WIDTH]
    shape = said[HEIGHT], said[WIDTH]
    if min(*tile, *shape) < 1:
        return None
    if min(tags[OFFSETS].min(), tags[SIZES].min()) < 0:  # beyond any file
        return None
    counts = -(-shape[0] // tile[0]), -(-shape[1] // tile[1])
    return TiffTiles(
        shape, tile, np.dtype(f"<u{bits // 8}"), compression in DEFLATED,
        said[PREDICTOR] == 2, tags[OFFSETS].reshape(counts), tags[SIZES].reshape(counts),
    )  # fmt: skip
