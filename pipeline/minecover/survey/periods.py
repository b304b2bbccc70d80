"""The periods of a survey: years or quarters that are mapped one by one, on one grid."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from pydantic import Field

from minecover.errors import DataError, SurveyError
from minecover.settings import Section
from minecover.sources.settings import DateRanges

__all__ = ["Period", "about_period", "check_periods", "span_of"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Period(Section):
    """A period: the seasons of which it is composed."""

    seasons: dict[str, DateRanges] = Field(
        description="as the survey's own; every period has the same names in the same order",
        min_length=1,
    )


def span_of(seasons: Mapping[str, Iterable[str]]) -> tuple[dt.date, dt.date]:
    """First and last day of some seasons together."""
    ends = [part.split("/") for ranges in seasons.values() for part in ranges]
    days = [(dt.date.fromisoformat(first), dt.date.fromisoformat(last)) for first, last in ends]
    return min(first for first, _ in days), max(last for _, last in days)


@contextmanager
def about_period(name: str) -> Iterator[None]:
    """Let errors begin with the period that they are about; the empty name has none."""
    try:
        yield
    except (DataError, SurveyError) as error:
        if not name:
            raise
        raise type(error)(f"periods.{name}: {error}") from error


def check_periods(periods: Mapping[str, Period]) -> None:
    """Refuse periods that cannot be mapped by one model, or are out of order.

    Raises
    ------
    ValueError
        A name cannot be part of a file's name, seasons differ by name, or a period begins before
        the one that is named before it.
    """
    first: tuple[str, Period] | None = None
    last: tuple[str, dt.date] | None = None
    for name, period in periods.items():
        if not NAME.fullmatch(name):
            raise ValueError(f"periods: {name!r} must be letters, digits, - and _")
        first = first or (name, period)
        if list(period.seasons) != list(first[1].seasons):
            raise ValueError(
                f"periods: {name} has the seasons {', '.join(period.seasons)}, {first[0]} has "
                f"{', '.join(first[1].seasons)}; one model reads all periods, so give each the "
                "same seasons in the same order, with dates of its own"
            )
        begins = span_of(period.seasons)[0]
        if last is not None and begins <= last[1]:
            raise ValueError(
                f"periods: {name} begins on {begins}, {last[0]} before it on {last[1]}; name "
                "periods in the order of time"
            )
        last = name, begins
