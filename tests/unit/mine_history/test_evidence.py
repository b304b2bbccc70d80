"""How sure a genealogy is: two pits that merge, part again and end, by how probable they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import BoolArray, Float32Array
from minecover.geography.grid import Window
from minecover.mine_history.evidence import LEVELS, confidences
from minecover.mine_history.following import FollowedIds
from minecover.mine_history.settings import MineSettings
from minecover.mine_history.tracking import Event
from small_map import grid

SHAPE = (40, 70)
WEST, BETWEEN, EAST = ((slice(10, 30), slice(*x)) for x in ((5, 25), (25, 35), (35, 50)))


def story(link: float = 0.9, gap: float = 0.1, east: float = 0.99) -> Float32Array:
    """Probability of mining: apart, linked, apart again, and the western one alone."""
    chance = np.zeros((4, *SHAPE), dtype=np.float32)
    chance[(slice(None), *WEST)] = 0.99
    chance[(slice(3), *EAST)] = east
    chance[(1, *BETWEEN)] = link
    chance[(2, *BETWEEN)] = gap
    chance[:, :, -1] = np.nan
    return chance


def told(chance: Float32Array, tile: int = 64) -> dict[tuple[int, str], float]:
    """Confidence by period and kind of what the map with a threshold of a half says."""
    its_grid = grid(SHAPE, tile)

    def mined(window: Window) -> BoolArray:
        out = np.zeros((len(chance), *window.shape), dtype=bool)
        inside = window.clip(*SHAPE)
        part = (slice(None), *inside.within(window).slices)
        out[part] = chance[(slice(None), *inside.slices)] >= 0.5
        return out

    def probability(window: Window, period: int) -> Float32Array:
        return np.asarray(chance[(period, *window.slices)])

    terms = (its_grid, mined, probability, MineSettings())
    tracks = FollowedIds(*terms, len(chance)).tracks
    shares = confidences(*terms, tracks, len(chance))
    assert len(shares) == len(tracks.events)
    named = zip(tracks.events, shares.tolist(), strict=True)
    return {_named(event): share for event, share in named if event.kind != "continued"}


def _named(event: Event) -> tuple[int, str]:
    return event.period, f"{event.kind} {event.child or event.parent}"


def below(chance: float) -> float:
    """Give the share of the levels that a probability reaches."""
    return float(np.mean(np.array(LEVELS, dtype=np.float32) <= np.float32(chance)))


def test_a_merge_is_as_sure_as_the_link_and_a_split_as_the_gap() -> None:
    lines = told(story(link=0.7, gap=0.2))
    assert lines[1, "merged 1"] == pytest.approx(0.7)
    assert lines[2, "split 2"] == pytest.approx(0.5)  # at five levels it was linked, and is not


def test_what_no_threshold_changes_is_certain() -> None:
    lines = told(story(link=0.99, gap=0.0))
    said = ((0, "new 1"), (0, "new 2"), (1, "merged 1"), (2, "reopened 2"), (2, "split 2"),
            (3, "ended 2"))  # fmt: skip
    assert lines == dict.fromkeys(said, 1.0)


def test_a_mine_that_may_be_none_begins_and_ends_with_doubt() -> None:
    lines = told(story(gap=0.0, east=0.6))
    assert lines[0, "new 2"] == pytest.approx(0.6)
    assert lines[3, "ended 2"] == pytest.approx(0.6)


@settings(max_examples=4, deadline=None)
@given(st.floats(0.5, 0.98), st.floats(0.0, 0.49), st.sampled_from([32, 64]))
def test_confidence_follows_probability_whatever_the_tiles(
    link: float, gap: float, tile: int
) -> None:
    lines = told(story(link, gap), tile)
    assert lines[1, "merged 1"] == pytest.approx(below(link))
    assert lines[2, "split 2"] == pytest.approx(below(link) - below(gap))
