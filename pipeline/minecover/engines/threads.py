"""Threads that whatever computes inside a worker may use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import dask
from threadpoolctl import ThreadpoolController

__all__ = ["limited_threads"]


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Let Dask, BLAS and torch use `count` threads inside the block.

    torch is not imported for that: what needs it has imported it.
    """
    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    if torch is not None:
        torch.set_num_threads(count)
    try:
        with dask.config.set(num_workers=count), _blas().limit(limits=count, user_api="blas"):
            yield
    finally:
        if torch is not None:
            torch.set_num_threads(before)


@cache
def _blas() -> ThreadpoolController:
    """Libraries that are loaded now; to look for them takes milliseconds."""
    return ThreadpoolController()
