"""Tables of labelled points: which column is the class, which are layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from minecover.api.arguments import strings, whole
from minecover.arrays import Float32Array, Int64Array
from minecover.errors import DataError, SurveyError
from minecover.geography.polygon_files import listed
from minecover.samples.sample_set import COLUMNS

__all__ = [
    "Labels",
    "check_no_class",
    "codes_of",
    "given_classes",
    "label_column",
    "labels_of",
    "layers_of",
    "values_of",
]

CLASS = "class"
"""Column of the classes, unless the table has the columns of `samples.parquet`."""

NO_LAYERS = {
    *COLUMNS, CLASS, "classes", "class_id", "class_code", "label", "fold",
    "fid", "ogc_fid", "objectid", "gid", "uid", "index", "level_0", "unnamed: 0",
    "lon", "lat", "long", "longitude", "latitude", "easting", "northing", "geometry",
    "column",
}  # fmt: skip
"""Columns that are no layers, in lower case: what a point is called, where it lies, its class."""


@dataclass(frozen=True, eq=False)
class Labels:
    """The classes of points.

    Attributes
    ----------
    codes
        (point,) int64, 1-255.
    classes
        Name to code, in order.
    column
        They are from.
    """

    codes: Int64Array
    classes: dict[str, int]
    column: str


def labels_of(
    table: pd.DataFrame, column: str | None, classes: Mapping[str, int] | None = None
) -> Labels:
    """Read the classes of points.

    Parameters
    ----------
    table
        One row a point.
    column
        Of names or codes; None: `class`, or the `code` and `name` that a run's samples have.
    classes
        Name to code; None: names have the codes 1, 2 … in alphabetical order, and codes their own
        digits for names.

    Raises
    ------
    SurveyError
        There is no such column, or the classes have the same or impossible codes.
    DataError
        A point is of none of the classes.
    """
    chosen = label_column(table, column)
    if table.empty:
        raise DataError("the table has no points; give some")
    values = table[chosen]
    if values.isna().any():
        raise DataError(f"{int(values.isna().sum())} of {len(table)} points have no {chosen}")
    named = _named(table, values) if classes is None else given_classes(classes)
    _check(named)
    return Labels(codes_of(values, named), named, chosen)


def label_column(table: pd.DataFrame, column: str | None) -> str:
    """Name the column with the classes of the points; see `labels_of`.

    Raises
    ------
    SurveyError
        There is no such column.
    """
    if not isinstance(column, str | None):
        raise SurveyError(f"column={column!r}: give the name of one column")
    chosen = column or (CLASS if CLASS in table.columns else "code")
    if chosen not in table.columns:
        raise SurveyError(
            f"column={column!r}: the table has {listed([str(name) for name in table.columns])}; "
            "name the one with the classes of the points"
        )
    return chosen


def codes_of(labels: pd.Series, classes: Mapping[str, int]) -> Int64Array:
    """Codes of labels, which are names or codes of the classes.

    Raises
    ------
    DataError
        One is neither.
    """
    if is_numeric_dtype(labels):
        unknown = sorted(set(labels.unique().tolist()) - set(classes.values()))
        found = labels
    else:
        unknown = sorted(set(labels.astype(str).unique()) - set(classes))
        found = labels.astype(str).map(classes)
    if unknown:
        raise DataError(
            f"{listed([str(label) for label in unknown])}: none of the classes {dict(classes)}"
        )
    return found.to_numpy(np.int64)


def _named(table: pd.DataFrame, values: pd.Series) -> dict[str, int]:
    if not is_numeric_dtype(values):
        return {name: code for code, name in enumerate(sorted(values.astype(str).unique()), 1)}
    if is_bool_dtype(values) or (values % 1 != 0).any():
        raise DataError(f"{values.name} holds numbers that are no codes; give names or 1 to 255")
    codes = sorted(int(code) for code in values.unique())
    if values.name == "code" and "name" in table.columns:
        names = table.groupby("code")["name"].first()
        return {str(names[code]): code for code in codes}
    return {str(code): code for code in codes}


def _check(classes: Mapping[str, int]) -> None:
    codes = list(classes.values())
    if len(set(codes)) < len(codes) or not all(0 < code < 256 for code in codes):
        raise SurveyError(f"classes={dict(classes)}: give every class a code of its own, 1 to 255")


def given_classes(classes: object) -> dict[str, int]:
    """Take the argument `classes`, name to code.

    Raises
    ------
    SurveyError
        It is something else, or has the same or impossible codes.
    """
    if not isinstance(classes, Mapping):
        raise SurveyError(f"classes={classes!r}: give the code of each by its name, as a dict")
    named = {str(name): whole(f"classes[{name!r}]", code) for name, code in classes.items()}
    _check(named)
    return named


def check_no_class(table: pd.DataFrame, layers: Sequence[str], labels: Labels) -> None:
    """Refuse columns of whole numbers that are the classes themselves.

    Raises
    ------
    SurveyError
        Each class has one value of a column, and each value one class.
    """
    for name in layers:
        pairs = pd.DataFrame({"code": labels.codes, "value": table[name].to_numpy()}).dropna()
        each = pairs.drop_duplicates()
        alone = each["code"].is_unique and each["value"].is_unique
        if alone and 1 < len(each) < len(pairs) and (each["value"] % 1 == 0).all():
            raise SurveyError(
                f"layers: the column {name} is the class itself, one whole number for each; drop "
                "it, or name the layers with layers=[…]"
            )


def layers_of(
    table: pd.DataFrame, layers: Sequence[str] | None, *others: str | None
) -> tuple[str, ...]:
    """Name the columns of a table that are layers.

    Parameters
    ----------
    table
        One row a point.
    layers
        Those wanted, in this order; None: all columns of numbers with a value at any point, but for
        those that say what a point is called, where it lies, or of which class and fold it is.
    others
        Further columns that are none.

    Raises
    ------
    SurveyError
        One is not there.
    """
    if layers is None:
        named = [
            name
            for name in table.columns
            if str(name).lower() not in NO_LAYERS and name not in others
        ]
        _check_once(table, named)
        return tuple(
            str(name) for name in named if _is_number(table[name]) and table[name].notna().any()
        )
    chosen = strings("layers", layers)
    missing = [name for name in chosen if name not in table.columns]
    if missing:
        raise SurveyError(f"layers: the table has no column {', '.join(missing)}")
    twice = sorted({name for name in chosen if chosen.count(name) > 1})
    if twice:
        raise SurveyError(f"layers: {listed(twice)} more than once; name each layer once")
    _check_once(table, chosen)
    texts = [name for name in chosen if not _is_number(table[name])]
    if texts:
        raise SurveyError(f"layers: {listed(texts)} is no column of numbers; leave it out")
    return chosen


def _check_once(table: pd.DataFrame, names: Sequence[str]) -> None:
    columns = list(table.columns)
    twice = sorted({str(name) for name in names if columns.count(name) > 1})
    if twice:
        raise SurveyError(f"layers: the table has the column {listed(twice)} twice; rename one")


def _is_number(column: pd.Series) -> bool:
    return bool(is_numeric_dtype(column) and not is_bool_dtype(column))


def values_of(table: pd.DataFrame, layers: Sequence[str]) -> Float32Array:
    """Values of layers at points, (point, layer) float32 with NaN as nodata."""
    return table[list(layers)].to_numpy(np.float32)
