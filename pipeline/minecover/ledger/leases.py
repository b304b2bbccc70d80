"""Leases: one worker at a time on a piece of work, whoever dies.

A lease is an object `NAME.ATTEMPT.json` that is created only where there is none, so that of any
number of racers one wins. The live lease is that of the highest attempt; one that ran out is taken
over by creating the next. A lease is written by its owner alone, which renews it while
it works, and a dead one is left where it is: it shows how often the work was tried. What a lease
protects is time, not data: a worker that is taken over although it lives does work that another
does too, and both write the same bytes.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from minecover.errors import DataError, HeldError, StoreError
from minecover.faults import server_code
from minecover.ledger.process_identity import is_dead, this_process
from minecover.storage.canonical_json import canonical_json
from minecover.storage.names import LEDGER
from minecover.storage.store import Store

__all__ = ["DEATHS", "Lease", "LeaseState", "Leases", "probe", "split_name"]

DOCUMENT = {"token": str, "expires": int | float, "host": str, "pid": int}
"""What a lease holds at least."""

DEATHS = 5
"""Workers that may die of a tile before it counts as failed."""


@dataclass(frozen=True)
class LeaseState:
    """A lease as it is found in the store."""

    name: str
    attempt: int
    host: str
    expires: float
    live: bool
    given_back: bool


@dataclass
class Lease:
    """A lease of this process.

    Attributes
    ----------
    name, attempt
        What is leased, and which lease to it this is, counted from 1.
    """

    leases: Leases
    name: str
    attempt: int
    token: str
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def key(self) -> str:
        """Where it is."""
        return self.leases.key(self.name, self.attempt)

    def is_lost(self) -> bool:
        """Tell whether another took it over, or did and has ended since."""
        known = self.leases.store.read_json(self.key, DOCUMENT)
        successor = self.leases.key(self.name, self.attempt + 1)
        return (
            known is None
            or known["token"] != self.token
            or self.leases.store.read(successor) is not None
        )

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew it from a thread at every third of its time."""
        beat = threading.Thread(target=self._beat, name=f"lease of {self.name}", daemon=True)
        beat.start()
        try:
            yield
        finally:
            self._stop.set()
            beat.join()

    def _beat(self) -> None:
        while not self._stop.wait(self.leases.seconds / 3):
            # a store that fails now may answer at the next beat; its time decides
            with suppress(StoreError):
                if self.is_lost():
                    return
                self.leases.store.write(self.key, self.leases.document(self.token))

    def give_back(self) -> None:
        """End it unfinished, without its time having to run out."""
        document = self.leases.document(self.token, given_back=True)
        try:
            self.leases.store.write(self.key, document)
        except StoreError:  # a full disk takes nothing new but lets go of what is there
            self.leases.store.remove(self.key)


@dataclass(frozen=True)
class Leases:
    """The leases under one prefix.

    Attributes
    ----------
    store, prefix
        Where they are.
    seconds
        For which a lease holds without being renewed.
    deaths
        Workers that may die before a piece of work is refused; None: any number.
    clock
        Unix seconds.
    """

    store: Store
    prefix: str
    seconds: float
    deaths: int | None = None
    clock: Callable[[], float] = time.time

    def key(self, name: str, attempt: int) -> str:
        """Where a lease is."""
        return f"{self.prefix}/{name}.{attempt:04d}.json"

    def document(self, token: str, *, given_back: bool = False) -> bytes:
        """Content of a lease of this process that is made or renewed now."""
        now = self.clock()
        ending = {"given_back": True} if given_back else {}
        expires = now if given_back else now + self.seconds
        return canonical_json({"token": token, "expires": expires, **this_process(), **ending})

    @contextmanager
    def holding(self, lease: Lease) -> Iterator[Lease]:
        """Renew a lease while the block runs; removed at its end, given back where it raises."""
        try:
            with lease.renewed():
                yield lease
        except BaseException:
            with suppress(StoreError):  # then the lease runs out
                lease.give_back()
            raise
        self.store.remove(lease.key)

    def take(self, name: str) -> Lease:
        """Take a lease that nobody holds.

        Raises
        ------
        HeldError
            Another worker holds it.
        DataError
            Too many workers died of it.
        """
        token, deaths, last = uuid.uuid4().hex, 0, ""
        for attempt in count(1):
            if deaths == self.deaths:
                raise DataError(
                    f"its worker died {deaths} times, the last on {last}; give workers more memory "
                    "or take smaller tiles"
                )
            known = self._created(name, attempt, token)
            if known is None or known["token"] == token:
                break
            if self._is_live(known):
                raise HeldError(f"{name} is held by {known['host']}", known["expires"])
            deaths += "given_back" not in known
            last = known["host"]
        return Lease(self, name, attempt, token)

    def _created(self, name: str, attempt: int, token: str) -> dict[str, Any] | None:
        """Create a lease and return None, or return the one that is there.

        The one that is there may be our own: a server can keep an object and fail to say so, and
        the repeated request is then refused.
        """
        key = self.key(name, attempt)
        while not self.store.create(key, self.document(token)):
            known: dict[str, Any] | None = self.store.read_json(key, DOCUMENT)
            if known is not None:
                return known
        return None

    def _is_live(self, known: dict[str, Any]) -> bool:
        if "given_back" in known or not self.clock() <= known["expires"]:
            return False
        return not is_dead(known)

    def state(self, key: str) -> LeaseState | None:
        """Read a lease by its key; None where it is gone."""
        known = self.store.read_json(key, DOCUMENT)
        if known is None:
            return None
        name, attempt = split_name(key)
        live, given_back = self._is_live(known), "given_back" in known
        return LeaseState(name, attempt, known["host"], known["expires"], live, given_back)

    def is_held(self, name: str) -> bool:
        """Tell whether anybody holds a lease now."""
        return self.holder(name) is not None

    def holder(self, name: str) -> str | None:
        """Find the token of the lease that is held now; None: nobody holds one."""
        token = None
        for attempt in count(1):
            known = self.store.read_json(self.key(name, attempt), DOCUMENT)
            if known is None:
                return token
            token = known["token"] if self._is_live(known) else None
        return token

    def clear(self, name: str) -> None:
        """Remove all leases of a name, also those that ended unfinished."""
        for attempt in count(1):
            key = self.key(name, attempt)
            if self.store.read(key) is None:
                return
            self.store.remove(key)


def split_name(key: str) -> tuple[str, int]:
    """Name and attempt of a lease by its key."""
    name, attempt, _ = key.rpartition("/")[2].rsplit(".", 2)
    return name, int(attempt)


def probe(store: Store) -> None:
    """Check that a store refuses to create what is there, on which all leases rest.

    Raises
    ------
    StoreError
        It does not, or does not know conditional writes.
    """
    key = f"{LEDGER}/probe-{uuid.uuid4().hex}"
    refusal = (
        f"{store.url}: the store does not keep its promise to create an object only where there "
        "is none, so that two workers could take the same tile; give a local folder or an S3 "
        "server that honours `If-None-Match: *`"
    )
    try:
        store.create(key, b"first")
        twice = store.create(key, b"second")
        found = store.read(key)
    except StoreError as error:
        if server_code(error) == "NotImplemented":
            raise StoreError(refusal) from error
        raise
    store.remove(key)
    if twice or found != b"first":
        raise StoreError(refusal)
