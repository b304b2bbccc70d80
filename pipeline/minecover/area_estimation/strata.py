"""Strata of a design by what changed.

Most of an area does not change, and what the map misses of change lies there, each missed pixel of
the sample standing for many hectares. So strata are the transitions of the map, and those pixels
that stayed what they were on the map although the readings of the two periods, each by itself,
differ, are strata of their own, by what the readings changed: omitted change is found there first
(Olofsson et al. 2020, Remote Sens. Environ. 236, 111492, 10.1016/j.rse.2019.111492, on strata
against errors of omission).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from minecover.geography.grid import Window
from minecover.transitions.from_to import Codes, change_codes, digits_of, transition_names
from minecover.transitions.settings import ARROW

__all__ = [
    "OTHER",
    "UNSURE",
    "change_strata",
    "expected_of_strata",
    "joined_pixels",
    "joined_strata",
    "joined_tiles",
    "names_of_strata",
]

UNSURE, OTHER = 1, 2
"""Codes of what stayed although the readings differ, and of changes, that have no stratum of their
own. A transition has 101 or more, what stayed although the readings went that way its negative."""

UNSURE_NAME, OTHER_NAME = "unchanged, readings differ", "other changes"

READ_AS = "unchanged, read as"

SMALL = 0.01
"""Share of all that changed, or of all that is unsure, below which there is no stratum of its own:
its points would stand for few pixels, and others for more."""

HALF = 0.5
"""User's accuracy that is expected of a stratum which is there for what is not known of it."""

Tiles = Iterable[tuple[Window, Codes]]


def change_strata(
    maps: tuple[Codes, Codes], readings: tuple[Codes, Codes], classes: Mapping[str, int]
) -> npt.NDArray[np.int32]:
    """Give the stratum of each pixel, the small ones not joined (`joined_strata`).

    Parameters
    ----------
    maps
        (y, x) class codes in two periods, 0 where nodata.
    readings
        (y, x) class codes of the same periods, each read by itself.
    classes
        Class name to code.

    Returns
    -------
    (y, x) codes; 0 where nodata.
    """
    factor = digits_of(list(classes.values()))
    codes, read = change_codes(*maps, factor), change_codes(*readings, factor)
    unsure = (maps[0] == maps[1]) & (readings[0] != readings[1]) & (codes > 0)
    return np.where(unsure, np.where(read > 0, -read, np.int32(UNSURE)), codes)


def joined_strata(
    pixels: Mapping[int, int], classes: Mapping[str, int], minimum: int
) -> dict[int, int]:
    """Join the strata of changes that are small, and those of doubts about them.

    A transition is small if it has fewer pixels than a stratum has points at least, or less than a
    hundredth of all that changed. What is unsure has a stratum by what was read if it is not small
    among the unsure and that transition has a stratum, too.

    Parameters
    ----------
    pixels
        Of each stratum of `change_strata`.
    classes
        Class name to code.
    minimum
        Points of a stratum.

    Returns
    -------
    Code of a stratum to that of the stratum of the design.
    """
    factor = digits_of(list(classes.values()))
    stayed = {factor * code + code for code in classes.values()}
    changes = {code: count for code, count in pixels.items() if code > OTHER}
    changes = {code: count for code, count in changes.items() if code not in stayed}
    unsure = {code: count for code, count in pixels.items() if code < 0}
    large = _large(changes, minimum)
    kept = stayed | large | {code for code in _large(unsure, minimum) if -code in large}
    return {code: code if code in kept else OTHER if code in changes else UNSURE for code in pixels}


def _large(pixels: Mapping[int, int], minimum: int) -> set[int]:
    least = max(minimum, SMALL * sum(pixels.values()))
    return {code for code, count in pixels.items() if count >= least}


def joined_pixels(pixels: Mapping[int, int], joined: Mapping[int, int]) -> dict[int, int]:
    """Count the pixels of each stratum of the design."""
    counts: Counter[int] = Counter()
    for code, count in pixels.items():
        counts[joined[code]] += count
    return dict(sorted(counts.items()))


def joined_tiles(
    tiles: Tiles, joined: Mapping[int, int]
) -> Iterator[tuple[Window, npt.NDArray[np.int32]]]:
    """Give tiles of strata as tiles of the design's strata; 0 stays nodata."""
    for window, codes in tiles:
        found, places = np.unique(codes, return_inverse=True)
        own = np.array([joined[code] if code else 0 for code in found.tolist()], dtype=np.int32)
        yield window, own[places].reshape(codes.shape)


def names_of_strata(classes: Mapping[str, int]) -> dict[int, str]:
    """Name the strata that there may be, by code."""
    changes = transition_names(classes)
    unsure = {-code: f"{READ_AS} {name}" for code, name in changes.items()}
    return {UNSURE: UNSURE_NAME, OTHER: OTHER_NAME, **unsure, **changes}


def expected_of_strata(classes: Mapping[str, int], users: Mapping[int, float]) -> dict[int, float]:
    """User's accuracy to expect of each stratum, by code.

    That of a transition is the product of those of its classes, as if the two maps erred
    independently; of what stays it is that of its class. Of the others nothing is known.

    Parameters
    ----------
    classes
        Class name to code.
    users
        Class code to its user's accuracy, of the classes that are mapped.
    """
    changes = transition_names(classes)
    expected = dict.fromkeys((UNSURE, OTHER, *(-code for code in changes)), HALF)
    for code, name in changes.items():
        before, after = (classes[part] for part in name.split(f" {ARROW} "))
        if before in users and after in users:
            one, other = users[before], users[after]
            expected[code] = one if before == after else one * other
    return expected
