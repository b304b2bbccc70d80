"""A cluster that has no worker: told once, given time, and not waited for without end."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest

from minecover.engines import absence
from minecover.engines.absence import PATIENCE, SILENCE, Absence
from minecover.errors import TryAgainError


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(absence, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


@pytest.fixture
def watched() -> Absence:
    return Absence("the cluster at a:1 has had no worker", "start workers")


def test_workers_that_are_there_or_come_in_time_are_no_news(clock: Clock, watched: Absence) -> None:
    for present in (True, False, True):
        watched.note(present=present)
        clock.now += SILENCE - 1
    watched.note(present=False)  # the first that is missed after long: none was seen to be away
    clock.now += SILENCE - 1
    watched.note(present=False)


def test_an_absence_is_told_once_and_ended(clock: Clock, watched: Absence) -> None:
    watched.note(present=False)
    clock.now += SILENCE + 1
    with pytest.warns(UserWarning, match="a:1 has had no worker for 61 s; .* 300 s: start workers"):
        watched.note(present=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clock.now += SILENCE
        watched.note(present=False)
    clock.now += PATIENCE
    with pytest.raises(
        TryAgainError, match="has had no worker for 421 s: start workers, and run the same"
    ):
        watched.note(present=False)


def test_one_absence_does_not_count_for_the_next(clock: Clock, watched: Absence) -> None:
    watched.note(present=False)
    clock.now += PATIENCE
    watched.note(present=True)
    watched.note(present=False)
    clock.now += PATIENCE
    with pytest.warns(UserWarning, match="300 s"):
        watched.note(present=False)
