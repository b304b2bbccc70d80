"""Shards that are encoded by the house are those that Zarr writes, byte for byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.storage import MemoryStore

from minecover.storage.shard import encode_shard

BLOSC = BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")


def array_of(
    shape: tuple[int, ...], inner: tuple[int, ...], shard: tuple[int, ...], **more: Any
) -> tuple[zarr.Array[Any], MemoryStore]:
    store = MemoryStore()
    settings: dict[str, Any] = {
        "dtype": "float32", "fill_value": np.nan, "compressors": [BLOSC, Crc32cCodec()], **more,
    }  # fmt: skip
    return zarr.create_array(store, shape=shape, chunks=inner, shards=shard, **settings), store


def written(store: MemoryStore, key: str) -> bytes:
    held = store._store_dict.get(key)
    return b"" if held is None else held.to_bytes()


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([(), (3,), (2, 4), (1, 5)]),
    st.integers(1, 5),
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(0, 1),
    st.randoms(use_true_random=False),
)
def test_a_shard_is_the_one_that_zarr_writes(
    leading: tuple[int, ...], tiles: int, height: int, width: int, absent: float, random: Any
) -> None:
    edge = 8 * tiles
    inner = tuple(min(2, length) for length in leading)
    whole = tuple(-(-length // part) * part for length, part in zip(leading, inner, strict=True))
    array, store = array_of((*leading, height, width), (*inner, 8, 8), (*whole, edge, edge))
    rng = np.random.default_rng(random.getrandbits(32))
    corner = rng.normal(size=(*leading, min(edge, height), min(edge, width))).astype(np.float32)
    blocks = rng.random((-(-edge // 8), -(-edge // 8))) < absent
    gone = np.kron(blocks, np.ones((8, 8), bool))[: corner.shape[-2], : corner.shape[-1]]
    corner[..., gone] = np.nan
    array[..., : corner.shape[-2], : corner.shape[-1]] = corner
    key = "/".join(["c", *["0"] * len(leading), "0", "0"])
    assert encode_shard(array, corner) == written(store, key)


def test_integers_without_checksum_are_those_of_zarr_too() -> None:
    array, store = array_of((64, 64), (16, 16), (32, 32), dtype="uint8", fill_value=0,
                            compressors=[BLOSC])  # fmt: skip
    values = np.zeros((32, 32), np.uint8)
    values[3, 20:30] = 7
    array[:32, :32] = values
    assert encode_shard(array, values) == written(store, "c/0/0") != b""
    assert encode_shard(array, np.zeros((32, 32), np.uint8)) == b""


def test_what_is_stored_otherwise_is_refused() -> None:
    array, _ = array_of((64, 64), (16, 16), (32, 32), compressors=[ZstdCodec()])
    with pytest.raises(TypeError, match="ZstdCodec"):
        encode_shard(array, np.zeros((32, 32), np.float32))
    plain = zarr.create_array(MemoryStore(), shape=(4, 4), chunks=(4, 4), dtype="float32")
    with pytest.raises(TypeError, match="no array in shards"):
        encode_shard(plain, np.zeros((4, 4), np.float32))
