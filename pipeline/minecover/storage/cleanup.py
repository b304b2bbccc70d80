"""What processes that were killed while they wrote leave in a folder, and its removal.

A process killed in the middle of a put leaves what it had begun beside the place, `NAME#NUMBER`
(the storage library's way), or a folder `.writing-*` of `Store.writing_file`. No listing and no
reader of the store sees either, and nobody else would ever remove them. A bucket has none of them;
what it keeps of uploads in parts ends by a rule of its own (`AbortIncompleteMultipartUpload`).
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from minecover.storage.store import Store

__all__ = ["ABANDONED", "is_leftover", "sweep"]

ABANDONED = 3600.0
"""Seconds after which a write that goes no further is that of a dead process."""

_BEGUN = re.compile(r"#\d+$")
_WRITING = ".writing-"


def is_leftover(name: str) -> bool:
    """Tell by its path in a store whether a file was begun and never finished."""
    return _BEGUN.search(name) is not None or name.rpartition("/")[2].startswith(_WRITING)


def sweep(store: Store, age: float = ABANDONED) -> int:
    """Delete what was begun and not touched for `age` seconds; tell how much it was.

    A write that goes on is younger and left alone.
    """
    if store.local_path is None:
        return 0
    count = 0
    for path in _leftovers(store.local_path, time.time() - age):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        count += 1
    return count


def _leftovers(folder: Path, before: float) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        # another driver may sweep too
        with suppress(FileNotFoundError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder and not entry.name.startswith(_WRITING):
                    waiting.append(path)
                elif is_leftover(entry.name):
                    parts = path.iterdir() if is_folder else ()
                    if max(part.stat().st_mtime for part in (path, *parts)) < before:
                        yield path
