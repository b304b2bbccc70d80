"""Work side by side on threads of this process."""

from __future__ import annotations

import threading
import time

import pytest

from minecover.engines.threads import check_wanted, side_by_side, with_guess


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_pieces(threads: int) -> None:
    def late(n: int) -> int:
        time.sleep(0.02 * (n == 0))
        return n * n

    assert side_by_side(late, range(7), threads) == [n * n for n in range(7)]
    assert side_by_side(late, [], threads) == []


def test_where_one_fails_the_others_end_and_none_is_begun() -> None:
    both, begun = threading.Barrier(2), []

    def work(n: int) -> None:
        begun.append(n)
        if n < 2:  # the freed thread may take a third before it is told
            both.wait(60)
        if n == 0:
            raise ValueError("bad")
        while True:  # an endless training
            check_wanted()
            time.sleep(0.001)

    with pytest.raises(ValueError, match="bad"):
        side_by_side(work, range(9), 2)
    assert sorted(begun)[:2] == [0, 1]
    assert len(begun) <= 3
    check_wanted()  # nothing is unwanted outside


@pytest.mark.parametrize("holds", [True, False])
def test_a_guess_is_kept_or_given_up(*, holds: bool) -> None:
    begun, known = threading.Event(), threading.Event()

    def guess() -> str:
        begun.set()
        while not (holds and known.is_set()):  # endless where nobody wants it
            check_wanted()
            time.sleep(0.001)
        return "guessed"

    def find() -> int:
        assert begun.wait(60)
        known.set()
        return 7

    assert with_guess(find, guess, lambda found: found == 7 and holds) == (
        7,
        "guessed" if holds else None,
    )


def test_a_guess_ends_where_finding_out_fails() -> None:
    ended = threading.Event()

    def guess() -> None:
        try:
            while True:
                check_wanted()
                time.sleep(0.001)
        finally:
            ended.set()

    def find() -> int:
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        with_guess(find, guess, bool)
    assert ended.is_set()
