"""In which periods a labelled place is of its class: by a period's name, a date, or a span."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.arrays import BoolArray, Int64Array
from minecover.errors import SurveyError
from minecover.geography.polygon_files import listed
from minecover.samples.days import read_days
from minecover.samples.settings import SampleSettings

__all__ = ["Spans", "Validity", "explode", "shared", "time_columns", "validity_of"]

Spans = Mapping[str, tuple[dt.date, dt.date]]
"""First and last day of each period by name, in order; empty: the survey names none."""

OPEN = (np.datetime64("0001-01-01"), np.datetime64("9999-12-31"))
"""From and to when a span reaches of which one end is not given."""

DAYS = ("date", "valid_from", "valid_to")
"""Keys of the settings of columns of days."""

STAND_FOR: Mapping[str, Literal["first", "last"]] = {"valid_from": "first", "valid_to": "last"}
"""Of a span that is told in years. A year alone is no date: of which period would it be?"""


@dataclass(frozen=True, eq=False)
class Validity:
    """In which periods places are of their class.

    Attributes
    ----------
    periods
        Names in order.
    valid
        (kind, period) what kinds of validity there are.
    kind
        (place,) position in it of each place.
    unreadable
        (place,) whether a date of it cannot be read.
    """

    periods: tuple[str, ...]
    valid: BoolArray
    kind: Int64Array
    unreadable: BoolArray

    def in_none(self) -> BoolArray:
        """(place,) whether a place is of its class in no period of the survey."""
        none: BoolArray = ~np.asarray(self.valid.any(axis=1))[self.kind]
        return none

    def labelled(self) -> tuple[str, ...]:
        """Names of the periods in which any place is of its class."""
        there = self.valid[np.unique(self.kind[~self.unreadable])]
        return tuple(name for n, name in enumerate(self.periods) if there[:, n].any())


def time_columns(settings: SampleSettings) -> dict[str, str]:
    """Columns that say when a place is of its class: key of the settings, and name."""
    return {key: getattr(settings, key) for key in ("period", "date", "valid_from", "valid_to")}


def validity_of(frame: pd.DataFrame, spans: Spans, settings: SampleSettings) -> Validity:
    """Tell in which periods places are of their class.

    A place is of the period that it names; else of those that hold its date; else of those that
    lie whole within the span in which it is valid; else of `samples.in_period`.

    Parameters
    ----------
    frame
        n places, with the columns of `time_columns` that their files have.
    spans
        Of the survey's periods.
    settings
        Which columns.

    Raises
    ------
    SurveyError
        Nothing says of which period any place is, or `samples.in_period` is none of the survey's.
    """
    _refuse_untold(frame, spans, settings)
    texts = {key: _texts(frame, name) for key, name in time_columns(settings).items()}
    has = {key: (text != "").to_numpy(dtype=bool) for key, text in texts.items()}
    days = {key: read_days(texts[key], STAND_FOR.get(key)) for key in DAYS}
    named = has["period"]
    dated = ~named & has["date"]
    spanned = ~named & ~has["date"] & (has["valid_from"] | has["valid_to"])
    names = np.array(list(spans), dtype=object)
    valid = np.select(
        [case[:, None] for case in (named, dated, spanned)],
        [texts["period"].to_numpy(object)[:, None] == names, *_within(spans, days, has)],
        np.broadcast_to(names == settings.in_period, (len(frame), len(names))),
    )
    unreadable = np.zeros(len(frame), dtype=bool)
    for key, case in zip(DAYS, (dated, spanned, spanned), strict=True):
        unreadable |= case & has[key] & np.isnat(days[key])
    kinds, kind = np.unique(valid, axis=0, return_inverse=True)
    return Validity(tuple(spans), kinds, kind.reshape(-1).astype(np.int64), unreadable)


def _refuse_untold(frame: pd.DataFrame, spans: Spans, settings: SampleSettings) -> None:
    names, columns = list(spans), list(time_columns(settings).values())
    if settings.in_period not in (None, *names):
        raise SurveyError(
            f"samples.in_period: {settings.in_period!r} is no period of the survey; it has "
            f"{listed(names)}"
        )
    if settings.in_period is None and not any(name in frame for name in columns):
        raise SurveyError(
            f"samples: the survey has the periods {listed(names)}, and nothing in "
            f"{', '.join(settings.paths)} says of which a sample is: there is no column "
            f"{listed(columns)}; name the column of a period's name (samples.period), of a date "
            "(samples.date) or of a span (samples.valid_from, samples.valid_to), or say in "
            "samples.in_period of which one all of them are"
        )


def _within(
    spans: Spans, days: Mapping[str, npt.NDArray[np.datetime64]], has: Mapping[str, BoolArray]
) -> tuple[BoolArray, BoolArray]:
    """(place, period) whether a period holds a place's date, and lies whole within its span."""
    first, last = np.array(list(spans.values()), dtype="datetime64[D]").T
    date, start, end = (days[key][:, None] for key in DAYS)
    start = np.where(has["valid_from"][:, None], start, OPEN[0])
    end = np.where(has["valid_to"][:, None], end, OPEN[1])
    return (date >= first) & (date <= last), (start <= first) & (end >= last)


def _texts(frame: pd.DataFrame, column: str) -> pd.Series[str]:
    """Give a column as texts, empty where it says nothing or is not there."""
    if column not in frame:
        return pd.Series("", index=frame.index, dtype=object)
    values = frame[column]
    if pd.api.types.is_datetime64_any_dtype(values):
        days: pd.Series[str] = values.dt.strftime("%Y-%m-%d").fillna("")
        return days
    texts: pd.Series[str] = values.map(_text).astype(object)
    return texts


def _text(value: object) -> str:
    """Write a value as a file has it: 2019 for the 2019.0 of a column with gaps."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def explode(frame: pd.DataFrame, validity: Validity) -> pd.DataFrame:
    """Repeat each place for each period in which it is of its class.

    Parameters
    ----------
    frame
        With the column `validity`: kinds of `Validity.valid`.
    validity
        What they are.

    Returns
    -------
    With the column `period` in place of it, in the order of the places and, of each, of time.
    """
    rows, periods = np.nonzero(validity.valid[frame["validity"].to_numpy(np.int64)])
    repeated = frame.drop(columns="validity").iloc[rows].reset_index(drop=True)
    names = np.array(validity.periods, dtype=object)[periods]
    return repeated.assign(period=names)


def shared(validity: Validity, first: Int64Array, second: Int64Array) -> BoolArray:
    """(n,) whether two kinds of validity have a period in common."""
    both = validity.valid[first] & validity.valid[second]
    return np.asarray(both.any(axis=1))
