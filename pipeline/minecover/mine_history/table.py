"""The history of mines as tables: a row for each mine and period, and where mines come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.geography.ground_area import SQUARE_MILLIMETRES
from minecover.mine_history.cover import Cover
from minecover.mine_history.patches import Patches
from minecover.mine_history.tracking import NONE, Event, Tracks

__all__ = [
    "RESTORED_SHARE",
    "areas_of",
    "births_of",
    "genealogy_table",
    "history_table",
    "probabilities_of",
]

RESTORED_SHARE = 0.5
"""Of a mine's ground that is restored at least where the mine counts as restored."""


def births_of(patches: Patches, tracks: Tracks) -> list[int]:
    """Give the position of the first period of every mine."""
    births = np.full(int(tracks.ids.max(initial=0)), np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(births, tracks.ids - 1, patches.period)
    found: list[int] = births.tolist()
    return found


def areas_of(patches: Patches, tracks: Tracks, periods: int) -> Int64Array:
    """Give the square millimetres of every mine in every period, (mine, period)."""
    areas = np.zeros((int(tracks.ids.max(initial=0)), periods), dtype=np.int64)
    areas[tracks.ids - 1, patches.period] = patches.area
    return areas


def probabilities_of(patches: Patches, tracks: Tracks, periods: int) -> Float64Array:
    """Give how probable every mine is in every period, (mine, period), NaN where it is not."""
    probabilities = np.full((int(tracks.ids.max(initial=0)), periods), np.nan)
    probabilities[tracks.ids - 1, patches.period] = patches.probability
    return probabilities


@dataclass(frozen=True)
class _Classes:
    """Names of classes in their order, and the positions of those that are restored ground."""

    names: Sequence[str]
    restored: Sequence[int]


def history_table(
    areas: Int64Array,
    probabilities: Float64Array,
    tracks: Tracks,
    cover: Cover,
    periods: Sequence[str],
    *,
    classes: Sequence[str],
    restored: Iterable[int],
    least: int,
) -> pd.DataFrame:
    """Tell the history of every mine, by mine and then by period from its first on.

    Parameters
    ----------
    areas
        (mine, period) square millimetres.
    probabilities
        (mine, period) that their pixels are mined, on the mean.
    tracks, cover
        Of the same mines.
    periods, classes
        Their names in order.
    restored
        Positions of the classes that are restored ground.
    least
        Square millimetres that are mined at least where ground counts as disturbed.

    Returns
    -------
    Columns `mine`, `period`; `state`: ``active`` where a part is mined, else ``merged`` into
    another mine, ``restored``, or ``inactive``; `area_ha`, its `growth_ha` since the period before
    and the `fresh_ha` that were never part of the mine before; `ground_ha`, all that was ever part
    of it; `probability` that its pixels are mined, on the mean, NaN where none is;
    `first_disturbed`, the first period in which ground of its first patch was mined, and
    `restored_since`, both names of periods or empty; `within_CLASS` and `around_CLASS`, shares
    (0-1, NaN where nothing is known) of its ground, and of that around it.
    """
    its = _Classes(classes, sorted(restored))
    gone = _restored(areas, cover.within, its.restored)
    merged = {(e.parent, e.period) for e in tracks.events if e.kind == "merged"}
    rows = []
    for mine, own in enumerate(areas, start=1):
        first = int(np.flatnonzero(own)[0])
        disturbed = int(np.flatnonzero(cover.origin[mine - 1] >= max(1, least))[0])
        within, since = False, ""
        for period in range(first, len(periods)):
            within = not own[period] and (within or (mine, period) in merged)
            since = (since or periods[period]) if gone[mine - 1, period] else ""
            state = "active" if own[period] else "merged" if within else "inactive"
            rows.append({
                "mine": mine, "period": periods[period],
                "state": "restored" if since and not within else state,
                "area_ha": own[period],
                "growth_ha": own[period] - (own[period - 1] if period > first else 0),
                "fresh_ha": cover.fresh[mine - 1, period],
                "ground_ha": cover.fresh[mine - 1, : period + 1].sum(),
                "probability": probabilities[mine - 1, period],
                "first_disturbed": periods[disturbed], "restored_since": since,
                **_shares("within", cover.within[mine - 1, period], its),
                **_shares("around", cover.around[mine - 1, period], its),
            })  # fmt: skip
    table = pd.DataFrame(rows, columns=_columns(classes))
    for name in ("area_ha", "growth_ha", "fresh_ha", "ground_ha"):
        table[name] = table[name].astype(np.float64) / SQUARE_MILLIMETRES
    return table


def _columns(classes: Sequence[str]) -> list[str]:
    shares = [f"{where}_{name}" for where in ("within", "around") for name in classes]
    return [
        "mine", "period", "state", "area_ha", "growth_ha", "fresh_ha", "ground_ha",
        "probability", "first_disturbed", "restored_since", *shares,
    ]  # fmt: skip


def _restored(areas: Int64Array, within: Int64Array, restored: Sequence[int]) -> BoolArray:
    """Tell where nothing is mined of a mine and enough of its ground is restored."""
    known = within.sum(axis=2)
    share = within[:, :, list(restored)].sum(axis=2) / np.maximum(known, 1)
    return np.asarray((areas == 0) & (known > 0) & (share >= RESTORED_SHARE), dtype=bool)


def _shares(where: str, areas: Int64Array, its: _Classes) -> dict[str, float]:
    total = areas.sum()
    shares: Float64Array = areas / total if total else np.full(len(areas), np.nan)
    return {f"{where}_{name}": share for name, share in zip(its.names, shares, strict=True)}


def genealogy_table(
    events: Iterable[Event], confidence: Float64Array, periods: Sequence[str]
) -> pd.DataFrame:
    """Tell where mines come from: `period`, `mine`, `parent`, `kind`, `shared_ha`, `confidence`.

    No mine, and no parent, is a missing number.
    """
    rows = [(periods[e.period], e.child, e.parent, e.kind, e.shared) for e in events]
    table = pd.DataFrame(rows, columns=["period", "mine", "parent", "kind", "shared_ha"])
    for name in ("mine", "parent"):
        table[name] = table[name].astype("Int64").where(table[name] != NONE)
    table["shared_ha"] = table["shared_ha"].astype(np.float64) / SQUARE_MILLIMETRES
    table["confidence"] = confidence
    return table
