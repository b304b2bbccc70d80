"""How far a stage without tiles has come, for who asks for its status meanwhile.

`ledger/STAGE/progress.json` is there only while a driver works on the stage, and counts only under
the lease that it was written under: what a driver that died leaves is not believed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field

from minecover.errors import StoreError
from minecover.ledger.leases import Leases
from minecover.storage.names import LEDGER
from minecover.storage.store import Store

__all__ = ["Step", "StepWriter", "current_step"]

WRITTEN_EVERY = 5.0
"""Seconds between two writes, at least."""

DOCUMENT = {"token": str, "done": int, "of": int, "what": str, "note": str}
"""What the document holds at least."""


@dataclass(frozen=True)
class Step:
    """How far a stage has come.

    Attributes
    ----------
    done, of, what, note
        As work reports them; see `minecover.engines.report.Report`.
    left
        Seconds until all of them are done, once that can be told.
    """

    done: int
    of: int
    what: str
    note: str = ""
    left: float | None = None


@dataclass
class StepWriter:
    """Writes the latest step from a thread of its own, so that work never waits for the store.

    Attributes
    ----------
    store, stage, token
        Whose step it is, and the token of the lease under which it is done.
    latest
        What is written next.
    """

    store: Store
    stage: str
    token: str
    latest: Step | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write inside the block; after it nothing is there, of whomever it was."""
        name = f"progress of {self.stage}"
        thread = threading.Thread(target=self._write_steps, name=name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            with suppress(StoreError):  # without its lease it is not believed
                self.store.remove(_key(self.stage))

    def _write_steps(self) -> None:
        written = None
        while not self._ended.wait(WRITTEN_EVERY):
            step = self.latest
            if step is not None and step != written:
                # a store that fails now may answer next time; the work itself goes on
                with suppress(StoreError):
                    self.store.write_json(
                        _key(self.stage), {**asdict(step), "token": self.token, "at": time.time()}
                    )
                    written = step


def current_step(store: Store, stage: str, drivers: Leases) -> Step | None:
    """Read how far the stage is of whoever holds its lease; None where nobody says."""
    known = store.read_json(_key(stage), DOCUMENT)
    if known is None or drivers.holder("stage") != known["token"]:
        return None
    left = known.get("left")
    return Step(
        known["done"], known["of"], known["what"], known["note"],
        float(left) if isinstance(left, int | float) else None,
    )  # fmt: skip


def _key(stage: str) -> str:
    return f"{LEDGER}/{stage}/progress.json"
