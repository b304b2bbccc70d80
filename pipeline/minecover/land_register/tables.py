"""Tables of mines against a register: licences and units by period, and the suspects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from minecover.geography.ground_area import SQUARE_MILLIMETRES
from minecover.land_register.findings import NOWHERE, STEPS, Box, Finding, Key
from minecover.land_register.ground import Ground, Inside
from minecover.land_register.parcels import Parcels
from minecover.land_register.states import State

__all__ = ["LEVELS", "Suspect", "licence_table", "suspects_of", "unit_table"]

LEVELS = {"high": 0.7, "medium": 0.4, "low": 0.0}
"""Least confidence that is called by each name."""


OURS = {
    "licence", "unit", "period", "valid", "mines",
    *(f"{what}_{part}" for what in ("inside", "beyond", "outside", "mined", "unlicensed")
      for part in ("ha", "new_ha")),
}  # fmt: skip
"""Columns of the tables."""


@dataclass(frozen=True)
class Suspect:
    """Mined ground that calls for a look.

    Attributes
    ----------
    key
        Its name: kind, id of the mine and name of the polygon.
    found
        Kind, number of the polygon, mine and position of the period in which it was seen last.
    kind
        ``beyond`` a licence, ``outside`` of all licences, or in a ``protected`` area.
    mine, parcel
        Id of the mine; name of the licence or area, empty where there is none.
    since, until
        First and last period in which there was enough of it.
    now
        Whether the last of these is the survey's last.
    hectares, fresh
        Mined in the last of these, and new since the period before it, NaN in the first.
    confidence
        0-1: see `suspects_of`.
    box
        First row and column, last row and column, of the ground in the last of these.
    state
        What people found of it; see `minecover.land_register.recognition`.
    """

    key: str
    found: Key
    kind: str
    mine: int
    parcel: str
    since: str
    until: str
    now: bool
    hectares: float
    fresh: float
    confidence: float
    box: Box
    state: State = field(default_factory=State)

    @property
    def level(self) -> str:
        """Name of the confidence."""
        return next(name for name, least in LEVELS.items() if self.confidence >= least)


def suspects_of(
    found: Mapping[Key, Finding],
    licences: Parcels | None,
    protected: Parcels | None,
    periods: Sequence[str],
    *,
    least: int,
) -> list[Suspect]:
    """List the suspects: those there are now, the largest first, then those that are no more.

    The confidence is the share of the ground that is certainly mined and certainly beyond: the
    sum of the probabilities that a pixel is mined, over the pixels that lie farther from the
    outline than map and register may be off each other, as a share of all of its pixels. A strip
    along an outline therefore has none, however sure the map is.

    Parameters
    ----------
    found
        As `minecover.land_register.findings.Search` finds them.
    licences, protected
        Whose polygons the findings number.
    periods
        Their names in order.
    least
        Square millimetres; smaller ground is passed over.
    """
    places: dict[tuple[str, int, int], dict[int, Finding]] = {}
    for (kind, number, mine, period), finding in found.items():
        if finding.ground.mined >= max(1, least):
            places.setdefault((kind, number, mine), {})[period] = finding
    suspects = []
    for (kind, number, mine), seen in sorted(places.items()):
        parcels = protected if kind == "protected" else licences
        parcel = "" if number == NOWHERE or parcels is None else parcels.names[number]
        key = "-".join([kind, str(mine), *([parcel] if parcel else [])])
        last = seen[max(seen)]
        assert last.box is not None
        mined, fresh = last.ground.mined, last.ground.fresh
        suspects.append(
            Suspect(
                key=key, found=(kind, number, mine, max(seen)), kind=kind, mine=mine, parcel=parcel,
                since=periods[min(seen)], until=periods[max(seen)],
                now=max(seen) == len(periods) - 1,
                hectares=mined / SQUARE_MILLIMETRES,
                fresh=fresh / SQUARE_MILLIMETRES if max(seen) else np.nan,
                confidence=last.sure / STEPS / mined, box=last.box,
            )
        )  # fmt: skip
    return sorted(suspects, key=lambda one: (not one.now, -one.hectares, one.key))


def licence_table(
    licences: Parcels, inside: Inside, found: Mapping[Key, Finding], periods: Sequence[str]
) -> pd.DataFrame:
    """Tell what is mined inside and beyond of each licence, by licence and period.

    The last licence, without a name, has what is outside of all. Columns: `licence`, `period`,
    `valid`, `mines` (ids, with spaces between), `inside_ha`, `inside_new_ha`, `beyond_ha`,
    `beyond_new_ha`, `outside_ha`, `outside_new_ha`, and the register's attributes.
    """
    within = _by_mine((n, p, m, ground) for (n, m, p), ground in inside.licences.items())
    without = _by_mine(
        (n, p, m, finding.ground)
        for (kind, n, m, p), finding in found.items()
        if kind != "protected"
    )
    rows = []
    for number, name in [*enumerate(licences.names), (NOWHERE, "")]:
        attributes = _attributes(licences, name) if name else {}
        for period, label in enumerate(periods):
            own, over = within.get((number, period), {}), without.get((number, period), {})
            here: dict[str, Any] = {"mines": " ".join(map(str, sorted({*own, *over})))}
            here |= _hectares("inside", own.values() if name else None, period)
            here |= _hectares("beyond", over.values() if name else None, period)
            here |= _hectares("outside", None if name else over.values(), period)
            valid = bool(licences.valid[number, period]) if name else None
            rows.append({"licence": name, "period": label, "valid": valid, **here, **attributes})
    return pd.DataFrame(rows)


def _attributes(parcels: Parcels, name: str) -> dict[str, Any]:
    """Attributes of a polygon; those that are called as a column of ours with a prefix."""
    texts = parcels.attributes.loc[name].to_dict()
    return {f"register_{key}" if key in OURS else str(key): text for key, text in texts.items()}


def _by_mine(
    grounds: Iterable[tuple[int, int, int, Ground]],
) -> dict[tuple[int, int], dict[int, Ground]]:
    """Put ground by polygon and period, and then by mine."""
    found: dict[tuple[int, int], dict[int, Ground]] = {}
    for number, period, mine, ground in grounds:
        found.setdefault((number, period), {})[mine] = ground
    return found


def unit_table(
    units: Parcels, inside: Inside, periods: Sequence[str], *, licensed: bool
) -> pd.DataFrame:
    """Tell what is mined in each unit and period.

    Columns: `unit`, `period`, `mined_ha`, `mined_new_ha`; where there are licences also
    `unlicensed_ha` and `unlicensed_new_ha`; and the attributes of the unit.
    """
    rows = []
    for number, name in enumerate(units.names):
        for period, label in enumerate(periods):
            own, free = (
                sums.get((number, period), Ground()) for sums in (inside.units, inside.unlicensed)
            )
            here = _hectares("mined", [own], period)
            if licensed:
                here |= _hectares("unlicensed", [free], period)
            attributes = _attributes(units, name)
            rows.append({"unit": name, "period": label, **here, **attributes})
    return pd.DataFrame(rows)


def _hectares(name: str, grounds: Iterable[Ground] | None, period: int) -> dict[str, Any]:
    """Hectares of some ground, NaN where it makes no sense, and the new ones after the first."""
    known = list(grounds or ())
    mined, fresh = (sum(getattr(one, part) for one in known) for part in ("mined", "fresh"))
    return {
        f"{name}_ha": np.nan if grounds is None else mined / SQUARE_MILLIMETRES,
        f"{name}_new_ha": fresh / SQUARE_MILLIMETRES if period and grounds is not None else np.nan,
    }
