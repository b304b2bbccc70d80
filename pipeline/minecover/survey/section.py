"""What every section of a survey file is."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from minecover.errors import SurveyError

__all__ = ["BANDS", "SOURCES", "Section", "content_digest", "is_url"]

BANDS = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12")
"""The ten Sentinel-2 bands in the order of the paper's Table 2 (features 1 to 10)."""

SOURCES = ("sentinel2", "sentinel1", "terrain", "night_lights")


def is_url(text: str) -> bool:
    """Tell whether `text` names something reached over a network rather than a local path."""
    return re.match(r"^[a-z][a-z0-9+.-]*://", text) is not None


def content_digest(path: str, key: str, advice: str) -> str:
    """SHA-256 of a file that the survey names under a key, in hexadecimal.

    Raises
    ------
    SurveyError
        It cannot be read; the message ends in `advice`.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SurveyError(f"{key}: cannot read {path}: {error.strerror}; {advice}") from error


class Section(BaseModel):
    """Frozen, and strict about the keys it knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)
