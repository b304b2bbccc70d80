from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.mine_history.patches import Patches
from minecover.mine_history.tracking import Tracks, track

Ground = Sequence[Mapping[str, set[int]]]
"""By period: name of a patch to the plots of ground that it covers, one square millimetre each."""


def patches_of(periods: Ground) -> tuple[Patches, list[tuple[int, str]]]:
    """Patches in the order of their place, which is their least plot, and their names."""
    order = sorted(
        ((number, min(plots), name) for number, own in enumerate(periods)
         for name, plots in own.items())
    )  # fmt: skip
    plots = [periods[number][name] for number, _, name in order]
    when = np.array([number for number, _, _ in order], dtype=np.int64)
    shared = [
        (i, j, len(plots[i] & plots[j]))
        for i in range(len(order))
        for j in range(len(order))
        if when[i] < when[j] and plots[i] & plots[j]
    ]
    none = np.zeros(0, dtype=np.int64)
    patches = Patches(
        when, np.array([len(own) for own in plots], dtype=np.int64),
        np.array([first for _, first, _ in order], dtype=np.int64), none, np.ones(len(order)),
        np.array(shared, dtype=np.int64).reshape(-1, 3), 0, none, none, none,
    )  # fmt: skip
    return patches, [(number, name) for number, _, name in order]


def tracked(periods: Ground, least_share: float = 0.1) -> tuple[dict[tuple[int, str], int], Tracks]:
    patches, names = patches_of(periods)
    tracks = track(patches, len(periods), least_share=least_share)
    return dict(zip(names, tracks.ids.tolist(), strict=True)), tracks


def kinds(tracks: Tracks, period: int) -> list[tuple[int, int, str]]:
    return [(e.parent, e.child, e.kind) for e in tracks.events if e.period == period]


def plots(first: int, last: int) -> set[int]:
    return set(range(first, last))


def test_a_mine_that_grows_and_shrinks_keeps_its_id() -> None:
    ids, tracks = tracked([{"a": plots(0, 10)}, {"a": plots(0, 90)}, {"a": plots(50, 60)}])
    assert set(ids.values()) == {1}
    assert kinds(tracks, 0) == [(0, 1, "new")]
    assert kinds(tracks, 1) == kinds(tracks, 2) == [(1, 1, "continued")]


def test_of_mines_that_merge_the_larger_part_keeps_its_id() -> None:
    ids, tracks = tracked([{"a": plots(0, 10), "b": plots(20, 40)}, {"ab": plots(0, 40)}])
    assert ids == {(0, "a"): 1, (0, "b"): 2, (1, "ab"): 2}
    assert kinds(tracks, 1) == [(1, 2, "merged"), (2, 2, "continued")]


def test_of_parts_equally_large_the_first_from_the_north_keeps_the_id() -> None:
    ids, _ = tracked([{"a": plots(0, 10), "b": plots(20, 30)}, {"ab": plots(0, 30)}])
    assert ids[1, "ab"] == 1
    ids, _ = tracked([{"a": plots(0, 30)}, {"a": plots(0, 10), "b": plots(20, 30)}])
    assert (ids[1, "a"], ids[1, "b"]) == (1, 2)


def test_a_mine_that_splits_keeps_its_id_on_the_larger_part() -> None:
    ids, tracks = tracked([{"a": plots(0, 30)}, {"small": plots(0, 10), "large": plots(15, 30)}])
    assert (ids[1, "large"], ids[1, "small"]) == (1, 2)
    assert kinds(tracks, 1) == [(1, 1, "continued"), (1, 2, "split")]


def test_of_even_parts_the_one_that_is_older_keeps_the_id() -> None:
    grown = [{"a": plots(60, 80)}, {"a": plots(0, 80)}]
    ids, tracks = tracked([*grown, {"young": plots(0, 39), "old": plots(44, 80)}])
    assert (ids[2, "old"], ids[2, "young"]) == (1, 2)
    assert kinds(tracks, 2) == [(1, 1, "continued"), (1, 2, "split")]
    ids, _ = tracked([*grown, {"young": plots(0, 39), "old": plots(46, 80)}])
    assert (ids[2, "old"], ids[2, "young"]) == (2, 1)  # 34 of 39 is less than nine tenths


def test_of_even_mines_that_merge_the_one_that_is_older_keeps_its_id() -> None:
    before = [{"old": plots(50, 90)}, {"new": plots(0, 42), "old": plots(50, 90)}]
    ids, tracks = tracked([*before, {"both": plots(0, 90)}])
    assert ids == {(0, "old"): 1, (1, "new"): 2, (1, "old"): 1, (2, "both"): 1}
    assert kinds(tracks, 2) == [(1, 1, "continued"), (2, 1, "merged")]


def test_what_splits_again_after_a_merger_has_the_id_that_it_had() -> None:
    apart = {"a": plots(0, 10), "b": plots(20, 40)}
    ids, tracks = tracked([apart, {"ab": plots(0, 40)}, apart])
    assert (ids[2, "a"], ids[2, "b"]) == (1, 2)
    assert kinds(tracks, 2) == [(1, 1, "reopened"), (2, 1, "split"), (2, 2, "continued")]


def test_a_part_that_goes_over_to_another_mine_is_no_merger() -> None:
    before = {"a": plots(0, 30), "b": plots(40, 70)}
    ids, tracks = tracked([before, {"a": plots(0, 20), "b": plots(25, 70)}])
    assert (ids[1, "a"], ids[1, "b"]) == (1, 2)
    assert kinds(tracks, 1) == [(1, 1, "continued"), (1, 2, "part"), (2, 2, "continued")]


