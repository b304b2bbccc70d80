"""Storage that transfers share evenly."""

from __future__ import annotations

import heapq
import math

__all__ = ["SharedBandwidth"]


class SharedBandwidth:
    """Transfers that go on at once, each at the same rate.

    All have had the same number of bytes since they began together, so one counter of bytes
    (`served`) tells when each of them ends, whatever comes and goes meanwhile.

    Parameters
    ----------
    bandwidth, stream
        Bytes a second of all transfers together, and of one.
    """

    def __init__(self, bandwidth: float, stream: float) -> None:
        self.bandwidth, self.stream = bandwidth, stream
        self.now = self.served = 0.0
        self.heap: list[tuple[float, int]] = []
        self.ends: dict[int, float] = {}

    def add(self, now: float, who: int, size: float) -> None:
        """Begin a transfer of `size` bytes."""
        self._advance(now)
        self.ends[who] = self.served + size
        heapq.heappush(self.heap, (self.ends[who], who))

    def remove(self, now: float, who: int) -> None:
        """Break a transfer off, where there is one."""
        self._advance(now)
        self.ends.pop(who, None)
        self._drop_broken()

    def next_end(self) -> float:
        """When the next transfer ends if none comes or goes; infinite where there is none."""
        if not self.heap:
            return math.inf
        return self.now + max(0.0, self.heap[0][0] - self.served) / self._rate()

    def pop(self) -> tuple[float, int]:
        """End the next transfer; return when, and whose it is."""
        end = self.next_end()
        self._advance(end)
        _, who = heapq.heappop(self.heap)
        del self.ends[who]
        self._drop_broken()
        return end, who

    def _rate(self) -> float:
        return min(self.stream, self.bandwidth / len(self.ends))

    def _advance(self, now: float) -> None:
        if self.ends:
            self.served += (now - self.now) * self._rate()
        self.now = now

    def _drop_broken(self) -> None:
        while self.heap and self.ends.get(self.heap[0][1]) != self.heap[0][0]:
            heapq.heappop(self.heap)
