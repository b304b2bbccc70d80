"""Leakage: by how much a random split flatters, against spatial blocks, on the same points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minecover.accuracy.intervals import difference_interval
from minecover.arrays import Int64Array

__all__ = ["Leakage", "leakage"]

Labels = npt.NDArray[np.integer[Any]]

MIN_BLOCKS = 5
"""With fewer blocks the bootstrap says nothing about noise."""


@dataclass(frozen=True)
class Leakage:
    """Random against blocked overall accuracy at the same points.

    Attributes
    ----------
    random, blocked
        Overall accuracy under either division; NaN where no point was tested by both.
    points
        How many points both divisions tested; the figures are of these.
    interval
        95 % interval of `random` - `blocked`; None where there are too few blocks for one.
    """

    random: float
    blocked: float
    points: int
    interval: tuple[float, float] | None

    @property
    def difference(self) -> float:
        """How far random lies above blocked; negative where it lies below."""
        return self.random - self.blocked

    @property
    def leaks(self) -> bool:
        """Whether random flatters by more than noise."""
        return self.interval is not None and self.interval[0] > 0

    @property
    def text(self) -> str:
        """The statement, for a report."""
        if not self.points:
            return (
                "No point was tested by both divisions, so random split and spatial blocks cannot "
                "be compared: there are too few points."
            )
        figures = (
            f"At the {self.points:,} points that both divisions tested, overall accuracy is "
            f"{self.random:.1%} by random split and {self.blocked:.1%} by spatial blocks: the "
            f"random split is {_than(self.difference)}"
        )
        if self.interval is None:
            return f"{figures}. There are too few blocks to say whether this difference is noise."
        low, high = self.interval
        noise = f"{figures} (95 % interval: {_than(low)} to {_than(high)})."
        if self.leaks:
            return (
                f"{noise} The difference is larger than noise: training points near the test "
                "points flatter the random split. Report the blocked figure."
            )
        if high < 0:
            return f"{noise} The random split does not flatter here."
        return (
            f"{noise} The difference is within noise: no leakage is shown, which is no proof that "
            "there is none. The blocked figure remains the one to report."
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON wants it."""
        known = self.points > 0
        return {
            "random": self.random if known else None,
            "blocked": self.blocked if known else None,
            "points": self.points,
            "difference": self.difference if known else None,
            "interval": None if self.interval is None else list(self.interval),
            "leaks": self.leaks,
            "statement": self.text,
        }


def _than(difference: float) -> str:
    """Points by which the random split lies above or below, in the one direction of the text."""
    return f"{abs(100 * difference):.1f} points {'higher' if difference >= 0 else 'lower'}"


def leakage(
    reference: Labels,
    random: Labels,
    blocked: Labels,
    blocks: Int64Array,
    *,
    seed: int = 0,
) -> Leakage:
    """Compare predictions for the same points under the two divisions.

    The difference is taken point by point, and points of a block which resemble each other do not
    count as independent in its interval (`difference_interval`). The chance that lies in
    which points the models were trained on is not part of it, so now and then a difference of
    half a point is called more than noise.

    Parameters
    ----------
    reference
        (n,) true class codes.
    random, blocked
        (n,) class codes, each predicted while the point's fold was held out, with random folds
        and with folds of spatial blocks.
    blocks
        (n,) spatial block of each point.
    seed
        Of the bootstrap.
    """
    by_random, by_blocks = random == reference, blocked == reference
    interval = None
    if len(np.unique(blocks)) >= MIN_BLOCKS:
        found = difference_interval(by_random, by_blocks, blocks, seed=seed)
        interval = (found.low, found.high)
    if not len(reference):
        return Leakage(math.nan, math.nan, 0, None)
    return Leakage(float(by_random.mean()), float(by_blocks.mean()), len(reference), interval)
