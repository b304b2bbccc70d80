"""Hectares mined outside of all licences, as designs of points estimate them, against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.change_designs import design_of_change
from minecover.area_estimation.bounds import area_bounds

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
    size, points, hits = _strata(maps, (maps.truth[-1] == mining) & outside)
    total = float(size.sum())
    true = float(hits.sum()) / total
    # of each stratum a simple random sample
    found = np.random.default_rng(0).hypergeometric(
        hits.astype(int), (size - hits).astype(int), points.astype(int), (designs, len(size))
    )
    values = found @ (size / points) / total
    ends = np.array(
        [
            area_bounds(float(value), own, points, size)
            for value, own in zip(values, found.astype(np.float64), strict=True)
        ]
    )
    low, high = HECTARES * total * ends.mean(axis=0)
    return {
        "points": int(points.sum()),
        "estimate_ha": HECTARES * total * float(values.mean()),
        "low_ha": float(low),
        "high_ha": float(high),
        "held": float(((ends[:, 0] <= true) & (true <= ends[:, 1])).mean()),
    }


def _strata(maps: Maps, there: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(3, stratum) pixels, points of a design, and the pixels that are there."""
    strata, allocation = design_of_change(
        maps.combined[[0, -1]], maps.single[[0, -1]], maps.classes,
        dict.fromkeys(maps.classes.values(), EXPECTED), STANDARD_ERROR, MINIMUM,
    )  # fmt: skip
    rows = [
        [np.count_nonzero(strata == code), points, there[strata == code].sum()]
        for code, points in allocation.items()
    ]
    return np.array(rows, dtype=np.float64).T
