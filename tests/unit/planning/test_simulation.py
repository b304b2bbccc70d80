"""Workers that were simulated: no tile is lost, and simple cases end when arithmetic says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minecover.errors import SurveyError
from minecover.planning.shared_bandwidth import SharedBandwidth
from minecover.planning.simulation import Pool, Seconds, Simulated, drawn, simulate

TILES = st.lists(st.floats(0.1, 500), min_size=1, max_size=60)
WORKERS = st.integers(1, 20)


def simulated(
    seconds: list[float] | Seconds, pool: Pool, seed: int = 0, moved: float = 0
) -> Simulated:
    return simulate(np.asarray(seconds, dtype=float), pool, np.random.default_rng(seed), moved)


@given(
    seconds=TILES,
    workers=WORKERS,
    preemptions=st.floats(0, 12),
    announced=st.floats(0, 1),
    dealt=st.booleans(),
    seed=st.integers(0, 99),
)
def test_every_tile_is_done_once_or_set_aside(
    seconds: list[float],
    workers: int,
    preemptions: float,
    announced: float,
    dealt: bool,
    seed: int,
) -> None:
    pool = Pool(
        workers, start=5, preemptions=preemptions, announced=announced, dealt=dealt, renewed=4,
        bandwidth=3e6, stream=1e6, driver=0.01,
    )  # fmt: skip
    done = simulated(seconds, pool, seed, moved=1e6)
    assert done.done + done.failed == len(seconds)
    assert done.attempts >= len(seconds)
    assert done.attempts - len(seconds) <= done.preempted
    if not preemptions or announced == 1:
        assert done.failed == 0
    assert 0 <= done.efficiency <= 1 + 1e-9
    assert simulated(seconds, pool, seed, moved=1e6) == done


@given(seconds=TILES, workers=WORKERS, start=st.floats(0, 100))
def test_no_pool_is_quicker_than_its_work(seconds: list[float], workers: int, start: float) -> None:
    done = simulated(seconds, Pool(workers, start=start))
    work = sum(seconds)
    assert done.seconds >= start + max(work / workers, max(seconds)) - 1e-6
    # Graham 1966, doi:10.1002/j.1538-7305.1966.tb01709.x: lists are never worse than this
    assert done.seconds <= start + work / workers + max(seconds) + 1e-6
    assert done.useful == pytest.approx(work)
    assert done.held == pytest.approx(workers * done.seconds)


@given(seconds=TILES, fewer=WORKERS, more=st.integers(1, 10), start=st.floats(0, 60))
def test_more_workers_are_never_slower(
    seconds: list[float], fewer: int, more: int, start: float
) -> None:
    few, many = (Pool(count, start=start) for count in (fewer, fewer + more))
    assert simulated(seconds, many).seconds <= simulated(seconds, few).seconds + 1e-6


@given(
    tiles=st.integers(1, 200),
    seconds=st.floats(0.1, 100),
    workers=WORKERS,
    start=st.floats(0, 50),
    dealt=st.booleans(),
)
def test_equal_tiles_go_in_rounds(
    tiles: int, seconds: float, workers: int, start: float, dealt: bool
) -> None:
    done = simulated([seconds] * tiles, Pool(workers, start=start, dealt=dealt))
    assert done.seconds == pytest.approx(start + math.ceil(tiles / workers) * seconds)


def test_pods_start_anew_for_each_index() -> None:
    done = simulated([10.0] * 16, Pool(2, start=7.0, renewed=4))
    assert done.seconds == pytest.approx(2 * (7 + 40))


def test_a_driver_is_the_limit_of_many_workers() -> None:
    done = simulated([1.0] * 1000, Pool(500, driver=0.01))
    assert done.seconds == pytest.approx(1000 * 0.01 + 1.0, rel=0.01)


def test_storage_is_the_limit_of_many_workers() -> None:
    alone, many = Pool(1, bandwidth=100.0, stream=50.0), Pool(20, bandwidth=100.0, stream=50.0)
    # 3 s of computing and 2 s for 100 bytes at 50 a second
    assert simulated([5.0] * 4, alone, moved=100.0).seconds == pytest.approx(20.0)
    assert simulated([5.0] * 20, many, moved=100.0).seconds == pytest.approx(3 + 20 * 100 / 100)
    assert simulated([5.0] * 20, replace(many, bandwidth=math.inf), moved=100.0).seconds == 5.0


@given(sizes=st.lists(st.floats(1, 1e6), min_size=1, max_size=30))
def test_transfers_share_what_there_is(sizes: list[float]) -> None:
    pipe = SharedBandwidth(bandwidth=1000.0, stream=math.inf)
    for who, size in enumerate(sizes):
        pipe.add(0.0, who, size)
    ends = [pipe.pop() for _ in sizes]
    assert [who for _, who in ends] == sorted(range(len(sizes)), key=lambda who: (sizes[who], who))
    assert ends[-1][0] == pytest.approx(sum(sizes) / 1000)
    assert pipe.next_end() == math.inf


def test_a_broken_transfer_makes_room() -> None:
    pipe = SharedBandwidth(bandwidth=10.0, stream=math.inf)
    pipe.add(0.0, 0, 100.0)
    pipe.add(0.0, 1, 100.0)
    pipe.remove(4.0, 0)  # 20 bytes of each are through
    assert pipe.pop() == (pytest.approx(12.0), 1)


def test_lost_workers_cost_time_and_unannounced_ones_more() -> None:
    seconds = drawn([1, 1, 1, 2, 6], 60.0, 400, np.random.default_rng(1))
    assert seconds.mean() == pytest.approx(60, rel=0.2)
    calm = Pool(10, start=20, lease=120, replaced=30)
    spot = replace(calm, preemptions=4.0)
    hard = replace(spot, announced=0.0)
    times = [simulated(seconds, pool).seconds for pool in (calm, spot, hard)]
    assert times[0] < times[1]
    lost = simulated(seconds, hard)
    assert lost.preempted > 0
    assert lost.efficiency < simulated(seconds, calm).efficiency
    assert times[0] < times[2]


def test_a_tile_of_which_workers_die_is_set_aside() -> None:
    hard = Pool(1, preemptions=3600 / 20, announced=0.0, replaced=1.0, lease=3.0)
    done = simulated([60.0] * 20, hard)
    assert done.failed > 0
    assert done.done + done.failed == 20


def test_tiles_longer_than_a_workers_life_are_refused() -> None:
    with pytest.raises(SurveyError, match="a worker lives 60 s on average"):
        simulated([500.0], Pool(1, preemptions=60))


def test_nothing_to_do_takes_no_time() -> None:
    assert simulated([], Pool(3, start=10.0)) == Simulated(0, 0, 0, 0, 0, 0, 0)
