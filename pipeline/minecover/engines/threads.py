"""Threads that whatever computes inside a worker may use."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import dask
from threadpoolctl import ThreadpoolController

__all__ = ["check_wanted", "limited_threads", "side_by_side", "torch_threads", "with_guess"]

_T = TypeVar("_T")
_R = TypeVar("_R")

_thread = threading.local()


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


def side_by_side(work: Callable[[_T], _R], pieces: Iterable[_T], threads: int) -> list[_R]:
    """Work on pieces on threads of this process; one thread is the calling one.

    Where a piece fails, or this process is asked to stop, those that were not begun are left out,
    and those at work end when they next `check_wanted`.
    """
    if threads <= 1:
        return [work(piece) for piece in pieces]
    pool, unwanted = ThreadPoolExecutor(threads), threading.Event()

    def begin(piece: _T) -> _R:
        _thread.unwanted = unwanted
        return work(piece)

    try:
        begun = [pool.submit(begin, piece) for piece in pieces]
        return [one.result() for one in begun]
    finally:
        unwanted.set()
        pool.shutdown(cancel_futures=True)


def with_guess(
    find: Callable[[], _T], guess: Callable[[], _R], holds: Callable[[_T], bool]
) -> tuple[_T, _R | None]:
    """Work on what is likely to be wanted on a thread, while this one finds out what is.

    Returns
    -------
    What was found, and the work; None where the guess does not hold: the work is given up.
    """
    pool, unwanted = ThreadPoolExecutor(1), threading.Event()

    def begin() -> _R:
        _thread.unwanted = unwanted
        return guess()

    try:
        begun = pool.submit(begin)
        found = find()
        return found, begun.result() if holds(found) else None
    finally:
        unwanted.set()
        pool.shutdown(cancel_futures=True)


def check_wanted() -> None:
    """Let long work end where nobody waits for it any more.

    Raises
    ------
    CancelledError
        Of a thread of `side_by_side` or `with_guess` whose caller has ended.
    """
    unwanted = getattr(_thread, "unwanted", None)
    if unwanted is not None and unwanted.is_set():
        raise CancelledError


@cache
def _blas() -> ThreadpoolController:
    """Libraries that are loaded now; to look for them takes milliseconds."""
    return ThreadpoolController()
