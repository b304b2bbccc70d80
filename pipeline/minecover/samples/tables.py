"""Tables of points: CSV in any encoding, with points or commas in its numbers."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from minecover.errors import DataError, SurveyError
from minecover.geography.boundary import known_crs
from minecover.geography.polygon_files import listed, looks_misread
from minecover.samples.encodings import LOSSLESS, certain_encoding, decoded, unicode_encoding
from minecover.samples.labels import HINT
from minecover.samples.settings import SampleSettings
from minecover.samples.validity import time_columns

__all__ = ["UNREADABLE", "read_table", "require_column"]

UNREADABLE = "with unreadable coordinates"
"""Reason for which a row of a table is left out."""

SEPARATORS = ",;\t|"

LONGEST = 40
"""Letters of a column's name that a message shows."""

LONGEST_HEADER = 65_536
"""Letters of the first line of a table that are looked at."""

NO_COLUMNS = "it has none at all (a Shapefile has them in a .dbf beside it): export it again"

DECIMAL_COMMA = r"[+-]?\d+,\d+"


def read_table(
    path: Path, settings: SampleSettings, classes: Collection[str], most: int
) -> tuple[gpd.GeoDataFrame, dict[str, int], tuple[str, ...]]:
    """Read the points of a CSV.

    Parameters
    ----------
    path
        The file.
    settings
        Which columns, encoding and CRS.
    classes
        Names of the survey's classes, which may tell the encoding.
    most
        Rows to read at most.

    Returns
    -------
    Points with their labels in `settings.column` and the columns of time that there are; how many
    rows have no readable coordinates, by reason; and a sentence that shows some of these.

    Raises
    ------
    DataError
        Lines have more fields than the header, or none has readable coordinates.
    SurveyError
        A column is missing, the encoding cannot be told, or `samples.crs` is not given.
    """
    frame = _texts(path, settings, classes, most)
    if settings.crs is None:
        raise SurveyError(
            f"samples.crs: missing, and {path.name} is a CSV, which carries no CRS; "
            "give it, as EPSG:4326 for degrees"
        )
    crs = known_crs(settings.crs, "samples.crs")
    texts = frame[[settings.x, settings.y]]
    x, y = (_numbers(texts[name]) for name in texts)
    bad = np.asarray(~(np.isfinite(x) & np.isfinite(y)), dtype=bool)
    note = _shown(texts[bad], path) if bad.any() else ""
    if note and bad.all():
        raise DataError(f"samples.path: {note}")
    times = (name for name in time_columns(settings).values() if name in frame)
    kept = dict.fromkeys((settings.column, *times))
    labels = frame.loc[~bad, list(kept)].reset_index(drop=True)
    points = gpd.GeoDataFrame(labels, geometry=gpd.points_from_xy(x[~bad], y[~bad]), crs=crs)
    return (points, {UNREADABLE: int(bad.sum())}, (note,)) if note else (points, {}, ())


def require_column(frame: pd.DataFrame, column: str, key: str, path: Path) -> None:
    """Refuse a table without a column that a key of the samples names.

    Raises
    ------
    SurveyError
        It is not there; the columns that are there are listed.
    """
    if column not in frame.columns:
        there = [repr(str(name)[:LONGEST]) for name in frame.columns if name != "geometry"]
        known = f"the columns there are {listed(there)}" if there else NO_COLUMNS
        known += HINT if looks_misread(there) else ""
        raise SurveyError(f"samples.{key}: {path} has no column {column!r}; {known}")


def _texts(
    path: Path, settings: SampleSettings, classes: Collection[str], most: int
) -> pd.DataFrame:
    """All columns as texts, under the names and labels that they have in the table's encoding."""
    data = path.read_bytes()
    encoding = settings.encoding or unicode_encoding(data)
    try:
        text = data.decode(encoding or LOSSLESS).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise SurveyError(
            f"samples.encoding: {path} is not {encoding}: its byte {error.start + 1} is not of it"
        ) from error
    frame = _split(text, path, most)
    wanted = {"x": settings.x, "y": settings.y, "column": settings.column}
    if encoding is None:
        found = certain_encoding(frame, settings.column, wanted.values(), classes, path.name)
        frame = decoded(frame, settings.column, found)
    for key, name in wanted.items():
        require_column(frame, name, key, path)
    return frame


def _split(text: str, path: Path, most: int) -> pd.DataFrame:
    """Split lines into fields, by the separator of which the header has most."""
    header = text.strip("\r\n").partition("\n")[0][:LONGEST_HEADER]
    separator = max(SEPARATORS, key=header.count)
    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=separator, header=None, dtype=str, keep_default_na=False,
            nrows=most + 2,
        )  # fmt: skip
    except pd.errors.EmptyDataError as error:
        raise DataError(f"samples.path: {path} is empty; export it again") from error
    except pd.errors.ParserError as error:
        why = str(error).rpartition("error: ")[2].strip()
        raise DataError(
            f"samples.path: lines of {path} have more fields than its header ({header.strip()!r}), "
            f"or quotes have no end ({why}); let the first line name the columns, "
            "and where numbers have a decimal comma, separate by semicolons"
        ) from error
    if len(frame) > most + 1:
        raise DataError(f"samples.path: {path} has more than {most:,} points; thin them")
    return frame.iloc[1:].reset_index(drop=True).set_axis(_headers(frame.iloc[0]), axis=1)


def _headers(names: Iterable[str]) -> list[str]:
    """Names of columns; of several of one name each tells its place, for none is guessed."""
    stripped = [name.strip() for name in names]
    return [
        name if stripped.count(name) == 1 else f"{name} (column {number})"
        for number, name in enumerate(stripped, start=1)
    ]


def _numbers(texts: pd.Series[str]) -> pd.Series[float]:
    """Read numbers with a decimal point or comma; anything else is NaN."""
    stripped = texts.str.strip()
    comma = stripped.str.fullmatch(DECIMAL_COMMA)
    plain = stripped.where(~comma, stripped.str.replace(",", ".", regex=False))
    return pd.to_numeric(plain, errors="coerce")


def _shown(bad: pd.DataFrame, path: Path) -> str:
    """Say where coordinates cannot be read."""
    line, row = int(bad.index[0]) + 2, bad.iloc[0]
    found = " and ".join(f"{name} {text!r}" for name, text in row.items())
    return (
        f"{path.name}: {len(bad)} row(s) have coordinates that are no numbers, the first is line "
        f"{line} with {found}; write decimal degrees or metres, as 109.8833"
    )
