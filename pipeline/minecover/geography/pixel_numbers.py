"""A pseudo-random number for each pixel of a grid, from its place alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["pixel_numbers"]


def pixel_numbers(
    place: npt.NDArray[np.uint64], seed: int | Sequence[int]
) -> npt.NDArray[np.uint64]:
    """SplitMix64 (Steele et al. 2014, 10.1145/2660193.2660195) of a pixel's place and the seed.

    Both steps are bijections: two pixels never draw the same number.
    """
    start = np.random.SeedSequence(seed).generate_state(1, dtype=np.uint64)[0]
    z = place * np.uint64(0x9E3779B97F4A7C15) + start
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)
