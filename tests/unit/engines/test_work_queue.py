"""The desk that hands work out to a group of workers."""

from __future__ import annotations

import asyncio

from minecover.engines.work_queue import WorkQueue
from minecover.errors import SurveyError


def test_every_worker_gets_every_piece_in_order_and_goes_home() -> None:
    async def run() -> list[list[bytes]]:
        desk, together = WorkQueue(), asyncio.Barrier(2)

        async def worker(rank: int) -> list[bytes]:
            done: list[bytes] = []
            number = None
            while (taken := await desk.take(number)) is not None:
                done.append(taken[1])
                await together.wait()
                if rank == 0:
                    await desk.finish(taken[0], None)
                number = taken[0] + 1
            return done

        crew = [asyncio.create_task(worker(rank)) for rank in range(2)]
        for piece in (b"a", b"b"):
            assert await desk.outcome(await desk.give(piece)) is None
        await desk.close()
        return await asyncio.gather(*crew)

    assert asyncio.run(run()) == [[b"a", b"b"]] * 2


def test_a_new_worker_takes_the_first_piece_without_an_outcome() -> None:
    async def run() -> None:
        desk = WorkQueue()
        for piece in (b"a", b"b"):
            await desk.give(piece)
        assert await desk.take(None) == (0, b"a")
        assert await desk.take(None) == (0, b"a")
        await desk.finish(0, None)
        # what is noted stands: a worker may be lost between its work and its next question
        await desk.finish(0, SurveyError("late"))
        assert await desk.outcome(0) is None
        assert await desk.take(None) == (1, b"b")
        await desk.close()
        assert await desk.take(2) is None

    asyncio.run(run())


def test_an_error_is_told_to_who_waits() -> None:
    async def run() -> str:
        desk = WorkQueue()
        waiting = asyncio.create_task(desk.outcome(await desk.give(b"a")))
        await desk.finish(0, SurveyError("model.batch"))
        return str(await waiting)

    assert asyncio.run(run()) == "model.batch"
