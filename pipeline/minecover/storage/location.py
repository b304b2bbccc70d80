"""Places by their names: addresses and local paths, and what a file holds."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from minecover.errors import SurveyError
from minecover.faults import is_worker_fault, worker_error

__all__ = ["content_digest", "is_url"]


def is_url(text: str) -> bool:
    """Tell whether `text` names something reached over a network rather than a local path."""
    return re.match(r"^[a-z][a-z0-9+.-]*://", text) is not None


def content_digest(path: str, key: str, advice: str) -> str:
    """SHA-256 of a file that the survey names under a key, in hexadecimal.

    Raises
    ------
    SurveyError
        It cannot be read; the message ends in `advice`.
    TryAgainError
        This process is out of files or memory, or its disk fails.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        if is_worker_fault(error):
            raise worker_error(key, path, str(error.strerror)) from error
        raise SurveyError(f"{key}: cannot read {path}: {error.strerror}; {advice}") from error
