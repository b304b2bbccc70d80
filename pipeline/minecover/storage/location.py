"""Places by their names: addresses and local paths, and what a file holds."""

from __future__ import annotations

import errno
import hashlib
import re
from io import BufferedReader
from pathlib import Path

from minecover.errors import SurveyError
from minecover.faults import is_worker_fault, worker_error

__all__ = ["content_digest", "file_parts", "is_url", "open_file"]

SIDECARS = (".shx", ".dbf", ".prj", ".cpg")
"""Files beside a Shapefile, of the same name, that belong to it."""


def is_url(text: str) -> bool:
    """Tell whether `text` names something reached over a network rather than a local path."""
    return re.match(r"^[a-z][a-z0-9+.-]*://", text) is not None


def file_parts(path: Path) -> list[Path]:
    """List a file, of a Shapefile those beside it as well, of a folder its files."""
    if path.is_dir():
        return sorted(part for part in path.iterdir() if part.is_file())
    if path.suffix.lower() != ".shp" or not path.parent.is_dir():
        return [path]
    beside = (other for other in path.parent.iterdir() if other.stem == path.stem)
    return [path, *sorted(other for other in beside if other.suffix.lower() in SIDECARS)]


def content_digest(path: str, key: str, advice: str) -> str:
    """SHA-256 of a file that the survey names under a key, in hexadecimal; of all its parts.

    Raises
    ------
    SurveyError
        It cannot be read; the message ends in `advice`.
    TryAgainError
        This process is out of files or memory, or its disk fails.
    """
    try:
        digests = [_digest(part) for part in file_parts(Path(path))]
    except OSError as error:
        if is_worker_fault(error):
            raise worker_error(key, path, str(error.strerror)) from error
        raise SurveyError(f"{key}: cannot read {path}: {error.strerror}; {advice}") from error
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def open_file(path: Path) -> BufferedReader:
    """Open a file: a pipe would be waited for, and a device read without end.

    Raises
    ------
    OSError
        It is one of them, or cannot be opened.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is a pipe or a device", str(path))
    return path.open("rb")


def _digest(path: Path) -> str:
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
