"""Which patch of a period is which mine of the periods before: the rules of identity.

Periods are gone through in order.

1. A *link* between a mine and a patch is that the mine's patch of the period before and the patch
   share at least `least_share` of the smaller of the two.
2. Links are taken from the largest shared area to the smallest. A link passes the mine's id on
   where the mine has no patch yet and the patch no mine. Where other links of the same mine or the
   same patch share nearly as much (`EVEN`), a few pixels at a border would decide: of these the one
   is taken whose patch shares the most ground with the mine in all periods before; of equals the
   one with the northernmost, then the westernmost mine, then so with the patch.
3. A patch that no link gave an id may take up that of a mine that had no patch in the period
   before, by the same rules, with the mine's last patch.
4. Any other patch is a new mine. New ids count on from the last, by the place of the patches.

So a mine keeps its id on the largest part of it that is still there, of even parts on the one that
has been mined for longer; of mines that merge the one with the largest share in the new patch keeps
its id, of even ones the one that has been there for longer. Ids of a period depend on it and the
periods before, never on later ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minecover.arrays import Int64Array
from minecover.mine_history.patches import Patches

__all__ = ["NONE", "Event", "Tracks", "track"]

NONE = 0
"""Stands for no mine; ids begin at 1."""

EVEN = 0.9
"""From this ratio of the smaller to the larger on, two shares of a mine or a patch count as even.

On maps of simulated histories (`benchmarks/HISTORY.md`, seeds 0 and 20) areas of mines of 5 to 15
hectares are off by 7 % on the mean.
"""


@dataclass(frozen=True, order=True)
class Event:
    """One line of the genealogy.

    Attributes
    ----------
    period
        Position of the period in which it is seen.
    child, parent
        Ids of the mine there is then and of the one that it comes from, `NONE` where there is none.
    kind
        ``new``: there was no mine. ``continued``: the same mine. ``split``: a part of the parent
        that is a mine of its own from now on. ``merged``: the parent is a part of the child from
        now on. ``part``: a part of the parent, which goes on, is a part of the child now.
        ``reopened``: the parent had no patch in the period before. ``ended``: nothing is mined
        any more of the parent.
    shared
        Square millimetres that both have.
    """

    period: int
    child: int
    parent: int
    kind: str
    shared: int


@dataclass(frozen=True, eq=False)
class Tracks:
    """Ids of the mines, and where they come from.

    Attributes
    ----------
    ids
        (patch,) id of the mine that a patch is.
    events
        Genealogy in order.
    """

    ids: Int64Array
    events: tuple[Event, ...]


@dataclass(frozen=True, order=True)
class _Link:
    """A mine and a patch that share ground, in the order in which they are taken."""

    less: int
    earlier: int
    later: int

    @property
    def shared(self) -> int:
        return -self.less


def track(patches: Patches, periods: int, *, least_share: float) -> Tracks:
    """Give every patch the id of its mine.

    Parameters
    ----------
    patches
        Of all periods; patches of a period are numbered by their place.
    periods
        How many there are.
    least_share
        Of the smaller patch that two share at least to be linked, above 0 to 1.
    """
    ids = np.zeros(len(patches), dtype=np.int64)
    links, common = _links(patches, least_share), _Common(patches, ids)
    last: dict[int, int] = {}  # mine to its latest patch
    events: list[Event] = []
    for period in range(periods):
        now = np.flatnonzero(patches.period == period).tolist()
        living = {mine for mine, patch in last.items() if patches.period[patch] == period - 1}
        latest = {patch: mine for mine, patch in last.items()}
        ours = [link for patch in now for link in links.get(patch, ())]
        close = sorted(link for link in ours if latest.get(link.earlier) in living)
        _inherit(ids, close, latest, common)
        far = sorted(
            link for link in ours
            if ids[link.later] == NONE and latest.get(link.earlier, NONE) not in {NONE, *living}
        )  # fmt: skip
        _inherit(ids, far, latest, common)
        before = len(last)
        fresh = [patch for patch in now if ids[patch] == NONE]
        ids[fresh] = before + 1 + np.arange(len(fresh))
        named = [(int(ids[link.later]), latest[link.earlier], link) for link in (*close, *far)]
        events += _events(period, [int(ids[patch]) for patch in now], named, living)
        last |= {int(ids[patch]): patch for patch in now}
    return Tracks(ids, tuple(sorted(events)))


def _links(patches: Patches, least_share: float) -> dict[int, list[_Link]]:
    """Links of each later patch to patches of earlier periods."""
    earlier, later, shared = patches.shared.T
    smaller = np.minimum(patches.area[earlier], patches.area[later])
    enough = shared >= least_share * smaller
    found: dict[int, list[_Link]] = {}
    for one, other, area in patches.shared[enough].tolist():
        found.setdefault(other, []).append(_Link(-area, one, other))
    return found


class _Common:
    """Ground that later patches have in common with mines in all periods before."""

    def __init__(self, patches: Patches, ids: Int64Array) -> None:
        self._shared, self._ids = patches.shared, ids
        self._begins = np.argsort(patches.shared[:, 1], kind="stable")
        self._later = patches.shared[self._begins, 1]

    def __call__(self, mine: int, patch: int) -> int:
        """Square millimetres, counted once for each period."""
        begin, end = np.searchsorted(self._later, [patch, patch + 1])
        rows = self._shared[self._begins[begin:end]]
        return int(rows[self._ids[rows[:, 0]] == mine, 2].sum())


def _inherit(
    ids: Int64Array, links: Sequence[_Link], latest: Mapping[int, int], common: _Common
) -> None:
    """Pass ids on along links, the largest first."""
    of_mine, of_patch = defaultdict(list), defaultdict(list)
    for link in links:
        of_mine[link.earlier].append(link)
        of_patch[link.later].append(link)
    taken: set[int] = set()

    def is_open(link: _Link) -> bool:
        return link.earlier not in taken and ids[link.later] == NONE

    for largest in links:
        if is_open(largest):
            rivals = [
                link for link in (*of_mine[largest.earlier], *of_patch[largest.later])
                if is_open(link) and link.shared >= EVEN * largest.shared
            ]  # fmt: skip
            best = min(rivals, key=lambda it: (-common(latest[it.earlier], it.later), it))
            ids[best.later] = latest[best.earlier]
            taken.add(best.earlier)


def _events(
    period: int, there: Sequence[int], links: Sequence[tuple[int, int, _Link]], living: set[int]
) -> list[Event]:
    """Say where every mine comes from, and which have ended.

    Parameters
    ----------
    period
        Its position.
    there
        Mines that have a patch in it.
    links
        Each with the mine of the patch and the mine that it comes from.
    living
        Mines that had a patch in the period before.
    """
    events = [
        Event(period, child, parent, _kind(child, parent, living, there), link.shared)
        for child, parent, link in links
    ]
    rooted, onward = {child for child, _, _ in links}, {parent for _, parent, _ in links}
    events += [Event(period, mine, NONE, "new", 0) for mine in there if mine not in rooted]
    return [*events, *(Event(period, NONE, mine, "ended", 0) for mine in living - onward)]


def _kind(child: int, parent: int, living: set[int], there: Sequence[int]) -> str:
    if child == parent:
        return "continued" if parent in living else "reopened"
    if parent not in there:
        return "merged"
    return "part" if child in living else "split"
