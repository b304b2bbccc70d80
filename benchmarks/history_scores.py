"""How far the maps of a simulated history, and the mines followed through them, are right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter, minimum_filter

__all__ = [
    "Ids", "MapScores", "Passage", "TrackScores", "confirmed", "mine_borders", "score_maps",
    "score_tracks",
]  # fmt: skip

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
    mine_borders
        `mine_borders` of what is mined.
    """

    classes: float
    transitions: float
    newly_mined: float
    newly_restored: float
    false_change: float
    flicker: float
    mine_borders: float


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
        mine_borders(truth == mining, mapped == mining),
    )


def mine_borders(truth: Mask, mapped: Mask) -> float:
    """Share of the pixels beside a border of what is mined that are right in being mined or not.

    Parameters
    ----------
    truth, mapped
        (period, y, x). Pixels that touch others at an edge or a corner are beside them.
    """
    around = (1, 3, 3)
    beside = minimum_filter(truth, around) != maximum_filter(truth, around)
    return float((truth == mapped)[beside].mean())


def _became(codes: Codes, code: int) -> Mask:
    return np.asarray((codes[1:] == code) & (codes[:-1] != code))


def _f1(truth: Mask, mapped: Mask) -> float:
    both = int((truth & mapped).sum())
    return 2 * both / max(int(truth.sum() + mapped.sum()), 1)


@dataclass(frozen=True, order=True)
class Passage:
    """A mine and one that it comes from: a line of a genealogy.

    Attributes
    ----------
    period
        Position of the period in which it is seen.
    mine, parent
        Ids, 0 where there is none.
    event
        ``merged``, ``split``, ``continued`` or another.
    shared
        Ground that both have, in any unit.
    """

    period: int
    mine: int
    parent: int
    event: str
    shared: float = 0.0


Place = tuple[int, int]
"""Period and mine."""

Key = tuple[int, str, int, int]
"""Period, event, mine and parent in the ids of the map."""


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
    truth: Ids,
    mapped: Ids,
    true_lines: Sequence[Passage],
    lines: Sequence[Passage],
    *,
    least: int = 0,
    even: float | None = None,
    slack: int = 0,
) -> TrackScores:
    """Hold ids and genealogy of mines against the truth.

    Parameters
    ----------
    truth, mapped
        (period, y, x) ids, 0 where no mine is.
    true_lines, lines
        Genealogies of both, in their own ids.
    least
        Pixels. A mine is left out of the periods in which it is smaller, with its merges and splits
        there; of those of the map that are none, those of patches at least as large are counted.
    even
        From this ratio of the smaller to the larger on, the shares of two parts of a mine, or of
        two mines in what they merge to, do not tell which of them goes on: either is right, and
        the reading of the truth that the map agrees with best is scored. None: there is one.
    slack
        Periods by which the map may have a merge or a split early or late.
    """
    readings = [(truth, list(true_lines))]
    for tie in [] if even is None else _ties(true_lines, even):
        readings += [_exchanged(*reading, tie) for reading in readings]
    scores = [_score(ids, own, mapped, lines, least, slack) for ids, own in readings]
    return max(scores, key=lambda s: s.ids_right + s.births_right + s.passages_right - s.surplus)


