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


def pause(lease: float) -> float:
    """Seconds to wait before looking again at what another holds."""
    return min(POLL, lease / 4)


def run_exclusively(
    claims: Leases, name: str, done: Callable[[], bool], work: Callable[[Lease], None]
) -> None:
    """Do what only one may do, or wait until another has done it or is dead.

    Parameters
    ----------
    claims, name
        What is claimed for it.
    done
        Whether it is done; asked before and after the claim.
    work
        Does it, under the claim.
    """
    wait = FIRST_LOOK
    while not done():
        try:
            claim = claims.take(name)
        except HeldError:
            time.sleep(min(wait, pause(claims.lease)))
            wait *= 2
            continue
        with claims.keeping(claim):
            if not done():
                work(claim)
            claims.clear(name)
