"""Compiled loops and plain threads inside one process, by which a worker computes on arrays."""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from numba import njit

from minecover.errors import SurveyError

__all__ = ["check_threads", "compiled", "in_strips", "read_only"]

_STRIPS = 4  # for each thread

_P = ParamSpec("_P")
_R = TypeVar("_R")
_S = TypeVar("_S", bound=np.generic)


def compiled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile `function` with numba on first use and keep the machine code in numba's cache.

    The interpreter lock is released, division follows IEEE 754, and floating-point sums keep
    their order (no fast-math), so that results do not depend on the width of the vector unit.
    Where neither the installation nor the home can be written, the cache is a temporary folder.
    """
    compile_it = partial(njit, cache=True, nogil=True, error_model="numpy")
    try:
        return cast(Callable[_P, _R], compile_it()(function))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
    numba.config.CACHE_DIR = _cache_folder()
    return cast(Callable[_P, _R], compile_it()(function))


@cache
def _cache_folder() -> str:
    """Give this user's folder of compiled code among temporary files; workers use it, too.

    One that others may write is none, for what lies there is run: then it is this process's own.
    """
    folder = Path(tempfile.gettempdir()) / f"minecover-numba-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) == 0o700:
            logging.getLogger("minecover").info(
                "compiled code is kept in %s: neither the installation nor the home can be "
                "written; NUMBA_CACHE_DIR names another folder",
                folder,
            )
            return str(folder)
    return tempfile.mkdtemp(prefix="minecover-numba-")


def read_only(array: npt.NDArray[_S]) -> npt.NDArray[_S]:
    """Return a read-only view, so that one compiled variant serves writable and read-only input."""
    view = array.view()
    view.flags.writeable = False
    return view


def check_threads(what: str, threads: int) -> None:
    """Raise `SurveyError` unless `threads` is a positive integer."""
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise SurveyError(f"{what}: threads is {threads!r}; give 1 or more")


def in_strips(rows: int, threads: int, compute: Callable[[int, int], None]) -> None:
    """Call ``compute(start, stop)`` on strips of `rows` rows, `threads` of them at once.

    There are a few strips for each thread, so that one that is held up leaves its share to the
    others. The compiled kernels release the interpreter lock, so strips run side by side. Plain
    threads are used rather than numba's own, whose default layer must not be entered by two at
    once: two Dask threads may call the same kernel at the same time.
    """
    if threads == 1 or rows == 1:
        compute(0, rows)
        return
    strips = min(_STRIPS * threads, rows)
    edges = [rows * k // strips for k in range(strips + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(compute, a, b) for a, b in pairwise(edges)]:
            done.result()
