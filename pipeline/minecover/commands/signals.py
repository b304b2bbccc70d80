"""An orderly end, and an early one, when the person or the machine's owner wants it back."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from minecover.errors import TryAgainError

__all__ = ["StoppedError", "end_now", "stopping_in_order"]

GRACE = {signal.SIGINT: 4.0, signal.SIGTERM: 20.0}
"""Seconds that clusters and leases have to be given back; then the process ends without."""

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}

CODES = {signal.SIGINT: 130, signal.SIGTERM: TryAgainError.exit_code}
"""Exit codes: what a shell expects after Ctrl-C, and what says that a fault passes."""

SHOW_CURSOR = "\x1b[?25h"


class StoppedError(TryAgainError):
    """The process was told to stop.

    Parameters
    ----------
    number
        The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(
            f"stopped by {NAMES[signal.Signals(number)]}; what is done is kept, and the same "
            "command goes on where it was"
        )
        self.exit_code = CODES[signal.Signals(number)]


@contextmanager
def stopping_in_order() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into an error that gives back leases and stops clusters.

    A pod that is evicted gets SIGTERM and some seconds of grace. Whoever presses Ctrl-C wants out
    in a few: what is not given back by then is found dead by the next run. A second Ctrl-C ends
    the process at once. For the main thread.

    Raises
    ------
    StoppedError
        One of the signals came.
    """
    stop = _Stop()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # written to at once, also while the main thread computes and runs no Python
    woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    before = {number: signal.signal(number, stop) for number in GRACE}
    watch = threading.Thread(target=stop.watch, args=(reader,), daemon=True)
    watch.start()
    told, sys.unraisablehook = sys.unraisablehook, stop.unraisable
    try:
        yield
    except KeyboardInterrupt as error:
        raise StoppedError(stop.number or signal.SIGINT) from error
    except Exception as error:
        if not stop.raised:
            raise
        # a library had the interrupt lost, as compilers do in what they call back
        raise StoppedError(stop.number or signal.SIGINT) from error
    finally:
        sys.unraisablehook = told
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken)
        os.close(writer)
        watch.join()
        os.close(reader)


class _Stop:
    """The signal that came first.

    What is raised is a KeyboardInterrupt, whichever it was: Ray, Dask and Click know that nothing
    which handles errors may swallow it, and Ray loses every other error that a signal raises.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.raised = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        del frame
        if not self.raised:
            self.raised, self.number = True, self.number or number
            raise KeyboardInterrupt
        if number == signal.SIGINT:
            end_now(StoppedError(self.number or number))

    def unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        """Tell of errors that nothing can catch, except of the stop itself."""
        if not (self.raised and isinstance(lost.exc_value, KeyboardInterrupt)):
            sys.__unraisablehook__(lost)

    def watch(self, reader: int) -> None:
        """End the process where its grace runs out before the pipe is closed."""
        deadline: float | None = None
        pipe = select.poll()  # select() knows no descriptor beyond 1,023, and images are held open
        pipe.register(reader, select.POLLIN)
        while True:
            wait = None if deadline is None else 1000 * max(0.0, deadline - time.monotonic())
            if not pipe.poll(wait):
                end_now(StoppedError(self.number or signal.SIGINT))
            numbers = os.read(reader, 64)
            if not numbers:
                return
            for number in numbers:
                if number in NAMES and deadline is None:
                    self.number = self.number or number
                    deadline = time.monotonic() + GRACE[signal.Signals(number)]


def end_now(error: StoppedError) -> NoReturn:
    """Say why, and end the process whatever its threads and clusters are at."""
    shown = SHOW_CURSOR if sys.stderr.isatty() else ""
    os.write(2, f"{shown}\nminecover: {error}\n".encode())
    os._exit(error.exit_code)
