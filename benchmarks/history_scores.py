"""How far the maps of a simulated history, and the mines followed through them, are right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["MapScores", "Passage", "TrackScores", "score_maps", "score_tracks"]

Codes = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.integer]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MapScores:
    """Shares, 0 to 1.

    Attributes
    ----------
    classes
        Pixels of all periods that have the right class.
    transitions
        Pixels of all steps that have the right class before and after.
    newly_mined, newly_restored
        F1 of pixels that became mining, or restored, in a step.
    false_change
        Pixels of all steps that change on the map, of those that do not on the ground.
    flicker
        The same of pixels that never change: those that change in any step.
    """

    classes: float
    transitions: float
    newly_mined: float
    newly_restored: float
    false_change: float
    flicker: float


def score_maps(truth: Codes, mapped: Codes, *, mining: int, restored: int) -> MapScores:
    """Hold the maps of all periods against the truth.

    Parameters
    ----------
    truth, mapped
        (period, y, x) class codes; 0 on the map is never right.
    mining, restored
        Codes.
    """
    right = truth == mapped
    still, kept = truth[1:] == truth[:-1], mapped[1:] == mapped[:-1]
    never = still.all(axis=0)
    return MapScores(
        float(right.mean()),
        float((right[1:] & right[:-1]).mean()),
        _f1(_became(truth, mining), _became(mapped, mining)),
        _f1(_became(truth, restored), _became(mapped, restored)),
        float((~kept)[still].mean()),
        float((~kept.all(axis=0))[never].mean()),
    )


def _became(codes: Codes, code: int) -> Mask:
    return np.asarray((codes[1:] == code) & (codes[:-1] != code))


def _f1(truth: Mask, mapped: Mask) -> float:
    both = int((truth & mapped).sum())
    return 2 * both / max(int(truth.sum() + mapped.sum()), 1)


@dataclass(frozen=True, order=True)
class Passage:
    """A mine and one that it comes from: an event of a genealogy, ``merged`` or ``split``."""

    period: int
    mine: int
    parent: int
    event: str


@dataclass(frozen=True)
class TrackScores:
    """Of the mines of the truth.

    Attributes
    ----------
    mines, ids_right
        How many there are, and how many go by one id, which is no other mine's, in all periods.
    births_right
        How many of them are first mapped at most one period from when they are first there.
    passages, passages_right
        Merges and splits, and how many the map has in the same period between the same mines.
    surplus
        Merges and splits of the map that are none.
    """

    mines: int
    ids_right: int
    births_right: int
    passages: int
    passages_right: int
    surplus: int


def score_tracks(
    truth: Ids, mapped: Ids, true_passages: Iterable[Passage], passages: Iterable[Passage]
) -> TrackScores:
    """Hold ids and genealogy of mines against the truth.

    Parameters
    ----------
    truth, mapped
        (period, y, x) ids, 0 where no mine is.
    true_passages, passages
        Merges and splits of both, in their own ids.
    """
    partners = _partners(truth, mapped)
    names = sorted({mine for _, mine in partners})
    single = {mine: {partners[at] for at in partners if at[1] == mine} for mine in names}
    one_to_one = {mine: next(iter(ids)) for mine, ids in single.items() if len(ids) == 1}
    taken = list(one_to_one.values())
    right = {mine: own for mine, own in one_to_one.items() if own and taken.count(own) == 1}
    first = {mine: int(np.flatnonzero((truth == mine).any(axis=(1, 2)))[0]) for mine in names}
    seen = [_first(mapped, {partners[at] for at in partners if at[1] == mine}) for mine in names]
    births = [abs(own - first[mine]) <= 1 for mine, own in zip(names, seen, strict=True)]
    wanted = list(true_passages)
    there = {(p.period, p.event, p.mine, p.parent) for p in passages}
    hits = {key for one in wanted for key in [_key(one, partners)] if key in there}
    return TrackScores(
        len(names), len(right), sum(births), len(wanted), len(hits), len(there - hits)
    )


def _partners(truth: Ids, mapped: Ids) -> dict[tuple[int, int], int]:
    """Id on the map of most of each true mine in each period; 0: most of it is not mapped."""
    found = {}
    for period, (own, other) in enumerate(zip(truth, mapped, strict=True)):
        for mine in np.unique(own[own > 0]).tolist():
            found[period, mine] = int(np.bincount(other[own == mine]).argmax())
    return found


def _first(mapped: Ids, ids: set[int]) -> int:
    """First period in which any of the ids is on the map; far off if none."""
    there = np.isin(mapped, sorted(ids - {0})).any(axis=(1, 2))
    return int(np.flatnonzero(there)[0]) if there.any() else len(mapped) + 1


def _key(passage: Passage, partners: dict[tuple[int, int], int]) -> tuple[int, str, int, int]:
    """Give a passage in the map's ids: the mine now, and the parent in the period before."""
    mine = partners.get((passage.period, passage.mine), 0)
    parent = partners.get((passage.period - 1, passage.parent), 0)
    return passage.period, passage.event, mine, parent
