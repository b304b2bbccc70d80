"""Bytes on a local disk: what a marker speaks of must outlive the host's power.

A rename alone orders nothing: after a loss of power the marker of a tile may be there and its
pixels not, and pixels that are not there read as nodata.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["reach_disk"]


def reach_disk(place: Path, root: Path) -> None:
    """Wait until a file, or every file of a folder, is on the disk, with its name.

    Parameters
    ----------
    place
        What was written; another process may have deleted it since.
    root
        Folder above it up to which names are new.
    """
    for path in (*place.rglob("*"), place, *place.parents):
        if path == root.parent:
            return
        with suppress(FileNotFoundError):
            _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
