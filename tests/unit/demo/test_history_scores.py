"""How maps and mines of a history are scored against the truth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.history_scores import Passage, confirmed, score_maps, score_tracks

FOREST, MINING, RESTORED = 1, 5, 6


def test_maps_are_scored_by_pixel_and_step() -> None:
    truth = np.full((3, 1, 10), FOREST, dtype=np.uint8)
    truth[1:, 0, :4] = MINING
    truth[2, 0, :2] = RESTORED
    mapped = truth.copy()
    mapped[1, 0, 3] = FOREST  # mined a period late
    mapped[1, 0, 9] = MINING  # flickers where nothing happened
    scores = score_maps(truth, mapped, mining=MINING, restored=RESTORED)
    assert scores.classes == pytest.approx(28 / 30)
    assert scores.transitions == pytest.approx(16 / 20)
    # truly newly mined: 4 in the first step; mapped: 3 of them, the flicker, and one late
    assert scores.newly_mined == pytest.approx(2 * 3 / (4 + 5))
    assert scores.newly_restored == 1
    # still on the ground: 6 + 8 pixels; changed on the map: the flicker twice, the late one once
    assert scores.false_change == pytest.approx(3 / 14)
    assert scores.flicker == pytest.approx(1 / 6)
    # beside a border of what is mined are the pixels 3 and 4, then 1 to 4; one is wrong
    assert scores.mine_borders == pytest.approx(5 / 6)
    same = score_maps(truth, truth, mining=MINING, restored=RESTORED)
    assert (same.transitions, same.newly_mined, same.false_change) == (1, 1, 0)


def ids(*periods: str) -> np.ndarray:
    return np.array([[[int(letter) for letter in period]] for period in periods])


def test_ids_are_right_where_a_mine_goes_by_one_of_its_own() -> None:
    truth = ids("1110022203", "1110022203", "1111111103")
    merged = [Passage(2, 1, 2, "merged")]
    renamed = ids("4440077709", "4440077709", "4444444409")
    right = score_tracks(truth, renamed, merged, [Passage(2, 4, 7, "merged")])
    assert (right.mines, right.ids_right, right.births_right) == (3, 3, 3)
    assert (right.passages, right.passages_right, right.surplus) == (1, 1, 0)
    changing = ids("4440077709", "5550077709", "5555555500")
    wrong = score_tracks(truth, changing, merged, [Passage(1, 5, 4, "split")])
    # mine 1 changes its id, and mine 3 is lost in the end
    assert (wrong.ids_right, wrong.passages_right, wrong.surplus) == (1, 0, 1)


def test_lines_of_the_map_are_confirmed_by_the_truth_in_its_own_ids() -> None:
    truth = ids("1110022203", "1111111103")
    mapped = ids("4440077709", "4444444400")
    lines = [Passage(1, 4, 7, "merged"), Passage(1, 4, 9, "merged"), Passage(1, 0, 9, "ended")]
    right = confirmed(truth, mapped, [Passage(1, 1, 2, "merged")], lines)
    assert right.tolist() == [True, False, False]


def test_a_mine_found_too_late_is_born_late() -> None:
    truth = ids("110", "110", "110", "112")
    late = score_tracks(truth, ids("000", "000", "110", "110"), [], [])
    assert (late.mines, late.births_right) == (2, 0)
    assert score_tracks(truth, ids("000", "110", "110", "112"), [], []).births_right == 2


def test_small_mines_are_left_out_with_their_splits() -> None:
    truth = ids("111111", "111033", "111033")
    split = [Passage(1, 3, 1, "split")]
    mapped = ids("444444", "444000", "444000")
    lost = score_tracks(truth, mapped, split, [])
    assert (lost.mines, lost.ids_right, lost.passages, lost.passages_right) == (2, 1, 1, 0)
    large = score_tracks(truth, mapped, split, [], least=3)
    assert (large.mines, large.ids_right, large.passages) == (1, 1, 0)
    # a split of the map into a part that small is not counted as one that is none, either
    false = [Passage(1, 5, 4, "split")]
    parted = ids("444444", "444055", "444000")
    assert score_tracks(ids(*3 * ["111111"]), parted, [], false).surplus == 1
    assert score_tracks(ids(*3 * ["111111"]), parted, [], false, least=3).surplus == 0


@pytest.mark.parametrize("even", [None, 0.5, 0.9])
def test_which_of_two_even_parts_goes_on_may_be_left_open(even: float | None) -> None:
    truth = ids("11111111", "11110222", "11110222")
    lines = [
        Passage(1, 1, 1, "continued", 4), Passage(1, 2, 1, "split", 3),
        Passage(2, 1, 1, "continued", 4), Passage(2, 2, 2, "continued", 3),
    ]  # fmt: skip
    mapped = ids("77777777", "88880777", "88880777")
    scores = score_tracks(truth, mapped, lines, [Passage(1, 8, 7, "split")], even=even)
    open_ = even == 0.5
    assert scores.ids_right == (2 if open_ else 0)
    assert (scores.passages_right, scores.surplus) == ((1, 0) if open_ else (0, 1))


def test_a_merger_may_be_a_period_late() -> None:
    truth = ids("11110222", "11111111", "11111111", "11111111")
    merged = [Passage(1, 1, 2, "merged", 3)]
    mapped = ids("77770888", "77770888", "77777777", "77777777")
    told = [Passage(2, 7, 8, "merged")]
    strict, near = (score_tracks(truth, mapped, merged, told, slack=slack) for slack in (0, 1))
    assert (strict.passages, strict.passages_right, strict.surplus) == (1, 0, 1)
    assert (near.passages, near.passages_right, near.surplus) == (1, 1, 0)
    later = [Passage(3, 7, 8, "merged")]
    assert score_tracks(truth, mapped, merged, later, slack=1).surplus == 1


def test_which_of_two_even_mines_a_merger_goes_by_may_be_left_open() -> None:
    truth = ids("11110222", "11111111", "33301111")
    lines = [
        Passage(1, 1, 1, "continued", 4), Passage(1, 1, 2, "merged", 4),
        Passage(2, 1, 1, "continued", 4), Passage(2, 3, 1, "split", 2),
    ]  # fmt: skip
    mapped = ids("77770888", "88888888", "99908888")
    told = [Passage(1, 8, 7, "merged"), Passage(2, 9, 8, "split")]
    scores = score_tracks(truth, mapped, lines, told, even=0.9)
    assert (scores.mines, scores.ids_right) == (3, 3)
    assert (scores.passages_right, scores.surplus) == (2, 0)
    strict = score_tracks(truth, mapped, lines, told)
    assert (strict.ids_right, strict.passages_right, strict.surplus) == (1, 1, 1)
