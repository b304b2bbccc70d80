"""What a driver asks a Dask scheduler that answers in its own ways."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from minecover.engines.dask_workers import DaskWorkers
from minecover.errors import TryAgainError


class Scheduler:
    """One that gives an answer, or fails as its connection does."""

    address = "tcp://a.example:8786"

    def __init__(self, answer: int | Exception) -> None:
        self.answer = answer

    async def identity(self, n_workers: int) -> dict[str, int]:
        """Answer how many workers there are."""
        assert n_workers == 0  # of which none is described
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"n_workers": self.answer}


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


def client(loop: asyncio.AbstractEventLoop, answer: int | Exception) -> Any:
    """What `DaskWorkers` uses of a client."""
    led = SimpleNamespace(asyncio_loop=loop)
    return SimpleNamespace(scheduler=Scheduler(answer), cluster=None, status="running", loop=led)


def test_workers_are_counted(loop: asyncio.AbstractEventLoop) -> None:
    assert DaskWorkers(client(loop, 3)).count() == 3


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionRefusedError("refused"),
        OSError("Timed out trying to connect to tcp://a.example:8786 after 10 s"),
    ],
)
def test_a_scheduler_out_of_reach_is_an_invitation_to_try_again(
    loop: asyncio.AbstractEventLoop, error: Exception
) -> None:
    with pytest.raises(TryAgainError, match=r"scheduler at tcp://a\.example:8786 does not"):
        DaskWorkers(client(loop, error)).count()
