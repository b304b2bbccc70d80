"""Claims: one winner, leases that run out, heartbeats."""

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
def claims_at(clock: Clock, deaths: int | None = DEATHS) -> Iterator[Leases]:
    with tempfile.TemporaryDirectory() as folder:
        yield Leases(Store(folder), "claims", LEASE, deaths, clock)


def taken(claims: Leases, name: str = "r0000c0000") -> Lease | None:
    try:
        return claims.take(name)
    except HeldError:
        return None


@settings(max_examples=15, deadline=None)
@given(racers=st.integers(2, 8), dead=st.integers(0, DEATHS - 1))
def test_one_of_any_number_of_racers_wins(racers: int, dead: int) -> None:
    clock = Clock()
    with claims_at(clock) as claims:
        for _ in range(dead):  # so many workers claimed it before and were not heard of again
            claims.take("r0000c0000")
            clock.now += LEASE + 1
        gate = threading.Barrier(racers)

        def race(_: int) -> Lease | None:
            gate.wait()
            return taken(claims)

        with ThreadPoolExecutor(racers) as pool:
            winners = [claim for claim in pool.map(race, range(racers)) if claim]
        assert [claim.attempt for claim in winners] == [dead + 1]


class LeaseMachine(RuleBasedStateMachine):
    """Any sequence of takes, renewals, ends and waits against what a claim promises."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.claims = Leases(Store(self.folder.name), "claims", LEASE, None, self.clock)
        self.owner: Lease | None = None
        self.expires = 0.0

    @rule()
    def take(self) -> None:
        live = self.owner is not None and self.clock.now <= self.expires
        claim = taken(self.claims)
        assert (claim is None) == live
        if claim is not None:
            self.owner, self.expires = claim, self.clock.now + LEASE

    @rule(seconds=st.sampled_from([1.0, LEASE / 2, LEASE + 1]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(lambda self: self.owner is not None)
    @rule()
    def renew(self) -> None:
        assert self.owner is not None
        self.claims.store.write(self.owner.key, self.claims.document(self.owner.token))
        self.expires = self.clock.now + LEASE

    @precondition(lambda self: self.owner is not None)
    @rule(give_back=st.booleans())
    def end(self, give_back: bool) -> None:
        assert self.owner is not None
        if give_back:
            self.owner.give_back()
        else:
            self.claims.store.remove(self.owner.key)
        self.owner = None

    @invariant()
    def what_is_held_is_told(self) -> None:
        live = self.owner is not None and self.clock.now <= self.expires
        assert self.claims.is_held("r0000c0000") == live

    def teardown(self) -> None:
        self.folder.cleanup()


TestLeases = LeaseMachine.TestCase
TestLeases.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)


def test_a_claim_that_expired_is_taken_over_and_its_owner_can_tell() -> None:
    clock = Clock()
    with claims_at(clock) as claims:
        first = claims.take("a")
        clock.now += LEASE + 1
        assert not first.is_lost()
        second = claims.take("a")
        assert (second.attempt, first.is_lost(), second.is_lost()) == (2, True, False)


def test_a_tile_that_kills_its_workers_is_refused() -> None:
    clock = Clock()
    with claims_at(clock) as claims:
        for attempt in range(1, DEATHS + 1):
            assert claims.take("a").attempt == attempt
            clock.now += LEASE + 1
        with pytest.raises(DataError, match=f"its worker died {DEATHS} times"):
            claims.take("a")
        assert claims.take("b").attempt == 1


def test_a_claim_given_back_is_no_death() -> None:
    with claims_at(Clock(), deaths=1) as claims:
        for attempt in range(1, 5):
            claim = claims.take("a")
            assert claim.attempt == attempt
            claim.give_back()


def test_a_block_that_raises_gives_back_and_one_that_ends_removes() -> None:
    with claims_at(Clock()) as claims:
        with pytest.raises(KeyboardInterrupt), claims.keeping(claims.take("a")):
            raise KeyboardInterrupt
        assert not claims.is_held("a")
        with claims.keeping(claims.take("a")) as claim:
            assert claim.attempt == 2
            assert claims.is_held("a")
        assert [split_name(key) for key in claims.store.names("claims")] == [("a", 1)]


def test_a_claim_is_renewed_while_its_work_goes_on(tmp_path: Path) -> None:
    claims = Leases(Store(str(tmp_path)), "claims", lease=0.3)
    claim = claims.take("a")
    with claims.keeping(claim):
        for _ in range(10):
            time.sleep(0.1)
            assert claims.is_held("a")
            assert taken(claims, "a") is None


def test_a_store_that_fails_for_a_moment_does_not_end_the_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = Leases(Store(str(tmp_path)), "claims", lease=0.6)
    claim, beats = claims.take("a"), 0
    write = Store.write

    def fails_once(store: Store, key: str, data: bytes) -> None:
        nonlocal beats
        beats += 1
        if beats == 1:
            raise StoreError("503 Slow Down")
        write(store, key, data)

    monkeypatch.setattr(Store, "write", fails_once)
    with claims.keeping(claim):
        time.sleep(1.0)
        assert claims.is_held("a")
    assert beats >= 3


def test_a_create_that_was_kept_but_not_acknowledged_is_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Store.create
    monkeypatch.setattr(Store, "create", lambda *a: create(*a) and False)
    claims = Leases(Store(str(tmp_path)), "claims", LEASE)
    assert claims.take("a").attempt == 1
    assert taken(claims, "a") is None


def _claim_and_die(folder: str) -> None:
    Leases(Store(folder), "claims", lease=3600).take("a")
    os.kill(os.getpid(), 9)


def test_a_killed_process_of_this_machine_does_not_hold_its_tile(tmp_path: Path) -> None:
    claims = Leases(Store(str(tmp_path)), "claims", lease=3600)
    worker = multiprocessing.get_context("spawn").Process(
        target=_claim_and_die, args=(str(tmp_path),)
    )
    worker.start()
    worker.join()
    assert worker.exitcode == -9
    assert not claims.is_held("a")
    assert claims.take("a").attempt == 2


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
