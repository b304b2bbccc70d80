"""Hectares mined outside of all licences, as designs of points estimate them, against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minecover.area_estimation.design import count_pixels, draw, sample_size
from minecover.area_estimation.strata import change_strata, expected_of_strata, names_of_strata
from minecover.area_estimation.stratified import Strata
from minecover.geography.grid import Window

__all__ = ["Maps", "estimated"]

STANDARD_ERROR, MINIMUM, EXPECTED = 0.01, 50, 0.9
"""Of the design: of the overall accuracy, points of a stratum at least, accuracy expected."""

HECTARES = 0.01  # of a pixel
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Maps:
    """What designs are drawn from, and what their points are labelled by.

    Attributes
    ----------
    classes
        Name to code.
    single, combined, truth
        (period, y, x) codes.
    """

    classes: Mapping[str, int]
    single: Codes
    combined: Codes
    truth: Codes


def estimated(
    maps: Maps, outside: npt.NDArray[np.bool_], mining: int, designs: int
) -> dict[str, float]:
    """Draw designs, label them by the truth, and estimate what is mined in a part of the area.

    Parameters
    ----------
    maps
        Of the district.
    outside
        (y, x) the part.
    mining
        Code of the class.
    designs
        How many.

    Returns
    -------
    `points` of a design, mean `estimate_ha`, `low_ha` and `high_ha` of the 95 % intervals, and
    `held`, the share of these that hold what is true.
    """
    first, last = maps.combined[0], maps.combined[-1]
    strata = change_strata(first, last, maps.single[0] != maps.single[-1], maps.classes)
    tiles = [(Window(0, strata.shape[0], 0, strata.shape[1]), strata)]
    pixels, names = count_pixels(iter(tiles)), names_of_strata(maps.classes)
    expected = expected_of_strata(maps.classes, dict.fromkeys(maps.classes.values(), EXPECTED))
    size, total = sample_size(pixels, expected, STANDARD_ERROR), sum(pixels.values())
    allocation = {
        code: min(count, max(MINIMUM, round(size * count / total)))
        for code, count in pixels.items()
    }
    there = (maps.truth[-1] == mining) & outside
    true = HECTARES * float(there.sum())
    found = []
    for seed in range(designs):
        frame = draw(iter(tiles), allocation, width=strata.shape[1], seed=seed).frame
        mined = there[frame["row"].to_numpy(), frame["col"].to_numpy()].astype(np.float64)
        sampled = Strata.of(
            [names[code] for code in frame["code"]],
            {names[code]: count for code, count in pixels.items()},
        )
        found.append(sampled.share(mined).times(HECTARES * total))
    return {
        "points": sum(allocation.values()),
        "estimate_ha": float(np.mean([one.value for one in found])),
        "low_ha": float(np.mean([one.low for one in found])),
        "high_ha": float(np.mean([one.high for one in found])),
        "held": float(np.mean([one.low <= true <= one.high for one in found])),
    }
