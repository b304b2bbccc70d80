"""What the rounds measured, beside what the simulation predicts from the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from minecover.planning.simulation import Pool, drawn, simulate

__all__ = ["Compared", "compare", "gains"]

LABELS = {
    (1, 1, 1, 0): "1 process\nall tiles",
    (2, 2, 1, 0): "2 processes\nall tiles",
    (2, 2, 1, 2): "2 hosts\nall tiles",
    (1, 2, 1, 0): "1 process\nhalf",
    (2, 2, 2, 0): "2 processes\n2 stores",
}
DRAWS = 200

Round = dict[str, Any]


@dataclass(frozen=True)
class Compared:
    """One way of doing the tiles of a stage.

    Attributes
    ----------
    stage, workers, shares, stores, hosts, tiles
        What was done.
    spans, starts
        Seconds of every round but the first, which the prediction is made from.
    predicted
        Seconds, the mean over draws of tiles.
    """

    stage: str
    workers: int
    shares: int
    stores: int
    hosts: int
    tiles: int
    spans: tuple[float, ...]
    starts: tuple[float, ...]
    predicted: float

    @property
    def label(self) -> str:
        """Two short lines."""
        return LABELS[self.workers, self.shares, self.stores, self.hosts]

    @property
    def span(self) -> float:
        """Median of the rounds."""
        return median(self.spans)

    @property
    def error(self) -> float:
        """Of the prediction, as a share of what was measured."""
        return self.predicted / self.span - 1


def compare(rounds: Sequence[Round]) -> list[Compared]:
    """Hold every round after the first against a prediction from the first."""
    first, later = _by_turn(rounds[0]), [_by_turn(each) for each in rounds[1:]]
    result = []
    for way, turn in first.items():
        stage, workers, *_ = way
        spans = tuple(each[way]["span"] for each in later)
        starts = tuple(each[way]["start"] for each in later)
        tiles = len(turn["seconds"])
        predicted = predict(first[stage, 1, 1, 1, 0], workers, tiles)
        result.append(Compared(*way, tiles, spans, starts, predicted))
    return result


def predict(measured: Round, workers: int, tiles: int) -> float:
    """Predict the span of workers with shares of their own from what one process took alone."""
    seconds = np.asarray(measured["seconds"])
    # between two tiles: lease, marker and the look for the next
    between = (measured["span"] - seconds.sum()) / len(seconds)
    mean = seconds.mean() + between
    spans = []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        times = drawn(measured["seconds"], mean, tiles, rng)
        spans.append(simulate(times, Pool(workers, dealt=True), rng).seconds)
    return float(np.mean(spans))


def gains(rounds: Sequence[Round], stage: str) -> tuple[list[float], list[float], list[float]]:
    """Strong and weak scaling of two processes over one, and what the machine allows, by round.

    Weak: how many times the work in the time that one process needs for half of it. The machine's:
    the same of two processes in a store each, which share nothing but the machine.
    """
    turns = [_by_turn(each) for each in rounds]
    strong = [each[stage, 1, 1, 1, 0]["span"] / each[stage, 2, 2, 1, 0]["span"] for each in turns]
    weak = [2 * each[stage, 1, 2, 1, 0]["span"] / each[stage, 2, 2, 1, 0]["span"] for each in turns]
    own = [2 * each[stage, 1, 2, 1, 0]["span"] / each[stage, 2, 2, 2, 0]["span"] for each in turns]
    return strong, weak, own


def _by_turn(measured: Round) -> dict[tuple[str, int, int, int, int], Round]:
    keys = ("stage", "workers", "shares", "stores", "hosts")
    return {tuple(turn[key] for key in keys): turn for turn in measured["turns"]}  # type: ignore[misc] # five
