"""Strata of a design by what changed.

Most of an area does not change, and what the map misses of change lies there, each missed pixel of
the sample standing for many hectares. So strata are the transitions of the map, and those pixels
that stayed what they were on the map although the readings of the two periods, each by itself,
differ, are a stratum of their own: omitted change is found there first (Olofsson et al. 2020,
Remote Sens. Environ. 236, 111492, 10.1016/j.rse.2019.111492, on strata against errors of omission).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from minecover.arrays import BoolArray
from minecover.transitions.from_to import Codes, change_codes, digits_of, transition_names
from minecover.transitions.settings import ARROW

__all__ = ["UNSURE", "change_strata", "expected_of_strata", "names_of_strata"]

UNSURE = 1
"""Code of the stratum that stayed although the readings differ; transitions have 101 and more."""

UNSURE_NAME = "unchanged, readings differ"

HALF = 0.5
"""User's accuracy that is expected of a stratum which is there for what is not known of it."""


def change_strata(
    before: Codes, after: Codes, differ: BoolArray, classes: Mapping[str, int]
) -> npt.NDArray[np.int32]:
    """Give the stratum of each pixel.

    Parameters
    ----------
    before, after
        (y, x) class codes of the map in two periods, 0 where nodata.
    differ
        (y, x) whether the periods' own readings differ.
    classes
        Class name to code.

    Returns
    -------
    (y, x) codes; 0 where nodata.
    """
    codes = change_codes(before, after, digits_of(list(classes.values())))
    return np.where((before == after) & differ & (codes > 0), np.int32(UNSURE), codes)


def names_of_strata(classes: Mapping[str, int]) -> dict[int, str]:
    """Name the strata that there may be, by code."""
    return {UNSURE: UNSURE_NAME, **transition_names(classes)}


def expected_of_strata(classes: Mapping[str, int], users: Mapping[int, float]) -> dict[int, float]:
    """User's accuracy to expect of each stratum, by code.

    That of a transition is the product of those of its classes, as if the two maps erred
    independently; of what stays it is that of its class.

    Parameters
    ----------
    classes
        Class name to code.
    users
        Class code to its user's accuracy, of the classes that are mapped.
    """
    expected = {UNSURE: HALF}
    for code, name in transition_names(classes).items():
        before, after = (classes[part] for part in name.split(f" {ARROW} "))
        if before in users and after in users:
            one, other = users[before], users[after]
            expected[code] = one if before == after else one * other
    return expected
