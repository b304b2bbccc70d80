"""Dates and bands in the names of files, folders and bands."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import PurePath

from minecover.sources.bands import Band
from minecover.sources.item_document import ItemError
from minecover.sources.sentinel1 import Sentinel1, Sentinel1Settings
from minecover.sources.sentinel2 import SCL, Sentinel2, Sentinel2Settings

__all__ = [
    "COLLECTIONS",
    "OPTICAL",
    "RADAR",
    "band_in",
    "days_in",
    "known_band",
    "moment_in",
    "name_of_scene",
]

OPTICAL = str(Sentinel2Settings().collection)
RADAR = Sentinel1Settings().collection

COLLECTIONS = {
    OPTICAL: (*(band.name for band in Sentinel2.bands), SCL),
    RADAR: tuple(band.name for band in Sentinel1.polarisations),
}
"""Bands of each collection, by its id."""

_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?:T(\d\d)[:-]?(\d\d)[:-]?(\d\d))?(?!\d)"
)
_WORDS = re.compile(r"[^A-Za-z0-9]+")
_PIXEL = re.compile(r"r?[1-9]\d*m", re.IGNORECASE)
"""Part of a name that says how large pixels are, as 10m and R20m."""

_SENTINEL2 = re.compile(r"S2[A-D]_MSIL2A_|^T\d\d[A-Z]{3}_")
"""Names that begin with the time of acquisition; others in them are of processing."""


def _spelt(bands: Sequence[Band]) -> tuple[dict[str, str], dict[str, str]]:
    """Codes, such as b02, and common names, such as blue, of bands."""
    codes, common = dict[str, str](), dict[str, str]()
    for band in bands:
        codes[band.name.lower()] = codes[band.feature.lower()] = band.name
        common.update((name.lower(), band.name) for name in band.assets if "_" not in name)
    return codes, common


_CODES, _COMMON = _spelt((*Sentinel2.bands, *Sentinel1.polarisations))
_CODES[SCL.lower()] = SCL


def known_band(word: str) -> str | None:
    """Name of the band that a word stands for: B2, b02 and blue are B02."""
    return _CODES.get(word.lower()) or _COMMON.get(word.lower())


def band_in(text: str) -> str | None:
    """Find the one band that a text names; codes go before common names, such as red."""
    words = [word.lower() for word in _WORDS.split(text)]
    for known in (_CODES, _COMMON):
        found = {known[word] for word in words if word in known}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def days_in(text: str) -> list[dt.datetime]:
    """Find the moments that a text names, in UTC, each day once; without a time it is midnight."""
    found = dict[dt.date, dt.datetime]()
    for year, _, month, day, *time in _DATE.findall(text):
        try:
            parts = (int(part or 0) for part in (year, month, day, *time))
            moment = dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]
        except ValueError:
            continue
        found.setdefault(moment.date(), moment)
    return list(found.values())


def moment_in(path: PurePath) -> dt.datetime | None:
    """Find when an image was taken: by the file's name, or that of the nearest folder with one.

    Raises
    ------
    ItemError
        A name has several dates.
    """
    for name in (path.stem, *(folder.name for folder in path.parents)):
        found = days_in(name)
        if len(found) > 1 and not _SENTINEL2.search(name):
            days = ", ".join(f"{moment:%Y-%m-%d}" for moment in found)
            raise ItemError(
                f"{path}: its name has several dates ({days}); say which counts, as "
                f"`--date '{path.name}={found[0]:%Y-%m-%d}'`"
            )
        if found:
            return found[0]
    return None


def name_of_scene(path: PurePath, band: str | None = None) -> str:
    """Name what files of one scene have in common: their path without band and pixel size."""
    words = [word for part in path.with_suffix("").parts for word in re.split(r"[^\w-]+|_", part)]
    if band is not None:
        words = [word for word in words if known_band(word) != band and not _PIXEL.fullmatch(word)]
    return "_".join(filter(None, words)) or "scene"