def test_a_merger_and_a_split_at_once_lose_no_id() -> None:
    # b's ground goes to the new patch `left`, and of a's ground the smaller part
    before = {"a": plots(0, 40), "b": plots(40, 70)}
    ids, tracks = tracked([before, {"left": plots(22, 70), "right": plots(0, 20)}])
    assert (ids[1, "left"], ids[1, "right"]) == (2, 1)
    assert kinds(tracks, 1) == [(1, 1, "continued"), (1, 2, "part"), (2, 2, "continued")]


def test_a_mine_that_rests_takes_up_its_id_again() -> None:
    ids, tracks = tracked([{"a": plots(0, 30)}, {}, {}, {"a": plots(10, 50)}])
    assert ids[3, "a"] == 1
    assert kinds(tracks, 1) == [(1, 0, "ended")]
    assert kinds(tracks, 2) == []
    assert kinds(tracks, 3) == [(1, 1, "reopened")]


def test_a_living_mine_that_covers_one_at_rest_keeps_its_own_id() -> None:
    ids, _ = tracked([{"a": plots(0, 30), "b": plots(50, 60)}, {"b": plots(40, 60)},
                      {"b": plots(0, 60)}])  # fmt: skip
    assert ids[2, "b"] == 2


def test_touching_is_not_sharing() -> None:
    # one plot of sixty is less than a tenth of the smaller patch
    ids, tracks = tracked([{"a": plots(0, 60)}, {"b": plots(59, 120)}])
    assert ids[1, "b"] == 2
    assert kinds(tracks, 1) == [(1, 0, "ended"), (0, 2, "new")]


def test_ids_count_on_by_place() -> None:
    first = {"south": plots(90, 99), "north": plots(0, 9)}
    ids, _ = tracked([first, {**first, "b": plots(50, 60), "a": plots(20, 30)}])
    assert [ids[0, "north"], ids[0, "south"], ids[1, "a"], ids[1, "b"]] == [1, 2, 3, 4]


@st.composite
def grounds(draw: st.DrawFn) -> Ground:
    """Patches that are runs of plots, apart from each other, in two to five periods."""
    periods = []
    for _ in range(draw(st.integers(2, 5))):
        cuts = sorted(draw(st.sets(st.integers(0, 40), max_size=8)))
        runs = list(zip(cuts[::2], cuts[1::2], strict=False))
        periods.append({f"{start}": plots(start, end) for start, end in runs})
    return periods


@settings(max_examples=150, deadline=None)
@given(grounds())
def test_no_mine_has_two_patches_and_no_link_is_lost(ground: Ground) -> None:
    ids, tracks = tracked(ground)
    for period in range(len(ground)):
        own = [mine for (when, _), mine in ids.items() if when == period]
        assert len(set(own)) == len(own)
        seen = {e.child for e in tracks.events if e.period == period} - {0}
        assert seen == set(own)
    assert set(ids.values()) == set(range(1, len(set(ids.values())) + 1))
    for event in tracks.events:
        assert (event.kind in {"new", "ended"}) == (event.shared == 0)


@settings(max_examples=100, deadline=None)
@given(grounds())
def test_a_period_added_keeps_the_ids_and_events_of_those_before(ground: Ground) -> None:
    ids, tracks = tracked(ground)
    fewer, earlier = tracked(ground[:-1])
    assert {key: mine for key, mine in ids.items() if key[0] < len(ground) - 1} == fewer
    last = len(ground) - 1
    assert [e for e in tracks.events if e.period < last] == list(earlier.events)


@settings(max_examples=60, deadline=None)
@given(grounds(), st.randoms(use_true_random=False))
def test_the_order_in_which_what_is_shared_was_noted_is_of_no_matter(
    ground: Ground, random: Random
) -> None:
    patches, _ = patches_of(ground)
    shared = patches.shared.tolist()
    random.shuffle(shared)
    other = replace(patches, shared=np.array(shared, dtype=np.int64).reshape(-1, 3))
    one, two = (track(its, len(ground), least_share=0.1) for its in (patches, other))
    assert one.ids.tolist() == two.ids.tolist()
    assert one.events == two.events


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(31, 60)), min_size=2, max_size=6))
def test_a_mine_that_grows_and_shrinks_around_its_core_is_one_mine(
    spans: list[tuple[int, int]],
) -> None:
    ids, tracks = tracked([{"a": plots(first, last)} for first, last in spans], 1 / 61)
    assert set(ids.values()) == {1}
    assert {event.kind for event in tracks.events} <= {"new", "continued"}


@settings(max_examples=100, deadline=None)
@given(grounds())
def test_what_merges_and_splits_is_in_ids_and_genealogy(ground: Ground) -> None:
    ids, tracks = tracked(ground)
    there = [{mine for (when, _), mine in ids.items() if when == t} for t in range(len(ground))]
    for event in tracks.events:
        now, earlier = there[event.period], set().union(*there[: event.period])
        if event.kind in ("merged", "split"):
            assert event.child in now
            assert event.parent in earlier
            assert (event.parent in now) == (event.kind == "split")
    lines = {(event.period, event.child): event for event in tracks.events if event.parent}
    for period, (before, now) in enumerate(itertools.pairwise(there), 1):
        ends = {e.parent for e in tracks.events if e.period == period and e.kind == "ended"}
        merges = {e.parent for e in tracks.events if e.period == period and e.kind == "merged"}
        assert before - now == ends | (merges & before)
        assert all((period, mine) in lines for mine in now & before)


@pytest.mark.parametrize("least_share", [0.05, 0.5])
def test_how_much_is_shared_at_least_is_a_choice(least_share: float) -> None:
    ids, _ = tracked([{"a": plots(0, 50)}, {"a": plots(40, 90)}], least_share)
    assert ids[1, "a"] == (1 if least_share <= 0.2 else 2)
