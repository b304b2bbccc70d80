"""Checkpoints of a training, from which the next attempt continues."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from minecover.storage.store import Store

__all__ = [
    "CheckpointStore",
    "Clock",
    "FolderCheckpoints",
    "State",
    "StoreCheckpoints",
    "only_state",
]

State = dict[str, Any]


def only_state(store: Store, folder: str, name: str) -> str:
    """Name the state of a training in a folder of a store, and remove those of trainings before."""
    key = f"{folder}{name}.pt"
    for old in [*store.names(folder)]:
        if old != key:
            store.remove(old)
    return key


class CheckpointStore(Protocol):
    """Keeps the state after each epoch where the next attempt finds it."""

    def restore(self) -> State | None:
        """Read the state last kept; None at the start."""

    def keep(self, state: State, *, last: bool) -> None:
        """Keep the state; called by every process, written by the first.

        A state that is not the `last` may be skipped: the next attempt then repeats an epoch.
        """


class Clock:
    """Decides when a checkpoint is written: at the end, and some seconds after the one before."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.kept = time.monotonic()

    def due(self, *, last: bool) -> bool:
        """Whether to keep a state now; to be called once for each."""
        now = time.monotonic()
        due = last or now - self.kept >= self.seconds
        if due:
            self.kept = now
        return due


@dataclass(frozen=True)
class FolderCheckpoints:
    """Keeps the state in a folder that every process sees.

    Attributes
    ----------
    folder
        Of this training alone.
    clock
        Decides which states are kept.
    rank
        Of this process; the first writes.
    """

    folder: Path
    clock: Clock
    rank: int = 0

    def restore(self) -> State | None:
        """See `CheckpointStore.restore`; all tensors on the CPU."""
        file = self.folder / "state.pt"
        if not file.exists():
            return None
        state: State = torch.load(file, weights_only=True, map_location="cpu")
        return state

    def keep(self, state: State, *, last: bool) -> None:
        """See `CheckpointStore.keep`."""
        if self.rank > 0 or not self.clock.due(last=last):
            return
        scratch = self.folder / "state.part"
        torch.save(state, scratch)
        scratch.replace(self.folder / "state.pt")


@dataclass(frozen=True)
class StoreCheckpoints:
    """Keeps the state in a store, a bucket too: no volume has to be shared or to last.

    Attributes
    ----------
    store, key
        Where, under a name of this training alone.
    clock, rank
        As of `FolderCheckpoints`.
    """

    store: Store
    key: str
    clock: Clock
    rank: int = 0

    def restore(self) -> State | None:
        """See `CheckpointStore.restore`; all tensors on the CPU."""
        data = self.store.read(self.key)
        if data is None:
            return None
        state: State = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
        return state

    def keep(self, state: State, *, last: bool) -> None:
        """See `CheckpointStore.keep`."""
        if self.rank > 0 or not self.clock.due(last=last):
            return
        written = io.BytesIO()
        torch.save(state, written)
        self.store.write(self.key, written.getvalue())
