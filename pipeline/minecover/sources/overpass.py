"""Which items are one observation."""

from __future__ import annotations

import datetime as dt
from typing import Any

from minecover.sources.manifest import Item

__all__ = ["numbered"]

SAME_OVERPASS = dt.timedelta(minutes=10)
"""Items of a platform that follow each other this closely are of one overpass; an orbit takes
about 100 minutes."""


def numbered(items: list[Item], crs: str) -> list[Item]:
    """Give each item the number of its overpass, in time, and its rank in it.

    Parameters
    ----------
    items
        Of one source; their `acquisition` and `rank` are replaced.
    crs
        The survey's: items in it come first, their pixels are copied rather than resampled.
        On one grid the latest processing baseline comes first.
    """

    def time(item: Item) -> dt.datetime:
        return dt.datetime.fromisoformat(str(item.datetime))

    def platform(item: Item) -> str:
        return (item.platform or "").lower()  # two collections may spell it in two ways

    def rank_key(item: Item) -> tuple[Any, ...]:
        first = next(iter(item.assets.values()))
        return first.crs != crs, first.crs, first.transform, -item.baseline, item.id

    overpasses: list[list[Item]] = []
    for item in sorted(items, key=lambda item: (platform(item), time(item), item.id)):
        last = overpasses[-1][-1] if overpasses else None
        same = last is not None and platform(last) == platform(item)
        if last is None or not same or time(item) - time(last) > SAME_OVERPASS:
            overpasses.append([])
        overpasses[-1].append(item)
    overpasses.sort(key=lambda items: (time(items[0]), items[0].id))
    return [
        item.replace(acquisition=number, rank=rank)
        for number, members in enumerate(overpasses)
        for rank, item in enumerate(sorted(members, key=rank_key))
    ]
