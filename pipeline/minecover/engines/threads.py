"""Threads that whatever computes inside a worker may use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import dask
from threadpoolctl import ThreadpoolController

__all__ = ["limited_threads", "torch_threads"]


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Let Dask, BLAS and torch use `count` threads inside the block."""
    blas = _blas().limit(limits=count, user_api="blas")
    with torch_threads(count), dask.config.set(num_workers=count), blas:
        yield


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let what this thread computes with torch use `count` threads inside the block.

    torch is not imported for that: what needs it has imported it.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@cache
def _blas() -> ThreadpoolController:
    """Libraries that are loaded now; to look for them takes milliseconds."""
    return ThreadpoolController()
