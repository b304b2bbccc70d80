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


@dataclass(frozen=True)
class State:
    """What was found of a suspect, and words on it."""

    state: str = TO_CHECK
    note: str = ""


def read_states(path: str | None) -> dict[str, State]:
    """Read the states of suspects.

    Parameters
    ----------
    path
        CSV in UTF-8 with the columns `suspect`, `state` and perhaps `note`; others are passed
        over. None: nothing was found so far.

    Raises
    ------
    SurveyError
        It cannot be read, lacks a column, names a suspect twice, or a state that is none.
    """
    if path is None:
        return {}
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # of pandas' parser and of the encoding as well
        raise SurveyError(f"{KEY}: cannot read {path}: {error}; save it as CSV in UTF-8") from error
    missing = [name for name in COLUMNS[:2] if name not in table.columns]
    if missing:
        raise SurveyError(
            f"{KEY}: {path} has no column {', '.join(missing)}; begin with a copy of suspects.csv"
        )
    table = table.map(str.strip)
    table["state"] = table["state"].str.lower().where(table["state"] != "", TO_CHECK)
    notes = table["note"] if "note" in table.columns else pd.Series("", index=table.index)
    states: dict[str, State] = {}
    rows = zip(table["suspect"], table["state"], notes, strict=True)
    for line, (suspect, state, note) in enumerate(rows, start=2):
        if state not in STATES:
            raise SurveyError(
                f"{KEY}: {path}, line {line}: {state!r} is no state; write {', '.join(STATES)}"
            )
        if suspect in states:
            raise SurveyError(f"{KEY}: {path}, line {line}: {suspect} is there twice; keep one")
        states[suspect] = State(state, note)
    return states
