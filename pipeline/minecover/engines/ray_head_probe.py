"""Whether the head of a Ray cluster answers.

Actors go on without their head for a while, and Ray itself waits a minute for it before it ends
the process without a word that a person could use. So a driver looks for itself.
"""

from __future__ import annotations

import socket
import time

from minecover.errors import TryAgainError

__all__ = ["RayHeadProbe"]

EVERY = 2.0
"""Seconds between looks."""

PATIENCE = 10.0
"""Seconds of silence after which a head counts as lost: a short cut of its link is none."""


class RayHeadProbe:
    """The head of a cluster at `host:port`."""

    def __init__(self, address: str) -> None:
        self.address = address
        host, _, port = address.rpartition(":")
        self._place = host.strip("[]"), int(port)
        self._next = 0.0
        self.lost = False

    def answers(self) -> bool:
        """Tell whether anybody takes a connection, within two seconds."""
        try:
            with socket.create_connection(self._place, timeout=2.0):
                return True
        except OSError:
            return False

    def check(self) -> None:
        """Look at it now and then; wait for one that is silent, but not for long.

        Raises
        ------
        TryAgainError
            It is lost.
        """
        if not self.lost and time.monotonic() >= self._next:
            self.lost = not self._answers_in_time()
            self._next = time.monotonic() + EVERY
        if self.lost:
            raise TryAgainError(
                f"the head of the Ray cluster at {self.address} has not answered for "
                f"{PATIENCE:.0f} s; start the cluster again and run the same command, it "
                "resumes where it stopped"
            )

    def _answers_in_time(self) -> bool:
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return True
