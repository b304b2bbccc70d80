"""Size and checksum of what this process writes to a store, for the ledger to keep.

A decoder notices a damaged object mostly, and never one that is gone: a tile without pixels has no
object at all. So the marker of a tile or a stage lists the objects that were written for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from minecover.errors import StoreError

__all__ = ["Checksum", "Objects", "checksum", "drop", "note", "note_all", "objects_of", "recording"]

Checksum = tuple[int, str]
"""Bytes, and their CRC-32 in hexadecimal."""

Objects = dict[str, Checksum]
"""By key in the store."""

_recorded: list[Objects] = []
"""Of the recordings that go on; only the innermost takes notes."""


@contextmanager
def recording() -> Iterator[Objects]:
    """Note what this process writes to any store inside the block.

    Inside another recording its objects are not among those of the outer one. A worker has one
    tile at a time, so all its threads write for the same.
    """
    objects: Objects = {}
    _recorded.append(objects)
    try:
        yield objects
    finally:
        _recorded.pop()


def note(key: str, parts: Iterable[bytes | bytearray]) -> None:
    """Note an object that was written, where anybody records."""
    if _recorded:
        _recorded[-1][key] = checksum(parts)


def objects_of(marker: Mapping[str, Any], where: str) -> Objects | None:
    """Read what a marker lists; None: it is of an earlier version, which lists nothing.

    Raises
    ------
    StoreError
        The list is damaged.
    """
    found = marker.get("objects")
    if found is None:
        return None
    try:
        return {str(key): (int(size), str(value)) for key, (size, value) in found.items()}
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"{where}: its list of objects is damaged; run again") from error


def note_all(objects: Objects) -> None:
    """Note objects that another process wrote."""
    if _recorded:
        _recorded[-1].update(objects)


def drop(key: str) -> None:
    """Forget an object that was deleted, or all under a folder."""
    for objects in _recorded:
        for known in [name for name in objects if name == key or name.startswith(f"{key}/")]:
            del objects[known]


def checksum(parts: Iterable[bytes | bytearray]) -> Checksum:
    """Compute size and checksum of an object that comes in parts."""
    size, value = 0, 0
    for part in parts:
        size += len(part)
        value = zlib.crc32(part, value)
    return size, f"{value:08x}"
