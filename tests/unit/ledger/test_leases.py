"""Leases: one winner, an end without renewal, heartbeats."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from minecover.errors import DataError, HeldError, StoreError
from minecover.ledger.leases import DEATHS, Lease, Leases, probe, split_name
from minecover.ledger.process_identity import is_dead, this_process
from minecover.storage.store import Store

LEASE = 100.0


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def leases_at(clock: Clock, deaths: int | None = DEATHS) -> Iterator[Leases]:
    with tempfile.TemporaryDirectory() as folder:
        yield Leases(Store(folder), "leases", LEASE, deaths, clock)


def taken(leases: Leases, name: str = "r0000c0000") -> Lease | None:
    try:
        return leases.take(name)
    except HeldError:
        return None


@settings(max_examples=15, deadline=None)
@given(racers=st.integers(2, 8), dead=st.integers(0, DEATHS - 1))
def test_one_of_any_number_of_racers_wins(racers: int, dead: int) -> None:
    clock = Clock()
    with leases_at(clock) as leases:
        for _ in range(dead):  # so many workers had it before and were not heard of again
            leases.take("r0000c0000")
            clock.now += LEASE + 1
        gate = threading.Barrier(racers)

        def race(_: int) -> Lease | None:
            gate.wait()
            return taken(leases)

        with ThreadPoolExecutor(racers) as pool:
            winners = [lease for lease in pool.map(race, range(racers)) if lease]
        assert [lease.attempt for lease in winners] == [dead + 1]


class LeaseMachine(RuleBasedStateMachine):
    """Any sequence of takes, renewals, ends and waits against what a lease promises."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.leases = Leases(Store(self.folder.name), "leases", LEASE, None, self.clock)
        self.owner: Lease | None = None
        self.expires = 0.0

    @rule()
    def take(self) -> None:
        live = self.owner is not None and self.clock.now <= self.expires
        lease = taken(self.leases)
        assert (lease is None) == live
        if lease is not None:
            self.owner, self.expires = lease, self.clock.now + LEASE

    @rule(seconds=st.sampled_from([1.0, LEASE / 2, LEASE + 1]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(lambda self: self.owner is not None)
    @rule()
    def renew(self) -> None:
        assert self.owner is not None
        self.leases.store.write(self.owner.key, self.leases.document(self.owner.token))
        self.expires = self.clock.now + LEASE

    @precondition(lambda self: self.owner is not None)
    @rule(give_back=st.booleans())
    def end(self, give_back: bool) -> None:
        assert self.owner is not None
        if give_back:
            self.owner.give_back()
        else:
            self.leases.store.remove(self.owner.key)
        self.owner = None

    @invariant()
    def what_is_held_is_told(self) -> None:
        live = self.owner is not None and self.clock.now <= self.expires
        assert self.leases.is_held("r0000c0000") == live

    def teardown(self) -> None:
        self.folder.cleanup()


TestLeases = LeaseMachine.TestCase
TestLeases.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)


def test_a_claim_that_expired_is_taken_over_and_its_owner_can_tell() -> None:
    clock = Clock()
    with leases_at(clock) as leases:
        first = leases.take("a")
        clock.now += LEASE + 1
        assert not first.is_lost()
        second = leases.take("a")
        assert (second.attempt, first.is_lost(), second.is_lost()) == (2, True, False)


def test_a_tile_that_kills_its_workers_is_refused() -> None:
    clock = Clock()
    with leases_at(clock) as leases:
        for attempt in range(1, DEATHS + 1):
            assert leases.take("a").attempt == attempt
            clock.now += LEASE + 1
        with pytest.raises(DataError, match=f"its worker died {DEATHS} times"):
            leases.take("a")
        assert leases.take("b").attempt == 1


def test_a_claim_given_back_is_no_death() -> None:
    with leases_at(Clock(), deaths=1) as leases:
        for attempt in range(1, 5):
            lease = leases.take("a")
            assert lease.attempt == attempt
            lease.give_back()


def test_a_block_that_raises_gives_back_and_one_that_ends_removes() -> None:
    with leases_at(Clock()) as leases:
        with pytest.raises(KeyboardInterrupt), leases.holding(leases.take("a")):
            raise KeyboardInterrupt
        assert not leases.is_held("a")
        with leases.holding(leases.take("a")) as lease:
            assert lease.attempt == 2
            assert leases.is_held("a")
        assert [split_name(key) for key in leases.store.names("leases")] == [("a", 1)]


def test_a_claim_is_renewed_while_its_work_goes_on(tmp_path: Path) -> None:
    leases = Leases(Store(str(tmp_path)), "leases", seconds=0.3)
    lease = leases.take("a")
    with leases.holding(lease):
        for _ in range(10):
            time.sleep(0.1)
            assert leases.is_held("a")
            assert taken(leases, "a") is None


def test_a_store_that_fails_for_a_moment_does_not_end_the_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = Leases(Store(str(tmp_path)), "leases", seconds=0.6)
    lease, beats = leases.take("a"), 0
    write = Store.write

    def fails_once(store: Store, key: str, data: bytes) -> None:
        nonlocal beats
        beats += 1
        if beats == 1:
            raise StoreError("503 Slow Down")
        write(store, key, data)

    monkeypatch.setattr(Store, "write", fails_once)
    with leases.holding(lease):
        time.sleep(1.0)
        assert leases.is_held("a")
    assert beats >= 3


def test_a_create_that_was_kept_but_not_acknowledged_is_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Store.create
    monkeypatch.setattr(Store, "create", lambda *a: create(*a) and False)
    leases = Leases(Store(str(tmp_path)), "leases", LEASE)
    assert leases.take("a").attempt == 1
    assert taken(leases, "a") is None


def _claim_and_die(folder: str) -> None:
    Leases(Store(folder), "leases", seconds=3600).take("a")
    os.kill(os.getpid(), 9)


def test_a_killed_process_of_this_machine_does_not_hold_its_tile(tmp_path: Path) -> None:
    leases = Leases(Store(str(tmp_path)), "leases", seconds=3600)
    worker = multiprocessing.get_context("spawn").Process(
        target=_claim_and_die, args=(str(tmp_path),)
    )
    worker.start()
    worker.join()
    assert worker.exitcode == -9
    assert not leases.is_held("a")
    assert leases.take("a").attempt == 2


def test_only_a_process_that_can_be_seen_is_called_dead() -> None:
    me = this_process()
    assert not is_dead(me)
    assert is_dead({**me, "started": "1"})  # the number went to another process
    assert is_dead({**me, "pid": 2**22 + 1})
    for place in (None, "another boot or container"):
        assert not is_dead({**me, "place": place, "pid": 2**22 + 1})


def test_a_store_that_keeps_its_promise_passes_and_nothing_stays(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    probe(store)
    assert list(store.names("")) == []


class Careless(Store):
    """Overwrites where it should refuse, as some servers do."""

    says: bool = True

    def create(self, key: str, data: bytes) -> bool:
        self.write(key, data)
        return self.says


@pytest.mark.parametrize("says", [True, False])
def test_a_store_that_overwrites_is_refused(tmp_path: Path, says: bool) -> None:
    store = Careless(str(tmp_path))
    store.says = says
    with pytest.raises(StoreError, match="does not keep its promise") as caught:
        probe(store)
    assert str(tmp_path) in str(caught.value)
    assert list(store.names("")) == []


def test_a_store_without_conditional_writes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(store: Store, key: str, data: bytes) -> bool:
        answer = "501 Not Implemented: <Error><Code>NotImplemented</Code></Error>"
        raise StoreError("the store cannot be used") from OSError(answer)

    monkeypatch.setattr(Store, "create", refuse)
    with pytest.raises(StoreError, match="If-None-Match"):
        probe(Store(str(tmp_path)))
