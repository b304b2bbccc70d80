"""How sure it is where mines come from: whether it is so by other thresholds of probability, too.

The border of a mine, and the ground between two, is where a map errs, and pixels beside each other
err alike: where the map is a pixel too far out it is so all along the border. So the map is drawn
anew at each of the `LEVELS`, of all ground that is mined with at least that probability, and mines
are followed on it. A line of the genealogy is as sure as the share of these maps on which it is so.
Were probabilities right and the errors of the pixels around a mine one and the same, this would be
the probability that it is so.
"""

from __future__ import annotations

import numpy as np

from minecover.arrays import BoolArray, Float32Array, Float64Array
from minecover.geography.grid import Grid, Window
from minecover.geography.ground_area import Surface
from minecover.mine_history.following import patches_of
from minecover.mine_history.patches import Mined, Patches, Probability
from minecover.mine_history.settings import MineSettings
from minecover.mine_history.tracking import Event, Tracks

__all__ = ["LEVELS", "confidences"]

LEVELS = tuple((2 * number + 1) / 20 for number in range(10))
"""Thresholds: the middles of ten equal parts of 0 to 1."""


def confidences(
    grid: Grid,
    mined: Mined,
    probability: Probability,
    settings: MineSettings,
    tracks: Tracks,
    periods: int,
) -> Float64Array:
    """Tell how sure each line of a genealogy is.

    Parameters
    ----------
    grid, mined, probability, settings, periods
        As `minecover.mine_history.following.FollowedIds` was given them.
    tracks
        What it found.

    Returns
    -------
    (event,) shares of the `LEVELS`, 0 to 1, in the order of the events.
    """
    surface = Surface(grid)
    found = np.zeros(len(tracks.events), dtype=np.int64)
    for level in LEVELS:
        # patches of the map are numbered before those of the level: as if its periods came later
        both = patches_of(
            grid, _with_level(grid, mined, probability, level, periods),
            lambda window, period: probability(window, period % periods), settings, surface,
        )  # fmt: skip
        its = _Level(both, tracks, periods, settings.least_share)
        found += np.array([its.has(event) for event in tracks.events], dtype=np.int64)
    return found / len(LEVELS)


def _with_level(
    grid: Grid, mined: Mined, probability: Probability, level: float, periods: int
) -> Mined:
    """Read the map and after it the ground of at least a probability, (2 * period, y, x)."""

    def read(window: Window) -> BoolArray:
        inside = window.clip(*grid.shape)
        values: list[Float32Array] = [probability(inside, period) for period in range(periods)]
        out = np.zeros((2 * periods, *window.shape), dtype=bool)
        out[:periods] = mined(window)
        place = (slice(periods, None), *inside.within(window).slices)
        out[place] = (np.stack(values) >= level) & grid.area_mask(inside)  # NaN is not
        return out

    return read


class _Level:
    """Patches of a level, and which of them are those of the map."""

    def __init__(self, both: Patches, tracks: Tracks, periods: int, least_share: float) -> None:
        earlier, later, shared = both.shared.T
        beside = both.period[later] == both.period[earlier] + periods  # map and level of one period
        pairs = both.shared[beside]
        order = np.lexsort((pairs[:, 1], -pairs[:, 2]))[::-1]  # the largest, of equals the first
        self._partner = dict(pairs[order, :2].tolist())
        smaller = np.minimum(both.area[earlier], both.area[later])
        linked = (both.period[earlier] >= periods) & (shared >= least_share * smaller)
        self._links = {(one, other) for one, other, _ in both.shared[linked].tolist()}
        period = (both.period % periods).tolist()
        self._with_origin = {other for _, other in self._links}
        self._onward = {(one, period[other]) for one, other in self._links}
        places = enumerate(tracks.ids.tolist())
        self._patch = {(mine, int(both.period[patch])): patch for patch, mine in places}

    def _now(self, mine: int, period: int) -> int | None:
        patch = self._patch.get((mine, period))
        return None if patch is None else self._partner.get(patch)

    def _before(self, mine: int, period: int) -> int | None:
        there = [past for past in range(period) if (mine, past) in self._patch]
        return self._now(mine, there[-1]) if there else None

    def has(self, event: Event) -> bool:
        """Tell whether a line of the map's genealogy is one of the level, too."""
        period, child, parent = event.period, event.child, event.parent
        if event.kind == "new":
            patch = self._now(child, period)
            return patch is not None and patch not in self._with_origin
        origin = self._before(parent, period)
        if event.kind == "ended":
            return origin is not None and (origin, period) not in self._onward
        patch = self._now(child, period)
        if not self._link(origin, patch):
            return False
        if event.kind == "split":
            other = self._now(parent, period)
            return other != patch and self._link(origin, other)
        if event.kind == "merged":
            other = self._before(child, period)
            return other != origin and self._link(other, patch)
        return True

    def _link(self, one: int | None, other: int | None) -> bool:
        return (one, other) in self._links
