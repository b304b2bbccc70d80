"""From-to maps: what each pixel was in one period and is in a later one, as one number.

A person reads the number: the code of the class before, then that of the class after with two
digits (three where a class of the survey has three). With codes 2 for forest and 5 for mines, 205
is forest that became a mine, and 202 forest that stayed. 0 is where either period has no class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from minecover.transitions.settings import ARROW

__all__ = ["Codes", "change_codes", "digits_of", "period_pairs", "transition_names"]

Codes = npt.NDArray[np.integer]


def digits_of(codes: Sequence[int]) -> int:
    """Give what the code of the class before is multiplied by: 100, or 1000."""
    return 100 if max(codes) < 100 else 1000


def change_codes(before: Codes, after: Codes, factor: int) -> npt.NDArray[np.int32]:
    """Put two maps into one.

    Parameters
    ----------
    before, after
        (y, x) class codes, 0 where nodata.
    factor
        That of `digits_of`.

    Returns
    -------
    (y, x) int32; below 65,536 where the factor is 100.
    """
    both = (before > 0) & (after > 0)
    joined = before.astype(np.int32) * np.int32(factor) + after.astype(np.int32)
    return np.where(both, joined, np.int32(0))


def transition_names(classes: Mapping[str, int]) -> dict[int, str]:
    """Name every number of a from-to map, as `forest -> mine`; what stays is `forest -> forest`.

    Parameters
    ----------
    classes
        Class name to code, in the survey's order.
    """
    factor = digits_of(list(classes.values()))
    return {
        factor * before + after: f"{first} {ARROW} {second}"
        for first, before in classes.items()
        for second, after in classes.items()
    }


def period_pairs(periods: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pair each period with the next, and the first with the last where there are more than two."""
    pairs = tuple(pairwise(periods))
    return (*pairs, (periods[0], periods[-1])) if len(periods) > 2 else pairs
