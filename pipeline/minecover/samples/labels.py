"""Labels of points: which class a text or number in a file means."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import numpy as np
import pandas as pd

from minecover.geography.polygon_files import looks_misread

__all__ = ["HINT", "class_names", "label_text", "listed_unknown"]

NUMBER = re.compile(r"0*(\d+)([.,]0*)?")
"""A code as programs write it that take a column for fractions or fill it with zeros."""

HINT = " (if these are unreadable, give samples.encoding, as gbk)"

YES_NO = ("true", "false")
"""Labels of a column of yes and no."""

YES_NO_HINT = (
    " (a column of yes and no: call two classes true and false, or name a column of classes in "
    "samples.column)"
)

SHOWN = 10
"""Labels that a message lists."""


def label_text(value: object) -> str:
    """Text of a label, empty where there is none; texts that look alike are the same."""
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, float | np.floating) and np.isnan(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    # a column of integer codes with a gap arrives as floats
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    seen = (letter for letter in str(value) if unicodedata.category(letter) != "Cf")
    return " ".join(unicodedata.normalize("NFC", "".join(seen)).split())


def class_names(labels: pd.Series[str], codes: Mapping[str, int]) -> pd.Series[str]:
    """Find the class of each label, by its name or its code.

    Parameters
    ----------
    labels
        Texts, as `label_text` gives them.
    codes
        Of the classes, by name.

    Returns
    -------
    Names of classes; None where a label is neither.
    """
    by_label = {str(code): name for name, code in codes.items()}
    by_label |= {name.lower(): name for name in codes if name.lower() in YES_NO}
    by_label |= {label_text(name): name for name in codes}

    def found(label: str) -> str | None:
        number = NUMBER.fullmatch(label)
        other = number[1] if number else label.lower() if label.lower() in YES_NO else None
        return by_label.get(label, by_label.get(other) if other else None)

    return labels.map({label: found(label) for label in labels.unique()}).astype(object)


def listed_unknown(unknown: Mapping[str, int], names: Iterable[str]) -> str:
    """List labels that are no class, each with its count and the class that it may mean."""
    by_lower = {name.casefold(): name for name in names}
    shown = []
    for label, count in sorted(unknown.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]:
        near = get_close_matches(label.casefold(), by_lower, 1, 0.7)
        shown.append(f"{label} {count}" + (f" (did you mean {by_lower[near[0]]}?)" if near else ""))
    more = len(unknown) - len(shown)
    hint = HINT if looks_misread(unknown) else ""
    if {label.lower() for label in unknown} <= {*YES_NO, "0"} and unknown:
        hint = YES_NO_HINT
    return ", ".join(shown) + (f" and {more} more" if more else "") + hint
