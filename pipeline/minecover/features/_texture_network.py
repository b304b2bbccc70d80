"""Sorting networks for the pair codes of adjacent windows.

The pairs of a window are sorted column by column. Adjacent windows share columns, so every column
is sorted once, runs of 2, 4, 8, ... columns are merged once, and a window is merged from the few
runs that make it up. A network compares the same positions whatever the values are, so adjacent
windows are sorted side by side in the lanes of the vector unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["Program", "sorting_program"]

Rows = list[int]


@dataclass(frozen=True)
class Program:
    """How to sort a window of pair codes.

    Attributes
    ----------
    steps
        ``(n, 7)`` int64: rows that receive the smaller and the larger of two codes; row and
        shift in columns of the first; row and shift of the second; columns more than there are
        windows. Rows ``0 .. rows - 1`` hold the unsorted codes at the start.
    order
        Rows of the workspace that hold a window's codes in ascending order at the end, and -1
        for a row of padding where that makes their number even.
    rows
        Rows of the workspace.
    """

    steps: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]
    rows: int

    def positions(self, stride: int) -> npt.NDArray[np.int64]:
        """Return the steps with positions in a workspace of rows of `stride` codes.

        ``(n, 5)``: of the smaller, the larger, the first, the second; columns more.
        """
        low, high, a, shift_a, b, shift_b, extra = self.steps.T
        places = [low * stride, high * stride, a * stride + shift_a, b * stride + shift_b, extra]
        return np.stack(places, axis=1)


class _Builder:
    """Writes the steps of a network; remembers where each row's codes are to be read from."""

    def __init__(self, rows: int) -> None:
        self.steps: list[tuple[int, ...]] = []
        self.rows = rows
        self.read_from = {row: (row, 0) for row in range(rows)}

    def receive(self, rows: Rows, shift: int) -> Rows:
        """Reserve new rows that take their codes from `rows`, moved by `shift` columns."""
        new = list(range(self.rows, self.rows + len(rows)))
        self.rows += len(rows)
        self.read_from.update(zip(new, ((row, shift) for row in rows), strict=True))
        return new

    def exchange(self, low: int, high: int, extra: int) -> None:
        self.steps.append((low, high, *self.read_from[low], *self.read_from[high], extra))
        self.read_from[low], self.read_from[high] = (low, 0), (high, 0)

    def merge(self, first: Rows, second: Rows, extra: int) -> Rows:
        """Batcher's odd-even merge of any two lengths (Knuth, volume 3, section 5.3.4)."""
        if not first or not second:
            return first + second
        if len(first) == len(second) == 1:
            self.exchange(first[0], second[0], extra)
            return first + second
        even = self.merge(first[0::2], second[0::2], extra)
        odd = self.merge(first[1::2], second[1::2], extra)
        merged = [even[0]]
        for low, high in zip(odd, even[1:], strict=False):
            self.exchange(low, high, extra)
            merged += [low, high]
        paired = min(len(odd), len(even) - 1)
        return merged + odd[paired:] + even[1 + paired :]

    def sort(self, rows: Rows, extra: int) -> Rows:
        if len(rows) == 1:
            return rows
        half = len(rows) // 2
        return self.merge(self.sort(rows[:half], extra), self.sort(rows[half:], extra), extra)

    def join(self, first: Rows, second: Rows, shift: int, extra: int) -> Rows:
        """Merge two lists into new rows, the second moved by `shift` columns."""
        merged = self.merge(self.receive(first, 0), self.receive(second, shift), extra)
        for row in merged:
            if self.read_from[row] != (row, 0):
                self.exchange(row, row, extra)
        return merged


@lru_cache(maxsize=64)
def sorting_program(rows: int, columns: int) -> Program:
    """Build the program that sorts windows of ``rows x columns`` pairs."""
    build = _Builder(rows)
    runs = {1: build.sort(list(range(rows)), columns - 1)}
    width = 1
    while 2 * width <= columns:
        runs[2 * width] = build.join(runs[width], runs[width], width, columns - 2 * width)
        width *= 2
    window, taken = runs[width], width
    for width in sorted(runs, reverse=True)[1:]:
        if columns & width:
            window = build.join(window, runs[width], taken, columns - taken - width)
            taken += width
    order = window + [-1] * (len(window) % 2)
    return Program(np.array(build.steps, np.int64), np.array(order, np.int64), build.rows)
