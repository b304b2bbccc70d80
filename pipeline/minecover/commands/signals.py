"""An orderly end when the machine is wanted back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from minecover.errors import TryAgainError

__all__ = ["stopping_in_order"]


class _TerminatedError(BaseException):
    """SIGTERM; like KeyboardInterrupt nothing that handles errors must swallow it."""


@contextmanager
def stopping_in_order() -> Iterator[None]:
    """Turn SIGTERM into an error that gives back leases and stops clusters on its way out.

    A pod that is evicted gets SIGTERM and some seconds of grace. For the main thread.

    Raises
    ------
    TryAgainError
        SIGTERM came.
    """
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    except _TerminatedError as error:
        raise TryAgainError(
            "stopped by SIGTERM; the tile in work was given back, and the same command goes on "
            "where it was"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not disturb the clean-up
    raise _TerminatedError
