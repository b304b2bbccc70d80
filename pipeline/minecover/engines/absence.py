"""What a cluster lacks is waited for, but neither in silence nor without end."""

from __future__ import annotations

import time
import warnings

from minecover.errors import TryAgainError

__all__ = ["Absence"]

SILENCE = 60.0
"""Seconds after which the person is told."""

PATIENCE = 300.0
"""Seconds for which a cluster may lack it: nodes are started meanwhile."""


class Absence:
    """How long a cluster has lacked what work waits for.

    Parameters
    ----------
    lack
        What messages begin with: the cluster, and what it has not had.
    remedy
        What a person can do about it.
    """

    def __init__(self, lack: str, remedy: str) -> None:
        self.lack, self.remedy = lack, remedy
        self._since: float | None = None
        self._told = False

    def note(self, *, present: bool) -> None:
        """Take note whether it is there now.

        Raises
        ------
        TryAgainError
            It has not been for `PATIENCE` seconds.
        """
        if present:
            self._since, self._told = None, False
            return
        now = time.monotonic()
        if self._since is None:
            self._since = now
        absent = now - self._since
        if absent > PATIENCE:
            raise TryAgainError(
                f"{self.lack} for {absent:.0f} s: {self.remedy}, and run the same command again, "
                "it resumes where it stopped"
            )
        if absent > SILENCE and not self._told:
            self._told = True
            warnings.warn(
                f"{self.lack} for {absent:.0f} s; it is waited for until {PATIENCE:.0f} s: "
                f"{self.remedy}",
                stacklevel=3,
            )
