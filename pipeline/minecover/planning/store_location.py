"""The place of a survey's store: whether it is there, and how much room it has."""

from __future__ import annotations

import shutil
from pathlib import Path

from minecover.errors import StoreError
from minecover.storage.identity import read_identity, store_at
from minecover.storage.location import is_url
from minecover.storage.store import Store

__all__ = ["existing_store", "free_bytes"]


def existing_store(url: str) -> Store | None:
    """Open a store unless there is none: looking makes no folder.

    Raises
    ------
    StoreError
        It is in another format, or a file.
    """
    if not is_url(url) and Path(url).is_file():
        raise StoreError(f"store: {url} is a file; give a folder, which is made if it is not there")
    store = store_at(url)
    if store is not None:
        read_identity(store)
    return store


def free_bytes(url: str) -> int | None:
    """Bytes free on the disk of a local store, also one that is yet to be made; None: a bucket."""
    if is_url(url):
        return None
    place = Path(url).resolve()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