def _score(
    truth: Ids,
    true_lines: Sequence[Passage],
    mapped: Ids,
    lines: Sequence[Passage],
    least: int,
    slack: int,
) -> TrackScores:
    partners, counted = _partners(truth, mapped), _large(truth, least)
    begins: dict[int, int] = {}
    for period, mine in sorted(counted):
        begins.setdefault(mine, period)
    names = {mine: {partners[at] for at in counted if at[1] == mine} for mine in sorted(begins)}
    taken = [own for ids in names.values() for own in ids if own]
    births = [abs(_first(mapped, ids) - begins[mine]) <= 1 for mine, ids in names.items()]
    wanted = [(_key(line, partners), line) for line in _events(true_lines)]
    there = {(line.period, line.event, line.mine, line.parent): line for line in _events(lines)}
    hits: dict[Key, bool] = {}  # of the map, and whether the mines of the truth are counted
    for (period, *its), line in wanted:
        near = sorted(range(period - slack, period + slack + 1), key=lambda p: abs(p - period))
        found = [key for p in near if (key := (p, *its)) in there and key not in hits]
        hits |= {key: _among(counted, line) for key in found[:1]}
    large = _large(mapped, least)
    return TrackScores(
        mines=len(names),
        ids_right=sum(len(ids) == 1 and taken.count(*ids) == 1 for ids in names.values()),
        births_right=sum(births),
        passages=sum(_among(counted, line) for _, line in wanted),
        passages_right=sum(hits.values()),
        surplus=sum(_among(large, line) for key, line in there.items() if key not in hits),
    )


def confirmed(
    truth: Ids, mapped: Ids, true_lines: Sequence[Passage], lines: Sequence[Passage]
) -> Mask:
    """Tell which lines of the map's genealogy are in the true one."""
    partners = _partners(truth, mapped)
    known = {_key(line, partners) for line in true_lines}
    keys = [(line.period, line.event, line.mine, line.parent) for line in lines]
    return np.array([key in known for key in keys], dtype=bool)


def _events(lines: Iterable[Passage]) -> list[Passage]:
    return [line for line in lines if line.event in ("merged", "split")]


def _large(ids: Ids, least: int) -> set[Place]:
    """Periods and mines that have as many pixels in them."""
    found = set()
    for period, own in enumerate(ids):
        mines, pixels = np.unique(own[own > 0], return_counts=True)
        found |= {(period, mine) for mine in mines[pixels >= least].tolist()}
    return found


def _among(places: set[Place], line: Passage) -> bool:
    before = any((period, line.parent) in places for period in range(line.period))
    return before and (line.period, line.mine) in places


def _ties(lines: Sequence[Passage], even: float) -> list[Passage]:
    """Find merges and splits of which either of two mines may go on as the one that was before.

    The last come first: an exchange of ids leaves the lines before its period as they are.
    """
    onward = {(line.period, line.mine): line.shared for line in lines if line.event == "continued"}
    found = []
    for line in _events(lines):
        goes_on = line.parent if line.event == "split" else line.mine
        low, high = sorted((line.shared, onward.get((line.period, goes_on), 0.0)))
        if low >= even * high:
            found.append(line)
    return sorted(found, reverse=True)


def _exchanged(truth: Ids, lines: Sequence[Passage], tie: Passage) -> tuple[Ids, list[Passage]]:
    """Read the truth with the two ids of a tie exchanged from its period on."""
    names = {tie.mine: tie.parent, tie.parent: tie.mine}
    ids, later = truth.copy(), truth[tie.period :]
    for one, other in names.items():
        ids[tie.period :][later == one] = other
    return ids, [_renamed(line, tie, names) for line in lines]


def _renamed(line: Passage, tie: Passage, names: Mapping[int, int]) -> Passage:
    if line.period < tie.period:
        return line
    mine = names.get(line.mine, line.mine)
    if line.period > tie.period:
        return replace(line, mine=mine, parent=names.get(line.parent, line.parent))
    if {line.mine, line.parent} <= names.keys():
        return replace(line, mine=mine, event="continued" if mine == line.parent else tie.event)
    return replace(line, mine=mine)


def _partners(truth: Ids, mapped: Ids) -> dict[Place, int]:
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


def _key(passage: Passage, partners: Mapping[Place, int]) -> Key:
    """Give a passage in the map's ids: the mine now, and the parent in the period before."""
    mine = partners.get((passage.period, passage.mine), 0)
    parent = partners.get((passage.period - 1, passage.parent), 0)
    return passage.period, passage.event, mine, parent
