"""Numbers of from-to maps, and which periods are compared."""

import numpy as np

from minecover.transitions.from_to import change_codes, digits_of, period_pairs, transition_names


def test_numbers_are_read_by_people() -> None:
    before, after = np.array([[2, 2, 0, 5]], np.uint8), np.array([[5, 2, 5, 0]], np.uint8)
    assert change_codes(before, after, digits_of([2, 5])).tolist() == [[205, 202, 0, 0]]
    names = transition_names({"forest": 2, "mine": 5})
    assert names == {
        202: "forest -> forest", 205: "forest -> mine",
        502: "mine -> forest", 505: "mine -> mine",
    }  # fmt: skip


def test_codes_of_three_digits_have_room() -> None:
    """The greatest code there may be, 255, after itself."""
    assert digits_of([2, 99]) == 100
    assert digits_of([2, 100]) == 1000
    last = np.array([[255]], np.uint8)
    assert change_codes(last, last, digits_of([255])).tolist() == [[255_255]]
    assert len(transition_names({"a": 1, "b": 12, "c": 112})) == 9


def test_each_period_and_the_next_and_the_whole() -> None:
    assert period_pairs(("2019",)) == ()
    assert period_pairs(("2019", "2023")) == (("2019", "2023"),)
    assert period_pairs(("a", "b", "c")) == (("a", "b"), ("b", "c"), ("a", "c"))
