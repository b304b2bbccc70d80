"""Days that files name, as far away as they like: 9999-12-31 is how registers write "for ever"."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["read_days"]

YEAR, MONTH = r"\d{4}", r"\d{4}-\d{2}"

ENDS = {"first": "-01-01", "last": "-12-31"}
"""Of a year."""


def read_days(
    texts: pd.Series[str], stands_for: Literal["first", "last"] | None = None
) -> npt.NDArray[np.datetime64]:
    """Read days written as ISO 8601 has them.

    Parameters
    ----------
    texts
        n of them; empty ones are no days.
    stands_for
        Which of its days a year or month alone is; None: a year is no day, a month its first.

    Returns
    -------
    (n,) datetime64[D], not a time where there is no day or a text is none.
    """
    year, month = (texts.str.fullmatch(pattern).to_numpy(dtype=bool) for pattern in (YEAR, MONTH))
    given = texts.where(~year, "" if stands_for is None else texts + ENDS[stands_for])
    read = pd.to_datetime(given.where(given != ""), format="ISO8601", errors="coerce", utc=True)
    days = read.dt.tz_localize(None).to_numpy("datetime64[D]").copy()
    for place in np.flatnonzero(np.isnat(days) & (given != "").to_numpy(dtype=bool)):
        days[place] = _far(given.iloc[place])  # beyond the nanoseconds of pandas
    if stands_for == "last":
        after = days[month].astype("datetime64[M]") + np.timedelta64(1, "M")
        days[month] = after.astype("datetime64[D]") - np.timedelta64(1, "D")
    return days


def _far(text: str) -> np.datetime64:
    """Read a day of any year, without the time after it."""
    try:
        return np.datetime64(dt.date.fromisoformat(f"{text}-01"[:10]), "D")
    except ValueError:
        return np.datetime64("NaT")
