"""Mines as objects in the truth: which patch of a period is which mine, and what it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from minecover.demo.noise import Mask

__all__ = ["Descent", "identify_mines"]

Ids = npt.NDArray[np.uint16]

EVEN = 0.9
"""From this ratio of the smaller to the larger on, two shares count as even."""


@dataclass(frozen=True, order=True)
class Descent:
    """A mine of a period and one that it comes from.

    Attributes
    ----------
    period
        Number of the period.
    mine, parent
        Ids from 1; `parent` 0: there was none, `mine` 0: nothing of the parent is mined any more.
    event
        ``new``, ``continued``, ``split``, ``merged``, ``part`` (of a parent that goes on, in a mine
        that was there before) or ``ended``.
    pixels
        Pixels that both have.
    """

    period: int
    mine: int
    parent: int
    event: str
    pixels: int


def identify_mines(
    mined: Mask, *, reach: int, least: int, least_share: float
) -> tuple[Ids, list[Descent]]:
    """Give every patch of mined land the id of its mine.

    Patches less than two `reach` apart are one. A mine's id goes on with the largest part that is
    left of it; where mines merge, that of the largest share goes on. Of shares that differ by less
    than a tenth (`EVEN`) the one goes on that has more ground in common in all earlier periods.

    Parameters
    ----------
    mined
        (period, y, x).
    reach
        Pixels.
    least
        Pixels of the smallest patch that counts.
    least_share
        Of the smaller of two patches that they share at least if one comes from the other.

    Returns
    -------
    tuple
        Ids, (period, y, x), 0 where no mine is, and the genealogy in order.
    """
    ids = np.zeros(mined.shape, dtype=np.uint16)
    descents: list[Descent] = []
    known = 0
    for period, mask in enumerate(mined):
        before = ids[period - 1] if period else np.zeros_like(ids[0])
        patches, count = _patches(mask, reach, least)
        links = _links(before, patches, least_share)
        names = _inherited(links, ids[:period], patches)
        for patch in range(1, count + 1):
            if patch not in names:
                known += 1
                names[patch] = known
        table = np.array([0, *(names[patch] for patch in range(1, count + 1))], dtype=np.uint16)
        ids[period] = table[patches]
        descents += _descents(period, names, links, set(np.unique(before).tolist()) - {0})
    return ids, sorted(descents)


def _patches(mask: Mask, reach: int, least: int) -> tuple[npt.NDArray[np.int64], int]:
    """Label the patches from 1, from north to south."""
    grown = ndimage.distance_transform_edt(~mask) <= reach if mask.any() else mask
    labels, _ = ndimage.label(grown)
    labels = np.where(mask, labels, 0)
    sizes = np.bincount(labels.ravel())
    large = np.flatnonzero(sizes >= least)
    large = large[large > 0]
    table = np.zeros(len(sizes), dtype=np.int64)
    table[large] = np.arange(1, len(large) + 1)
    return table[labels], len(large)


def _links(
    before: npt.NDArray[np.integer], patches: npt.NDArray[np.integer], least_share: float
) -> list[tuple[int, int, int]]:
    """Shared pixels, earlier mine and later patch, from the largest share to the smallest."""
    shared = np.zeros((int(before.max()) + 1, int(patches.max()) + 1), dtype=np.int64)
    np.add.at(shared, (before.ravel(), patches.ravel()), 1)
    earlier, later = shared.sum(axis=1), shared.sum(axis=0)
    links = [
        (int(shared[mine, patch]), mine, patch)
        for mine in range(1, len(earlier))
        for patch in range(1, len(later))
        if shared[mine, patch]
        and shared[mine, patch] >= least_share * min(earlier[mine], later[patch])
    ]
    return sorted(links, key=lambda link: (-link[0], link[1], link[2]))


def _inherited(
    links: list[tuple[int, int, int]], before: Ids, patches: npt.NDArray[np.int64]
) -> dict[int, int]:
    """Give patches the ids of the mines that go on as they, the largest share first."""
    names: dict[int, int] = {}
    left = links
    while left:
        most, mine, patch = left[0]
        even = [
            link for link in left
            if link[0] >= EVEN * most and (link[1] == mine or link[2] == patch)
        ]  # fmt: skip
        _, mine, patch = max(
            even, key=lambda link: (int((before[:, patches == link[2]] == link[1]).sum()), link[0])
        )
        names[patch] = mine
        left = [link for link in left if link[1] != mine and link[2] != patch]
    return names


def _descents(
    period: int, names: dict[int, int], links: list[tuple[int, int, int]], living: set[int]
) -> list[Descent]:
    now = set(names.values())
    descents = []
    for pixels, parent, patch in links:
        mine = names[patch]
        if mine == parent:
            event = "continued"
        elif parent not in now:
            event = "merged"
        else:
            event = "part" if mine in living else "split"
        descents.append(Descent(period, mine, parent, event, pixels))
    rooted = {names[patch] for _, _, patch in links}
    descents += [Descent(period, mine, 0, "new", 0) for mine in now - rooted]
    ended = living - {parent for _, parent, _ in links}
    return [*descents, *(Descent(period, 0, mine, "ended", 0) for mine in ended)]
