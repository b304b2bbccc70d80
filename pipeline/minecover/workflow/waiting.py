"""Do what only one may do, or wait until another has done it."""

from __future__ import annotations

import time
from collections.abc import Callable

from minecover.errors import HeldError
from minecover.ledger.leases import Lease, Leases

__all__ = ["FIRST_LOOK", "POLL", "pause", "run_exclusively"]

FIRST_LOOK = 0.05
"""Seconds before what another holds is looked at again for the first time; then twice as many."""


POLL = 2.0
"""Seconds between looks at what others hold, at most."""


def pause(seconds: float) -> float:
    """Seconds to wait before looking again at what another holds a lease of so many seconds on."""
    return min(POLL, seconds / 4)


def run_exclusively(
    leases: Leases, name: str, done: Callable[[], bool], work: Callable[[Lease], None]
) -> None:
    """Do what only one may do, or wait until another has done it or is dead.

    Parameters
    ----------
    leases, name
        Under which lease.
    done
        Tells whether it is done; called before the lease is taken and after.
    work
        Does it while this process holds the lease.
    """
    wait = FIRST_LOOK
    while not done():
        try:
            lease = leases.take(name)
        except HeldError:
            time.sleep(min(wait, pause(leases.seconds)))
            wait *= 2
            continue
        with leases.holding(lease):
            if not done():
                work(lease)
            leases.clear(name)
