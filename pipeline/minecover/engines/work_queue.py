"""A queue on Ray that hands work out, one piece after the other, to workers who all do each."""

from __future__ import annotations

import asyncio

from minecover.errors import MinecoverError

__all__ = ["WorkQueue"]


class WorkQueue:
    """An actor between a driver and a group of workers that together do every piece of work.

    Pieces are bytes, so that the queue need not import what they are made of. Their numbers count
    from 0, and a piece is given out from when it is brought until it has an outcome.
    """

    def __init__(self) -> None:
        self.changed = asyncio.Condition()
        self.pieces: list[bytes] = []
        self.outcomes: list[MinecoverError | None] = []
        self.open = True

    async def give(self, piece: bytes) -> int:
        """Take a piece on; its number."""
        async with self.changed:
            self.pieces.append(piece)
            self.changed.notify_all()
            return len(self.pieces) - 1

    async def take(self, number: int | None) -> tuple[int, bytes] | None:
        """Wait for the piece of that number; for a new worker (None), the first without outcome.

        None: there is no more to do.
        """
        async with self.changed:
            wanted = len(self.outcomes) if number is None else number
            await self.changed.wait_for(lambda: not self.open or wanted < len(self.pieces))
            return (wanted, self.pieces[wanted]) if wanted < len(self.pieces) else None

    async def finish(self, number: int, error: MinecoverError | None) -> None:
        """Note what became of a piece; what is noted stays."""
        async with self.changed:
            if number == len(self.outcomes):
                self.outcomes.append(error)
                self.changed.notify_all()

    async def outcome(self, number: int) -> MinecoverError | None:
        """Wait for the end of a piece; its error if it has one."""
        async with self.changed:
            await self.changed.wait_for(lambda: number < len(self.outcomes))
            return self.outcomes[number]

    async def close(self) -> None:
        """Send the workers home."""
        async with self.changed:
            self.open = False
            self.changed.notify_all()
