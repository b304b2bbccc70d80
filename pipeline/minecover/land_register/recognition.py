"""Which suspect of this run a finding is about that people made of an earlier one.

A suspect is called by the id of its mine and the name of the polygon. Ids change where maps of
earlier periods do, as when the model is trained anew: then the same ground has another name, and
its old name may be that of other ground. A finding that says where it was, as a copy of
suspects.csv does, is therefore held against the ground, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from minecover.arrays import Float64Array
from minecover.land_register.states import State
from minecover.land_register.tables import Suspect

__all__ = ["recognised"]

DEGREE = 111_195.0
"""Metres of a degree of latitude on a sphere of 6,371 km."""

SAME = 0.25
"""Of half the diagonal around a suspect: centres so near are of the same ground."""

NEAR = 1000.0
"""Metres within which a name is that of the same suspect: mines move on as they dig."""

Pair = tuple[int, bool, float, str, int]
"""Rank, whether the names differ, metres between the centres, key of the finding, suspect."""


def recognised(
    suspects: Sequence[Suspect], places: Float64Array, states: Mapping[str, State], pixel: float
) -> tuple[list[Suspect], dict[str, State]]:
    """Give suspects the states that people found.

    The same ground comes first, then the same name near by, then ground that lies around where the
    finding was; of the same name, or of the same kind and polygon. A finding that says no place
    goes by its name.

    Parameters
    ----------
    suspects
        Without states.
    places
        (suspect, 2) longitude and latitude of their centres.
    states
        By the name that a suspect had.
    pixel
        Edge in metres.

    Returns
    -------
    The suspects with their states, and the states that are of none of them.
    """
    pairs = sorted(
        pair for n, one in enumerate(suspects) for pair in _pairs(n, one, places[n], states, pixel)
    )
    given: dict[int, State] = {}
    waiting = dict(states)
    for *_, key, number in pairs:
        if number not in given and key in waiting:
            given[number] = waiting.pop(key)
    known = [replace(one, state=given.get(n, State())) for n, one in enumerate(suspects)]
    return known, {key: state for key, state in waiting.items() if state.says_something}


def _pairs(
    number: int, suspect: Suspect, place: Float64Array, states: Mapping[str, State], pixel: float
) -> Iterator[Pair]:
    """Give the findings that may be about a suspect."""
    y0, x0, y1, x1 = suspect.box
    around = float(np.hypot(y1 + 1 - y0, x1 + 1 - x0)) / 2 * pixel
    for key, state in states.items():
        other = key != suspect.key
        if state.place is None:
            if not other:
                yield 0, other, 0.0, key, number
            continue
        if other and (state.kind, state.parcel) != (suspect.kind, suspect.parcel):
            continue
        away = _metres(place, state.place)
        if away <= SAME * around:
            yield 0, other, away, key, number
        elif away <= NEAR and not other:
            yield 1, other, away, key, number
        elif away <= around:
            yield 2, other, away, key, number


def _metres(one: Float64Array, other: tuple[float, float]) -> float:
    east = (one[0] - other[0] + 180) % 360 - 180
    return DEGREE * float(np.hypot(east * np.cos(np.radians(one[1])), one[1] - other[1]))
