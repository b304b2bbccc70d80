"""Shards as Zarr writes them, encoded chunk by chunk.

A tile is one whole shard. Zarr reads what was there, lays the pixels over it and joins the encoded
chunks, in several copies and for four times the time that compressing takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt
import zarr
from numcodecs.blosc import Blosc
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, ShardingCodec

__all__ = ["encode_shard"]

Pixels = npt.NDArray[Any]
Place = tuple[int, ...]

ABSENT = np.uint64(2**64 - 1)
"""Offset and length, in the index of a shard, of a chunk of which nothing is kept."""


def encode_shard(array: zarr.Array[Any], values: Pixels) -> bytearray:
    """Encode the pixels of a tile (Zarr v3, codec `sharding_indexed` 1.0, index at the end).

    Parameters
    ----------
    array
        In chunks of bytes, Blosc and perhaps CRC-32C.
    values
        (..., y, x) of the whole shard, or of what of it lies in the array.

    Returns
    -------
    What the object of the shard holds, chunks in Morton order; empty where there are none but fill
    values: then there is no such object.
    """
    codecs = getattr(array.metadata, "codecs", ())
    sharding = codecs[0] if codecs else None
    if not isinstance(sharding, ShardingCodec):
        raise TypeError(f"{array.name} is no array in shards")
    inner, (shape, compressor, with_checksum) = sharding.chunk_shape, _layout(array, sharding)
    index = np.full((*shape, 2), ABSENT, "<u8")
    chunk, out = np.empty(inner, array.dtype), bytearray()
    for place in _morton_order(shape):
        if not _cut(values, place, chunk, array.fill_value):
            continue
        data = compressor.encode(chunk)
        index[place] = len(out), len(data) + 4 * with_checksum
        out += data
        if with_checksum:
            out += _checksum(data)
    if out:
        out += index.tobytes()
        out += _checksum(index.tobytes())
    return out


def _layout(array: zarr.Array[Any], sharding: ShardingCodec) -> tuple[Place, Blosc, bool]:
    """Chunks of a shard along each axis, their compressor, and whether each has a checksum."""
    assert array.shards is not None
    counts = tuple(a // b for a, b in zip(array.shards, sharding.chunk_shape, strict=True))
    kinds = [type(codec) for codec in sharding.codecs]
    if kinds[:2] != [BytesCodec, BloscCodec] or kinds[2:] not in ([], [Crc32cCodec]):
        raise TypeError(f"{array.name} has chunks of {kinds}")
    blosc = sharding.codecs[1]
    assert isinstance(blosc, BloscCodec)
    shuffle = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}[blosc.shuffle.value]
    compressor = Blosc(blosc.cname.value, blosc.clevel, shuffle, blosc.blocksize)
    return counts, compressor, len(kinds) == 3


def _cut(values: Pixels, place: Place, chunk: Pixels, fill: Any) -> bool:  # noqa: ANN401
    """Fill a chunk, also beyond the array; tell whether it has any other value."""
    starts = [n * length for n, length in zip(place, chunk.shape, strict=True)]
    part = values[tuple(slice(a, a + n) for a, n in zip(starts, chunk.shape, strict=True))]
    if part.shape != chunk.shape:
        chunk[...] = fill
    chunk[tuple(map(slice, part.shape))] = part
    if fill == fill:
        return bool((chunk != fill).any())
    return not np.isnan(chunk.flat[0]) or not np.isnan(chunk).all()


def _checksum(data: bytes) -> bytes:
    return int(google_crc32c.value(data)).to_bytes(4, "little")


@lru_cache(maxsize=16)
def _morton_order(shape: Place) -> Sequence[Place]:
    """Give the places of a shard's chunks in the order of their interleaved bits."""
    lengths = [(count - 1).bit_length() for count in shape]

    def code(place: Place) -> int:
        return sum(bit << n for n, bit in enumerate(_interleaved(place, lengths)))

    return sorted(product(*map(range, shape)), key=code)


def _interleaved(place: Place, lengths: Sequence[int]) -> Iterator[int]:
    """Bits of all positions from the lowest on, of each as many as it has."""
    for bit in range(max(lengths)):
        for position, length in zip(place, lengths, strict=True):
            if bit < length:
                yield position >> bit & 1
