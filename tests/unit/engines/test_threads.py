"""Work side by side on threads of this process."""

from __future__ import annotations

import threading
import time

import pytest

from minecover.engines.threads import check_wanted, side_by_side


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
