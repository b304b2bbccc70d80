"""How maps and mines of a history are scored against the truth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.history_scores import Passage, score_maps, score_tracks

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


def test_a_mine_found_too_late_is_born_late() -> None:
    truth = ids("110", "110", "110", "112")
    late = score_tracks(truth, ids("000", "000", "110", "110"), [], [])
    assert (late.mines, late.births_right) == (2, 0)
    assert score_tracks(truth, ids("000", "110", "110", "112"), [], []).births_right == 2
