"""What people found of suspects, in a file that they keep."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from minecover.errors import SurveyError

__all__ = ["STATES", "TO_CHECK", "State", "read_states"]

TO_CHECK = "to check"

STATES = (TO_CHECK, "confirmed", "dismissed")

COLUMNS = ("suspect", "state", "note")

KEY = "registers.states"


WHERE = ("kind", "parcel", "lon", "lat")
"""Columns by which the ground is known again."""

SEPARATORS = ",;\t"
"""Between the columns, as spreadsheets of different countries save them."""


@dataclass(frozen=True)
class State:
    """What was found of a suspect, and words on it.

    Attributes
    ----------
    state, note
        What was found.
    kind, parcel
        Of the suspect, as in `minecover.land_register.tables.Suspect`.
    place
        Longitude and latitude of its centre when it was found; None: the file does not say it.
    """

    state: str = TO_CHECK
    note: str = ""
    kind: str = ""
    parcel: str = ""
    place: tuple[float, float] | None = None

    @property
    def says_something(self) -> bool:
        """Whether anything was found."""
        return self.state != TO_CHECK or self.note != ""


def read_states(path: str | None) -> dict[str, State]:
    """Read the states of suspects.

    Parameters
    ----------
    path
        CSV in UTF-8 with the columns `suspect`, `state` and perhaps `note` and those that say
        where the suspect was; others are passed over. None: nothing was found so far.

    Raises
    ------
    SurveyError
        It cannot be read, lacks a column, names a suspect twice, or a state that is none.
    """
    if path is None:
        return {}
    try:
        table = _table(path)
    except (OSError, ValueError) as error:  # of pandas' parser and of the encoding as well
        raise SurveyError(f"{KEY}: cannot read {path}: {error}; save it as CSV in UTF-8") from error
    missing = [name for name in COLUMNS[:2] if name not in table.columns]
    if missing:
        raise SurveyError(
            f"{KEY}: {path} has no column {', '.join(missing)}; begin with a copy of suspects.csv"
        )
    table = table.map(str.strip)
    table["state"] = table["state"].str.lower().where(table["state"] != "", TO_CHECK)
    told = table.reindex(columns=[*COLUMNS, *WHERE], fill_value="")
    states: dict[str, State] = {}
    rows = zip(*(told[name] for name in told.columns), strict=True)
    for line, (suspect, state, note, *where) in enumerate(rows, start=2):
        if state not in STATES:
            raise SurveyError(
                f"{KEY}: {path}, line {line}: {state!r} is no state; write {', '.join(STATES)}"
            )
        if suspect in states:
            raise SurveyError(f"{KEY}: {path}, line {line}: {suspect} is there twice; keep one")
        kind, parcel, lon, lat = where
        states[suspect] = State(state, note, kind, parcel, _place(lon, lat) if kind else None)
    return states


def _table(path: str) -> pd.DataFrame:
    """Read a table of texts, whatever separates its columns."""
    with open(path, encoding="utf-8-sig") as file:
        head = file.readline()
    separator = max(SEPARATORS, key=head.count)
    return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _place(lon: str, lat: str) -> tuple[float, float] | None:
    """Read a place in degrees; None where a spreadsheet has made something else of it."""
    try:
        east, north = (float(text.replace(",", ".")) for text in (lon, lat))
    except ValueError:
        return None
    return (east, north) if abs(east) <= 360 and abs(north) <= 90 else None
