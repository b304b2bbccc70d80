"""What a person says of their files where the files do not say it themselves."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Literal, TypeVar, get_args

from minecover.errors import SurveyError
from minecover.file_catalog.names import days_in, known_band
from minecover.sources.item_document import number_in

__all__ = ["Hints", "Order"]

Order = Literal["by-date", "by-band"]
"""Of the bands of a file of several dates: all of the first date first, or all dates of the first
band."""

V = TypeVar("V")

ANY = "*"


@dataclass(frozen=True)
class Hints:
    """Answers to what files leave open.

    Attributes
    ----------
    bands
        Names of a file's bands in order, None for one that is not used.
    dates
        Of a file of several dates, in order.
    dates_of
        Moment by pattern of file.
    order
        Of a file of several dates.
    baselines
        Processing baseline by pattern.
    offsets
        Number to add to digital numbers by pattern.
    scale
        Value of one digital number; None: that of the product.
    """

    bands: tuple[str | None, ...] = ()
    dates: tuple[dt.datetime, ...] = ()
    dates_of: Mapping[str, dt.datetime] = field(default_factory=dict)
    order: Order | None = None
    baselines: Mapping[str, str] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)
    scale: float | None = None

    @classmethod
    def parsed(
        cls,
        bands: Iterable[str] = (),
        date: Iterable[str] = (),
        order: str | None = None,
        baseline: Iterable[str] = (),
        offset: Iterable[str] = (),
        scale: float | None = None,
    ) -> Hints:
        """Read answers as they are written: `VALUE`, or `PATTERN=VALUE` for some files.

        Raises
        ------
        SurveyError
            One is not of its kind; it is named.
        """
        if order is not None and order not in get_args(Order):
            raise SurveyError(f"order: no {order!r}; there are {', '.join(get_args(Order))}")
        if scale is not None and not 0 < scale < 1e9:
            raise SurveyError(f"scale: {scale:g}: give the value of one digital number, as 0.0001")
        dates = _by_pattern("date", date)
        return cls(
            tuple(_band(word) for word in bands),
            tuple(_moment(text) for pattern, text in dates if pattern == ANY),
            {pattern: _moment(text) for pattern, text in dates if pattern != ANY},
            order,  # type: ignore[arg-type]
            {pattern: _baseline(text) for pattern, text in _by_pattern("baseline", baseline)},
            {pattern: _offset(text) for pattern, text in _by_pattern("offset", offset)},
            scale,
        )

    def moment_of(self, path: PurePath) -> dt.datetime | None:
        """Find when a file was taken, if it was said."""
        return found_for(self.dates_of, (path.as_posix(), path.name))

    def baseline_of(self, *names: str) -> str | None:
        """Find the processing baseline of a scene of some names, if it was said."""
        return found_for(self.baselines, names)

    def offset_of(self, *names: str) -> float | None:
        """Find the number to add to those of a scene of some names, if it was said."""
        return found_for(self.offsets, names)


def found_for(values: Mapping[str, V], names: Iterable[str]) -> V | None:
    """Find the value of the first pattern that one of some names fits, of the longest first."""
    patterns = sorted(values, key=lambda pattern: (-len(pattern), pattern))
    known = [PurePath(name).name for name in names] + list(names)
    for pattern in patterns:
        if any(fnmatchcase(name, pattern) for name in known):
            return values[pattern]
    return None


def _by_pattern(name: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    found = []
    for text in texts:
        pattern, equals, value = text.rpartition("=")
        if equals and not pattern:
            raise SurveyError(f"{name}: {text!r}: write a file before =, or the value alone")
        found.append((pattern or ANY, value))
    return found


def _band(word: str) -> str | None:
    if word in ("-", ""):
        return None
    known = known_band(word)
    if known is None:
        raise SurveyError(
            f"bands: no band {word!r}; give B02, B03 and so on, SCL, VV or VH, and - for a band "
            "that is not used"
        )
    return known


def _moment(text: str) -> dt.datetime:
    found = days_in(text)
    if len(found) != 1:
        raise SurveyError(f"date: {text!r} is no date; write 2023-06-01 or 2023-06-01T03:05:00")
    return found[0]


def _baseline(text: str) -> str:
    if not re.fullmatch(r"\d\d\.\d\d", text):
        raise SurveyError(f"baseline: {text!r} is no processing baseline, such as 05.10")
    return text


def _offset(text: str) -> float:
    number = number_in(text)
    if number is None:
        raise SurveyError(f"offset: {text!r} is no number to add to digital numbers, as -1000")
    return number
