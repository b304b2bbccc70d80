"""The folder in which Ray keeps sockets, logs and what does not fit into memory.

Ray's own is `/tmp/ray` for everybody, and is never emptied. A session started here has one of its
own, which goes with it; what a killed process left is deleted by the next.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["ray_folder"]

PREFIX = "minecover-ray-"

LONGEST = 40
"""Characters of the folder's path: sockets lie in it under names of 66, and may have 107 bytes."""

YOUNG = 60.0
"""Seconds for which a folder is left alone that nobody holds: its owner may be about to."""


@contextmanager
def ray_folder() -> Iterator[Path]:
    """Make a folder that is deleted at the end, in the system's folder for temporary files.

    Where that one has too long a name for sockets it is made in `/tmp`.
    """
    parent = Path(tempfile.gettempdir())
    if len(os.fsencode(parent / PREFIX)) + 8 > LONGEST:
        parent = Path("/tmp")
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)  # ends with this process, however that ends
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _sweep(parent: Path) -> None:
    """Delete the folders of processes that were killed."""
    for folder in parent.glob(f"{PREFIX}*"):
        # another user's, or another process sweeps, too
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > YOUNG:
                _delete_unless_held(folder)


def _delete_unless_held(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)
