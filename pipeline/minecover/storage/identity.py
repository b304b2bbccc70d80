"""Whose store it is, and in which format: what `survey.json` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minecover.errors import StoreError
from minecover.storage.bucket import store_errors
from minecover.storage.location import is_url
from minecover.storage.names import FORMAT, SURVEY_FILE
from minecover.storage.store import Store

__all__ = ["known_store", "read_identity", "store_at"]

FIRST_FORMAT = 1
"""In which no version was recorded: that of minecover 0.1."""

READABLE = (3, FORMAT)
"""Formats that are read; a run takes a store of an earlier one over.

Format 3 has no checksums, in the chunks of its rasters and in the ledger.
"""


def read_identity(store: Store) -> dict[str, Any] | None:
    """Read whose store it is; None where it is nobody's.

    Raises
    ------
    StoreError
        It is in another format than this version of minecover writes, or damaged.
    """
    identity: Any = store.read_json(SURVEY_FILE)
    if identity is None:
        return None
    if not isinstance(identity, dict) or "format" not in identity:
        raise StoreError(
            f"{store.url}/{SURVEY_FILE}: damaged, it does not say whose store it is; "
            "bring that file back, or give another store"
        )
    if identity["format"] not in READABLE:
        raise StoreError(_refusal(store.url, identity))
    grid = identity.get("grid")
    crs = grid.get("crs") if isinstance(grid, dict) else None
    if not isinstance(crs, str) or not isinstance(identity.get("name"), str):
        raise StoreError(
            f"{store.url}/{SURVEY_FILE}: damaged, it does not say the survey's name and grid; "
            "bring that file back, or give another store"
        )
    return identity


def store_at(url: str) -> Store | None:
    """Open a store; None where there is no such folder: looking makes none.

    Raises
    ------
    StoreError
        No folder can have that name.
    """
    with store_errors(url):
        return Store(url) if is_url(url) or Path(url).is_dir() else None


def known_store(url: str) -> Store:
    """Open a store in which a survey was begun.

    Raises
    ------
    StoreError
        There is none, or it is in another format.
    """
    store = store_at(url)
    if store is not None and read_identity(store) is not None:
        return store
    raise StoreError(
        f"{url}: no survey was begun here; run it first, or give the store in which it ran"
    )


def _refusal(url: str, identity: dict[str, Any]) -> str:
    known = identity.get("format")
    version = identity.get("minecover") or (
        "0.1" if known == FIRST_FORMAT else "of unknown version"
    )
    return (
        f"{url}: the store of survey {identity.get('name')!r} is in format {known}, written by "
        f"minecover {version}; this version writes format {FORMAT} and reads "
        f"{' and '.join(map(str, READABLE))}: give another store, or delete this one"
    )
