"""How the texts of a CSV or Shapefile are encoded, where the file does not say so.

Bytes of a Chinese table are valid in several encodings, so none is guessed: an encoding is taken
for certain where it alone turns the bytes into the columns and classes that the survey names.
"""

from __future__ import annotations

import codecs
import zipfile
from collections.abc import Collection, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path, PurePath
from typing import Any, TypeVar

import pandas as pd

from minecover.errors import SurveyError

__all__ = [
    "BY_LANGUAGE",
    "LOSSLESS",
    "SEPARATORS",
    "certain_encoding",
    "decoded",
    "shapefile_encoding",
    "unicode_encoding",
]

Frame = TypeVar("Frame", bound=pd.DataFrame)

LOSSLESS = "ISO-8859-1"
"""Encoding in which every byte is a character of its own; spelt so, pyogrio passes bytes on."""

BY_LANGUAGE = ""
"""Encoding of a Shapefile whose table names one that GDAL knows."""

SAYING = (".cpg", ".dbf")
"""Parts of a Shapefile that may say how it is encoded."""

HEAD = 256
"""Bytes at the start of a file that tell its encoding."""

SEPARATORS = ",;\t|\r\n"
"""Of the fields and lines of a table."""

WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
"""Encodings of several bytes a character; in one of 32 bits those of 16 find as many separators."""

CANDIDATES = (
    "utf-8", "gb18030", "big5", "shift_jis", "euc_kr", "cp1250", "cp1251", "cp1252", "cp1254",
    "cp1256",
)  # fmt: skip

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Of UTF-32 before those of UTF-16, which begin alike."""

UNKNOWN_LANGUAGES = (0x00, 0x57)
"""Language drivers of a dBASE table that name no encoding: none, and its author's own."""

SHOWN = 3
"""Texts of each way to read them that a message shows."""


def unicode_encoding(data: bytes) -> str | None:
    """Find the Unicode encoding of a text by its byte order mark, its separators or its validity.

    Returns
    -------
    Name of the encoding; None: it is no Unicode.
    """
    for mark, name in MARKS:
        if data.startswith(mark):
            return name
    if b"\0" in data[:HEAD] and (wide := _of_several_bytes(data[:HEAD])):
        return wide
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _of_several_bytes(head: bytes) -> str | None:
    """Tell in which encoding most separators of a table are characters, if in any most are."""

    def separators(text: str) -> int:
        return sum(map(text.count, SEPARATORS))

    counts = {name: separators(head.decode(name, "ignore")) for name in WIDE}
    best = max(WIDE, key=lambda name: counts[name])
    return best if 2 * counts[best] > separators(head.decode(LOSSLESS)) else None


def shapefile_encoding(path: Path) -> str | None:
    """Find how the texts of a Shapefile, zipped or not, are encoded, as far as it says so itself.

    Returns
    -------
    Name of the encoding; `BY_LANGUAGE`: its table names one that GDAL knows; None: neither its
    .cpg names an encoding that is known nor its table one.
    """
    parts = _parts_of_zip(path) if path.suffix.lower() == ".zip" else _parts_beside(path)
    page = parts.get(".cpg", b"").decode("ascii", "ignore").strip("\ufeff \t\r\n").lower()
    page = page.removeprefix("ansi ").removeprefix("oem ")
    with suppress(LookupError):
        return codecs.lookup(f"cp{page}" if page.isdecimal() else page).name
    table = parts.get(".dbf", b"")
    return None if len(table) > 29 and table[29] in UNKNOWN_LANGUAGES else BY_LANGUAGE


def _parts_of_zip(path: Path) -> dict[str, bytes]:
    """Heads of the .cpg and .dbf of the Shapefile in an archive, by suffix."""
    with zipfile.ZipFile(path) as archive:
        shapes = [name for name in archive.namelist() if name.lower().endswith(".shp")]
        stems = {PurePath(name).with_suffix("") for name in shapes if "__MACOSX" not in name}
        heads = {}
        for name in archive.namelist():
            part = PurePath(name)
            if part.with_suffix("") in stems and part.suffix.lower() in SAYING:
                with archive.open(name) as file:
                    heads[part.suffix.lower()] = file.read(HEAD)
        return heads


def _parts_beside(path: Path) -> dict[str, bytes]:
    """Heads of the .cpg and .dbf of a Shapefile, by suffix."""
    heads = {}
    for part in path.parent.iterdir():
        if part.stem == path.stem and part.suffix.lower() in SAYING:
            with part.open("rb") as file:
                heads[part.suffix.lower()] = file.read(HEAD)
    return heads


def certain_encoding(
    frame: pd.DataFrame,
    column: str,
    wanted: Collection[str],
    classes: Collection[str],
    source: str,
) -> str:
    """Find the one encoding in which a table has columns and classes that the survey names.

    Parameters
    ----------
    frame
        The table, read as `LOSSLESS`.
    column
        Of the labels.
    wanted
        Names of all columns that it must have.
    classes
        Names of the survey's classes.
    source
        Name of the file, for messages.

    Returns
    -------
    The encoding; `LOSSLESS` where no encoding gives the table these columns, or all the same.

    Raises
    ------
    SurveyError
        No encoding gives it a class of the survey, or several that differ do.
    """
    readings = list(_readings(frame, column, wanted))
    if not readings or any(all(map(str.isascii, texts)) for _, texts in readings):
        return LOSSLESS
    known = {name for name in (*wanted, *classes) if not name.isascii()}
    certain = {texts: encoding for encoding, texts in reversed(readings) if known & set(texts)}
    if len(certain) == 1:
        return next(iter(certain.values()))
    ways = "; ".join(f"as {name}: {', '.join(texts[:SHOWN])}" for name, texts in readings)
    raise SurveyError(
        f"samples.encoding: missing, and {source} does not say how its texts are encoded "
        f"({ways}); give it, as gbk or cp1252"
    )


def decoded(frame: Frame, column: str, encoding: str) -> Frame:
    """Decode the columns' names and the texts of a table that was read as `LOSSLESS`.

    Raises
    ------
    UnicodeDecodeError
        A text of the column with the labels is not of this encoding; those of others stay as they
        are.
    """
    names = _names(frame, encoding)
    frame = frame.rename(columns={raw: name for name, raw in names.items()})
    for name in frame.select_dtypes(object).columns:
        with nullcontext() if name == column else suppress(UnicodeDecodeError):
            frame = frame.assign(**{name: frame[name].map(lambda text: _text(text, encoding))})
    return frame


def _readings(
    frame: pd.DataFrame, column: str, wanted: Collection[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Candidates that give a table its columns, each with the texts that it reads as."""
    for encoding in CANDIDATES:
        names = _names(frame, encoding)
        if not {column, *wanted} <= set(names):
            continue
        try:
            labels = {_text(label, encoding) for label in frame[names[column]].dropna().unique()}
        except UnicodeDecodeError:
            continue
        texts = {*wanted, *(str(label).strip() for label in labels)}
        yield encoding, tuple(sorted(texts, key=lambda text: (text.isascii(), text)))


def _names(frame: pd.DataFrame, encoding: str) -> dict[str, str]:
    """Columns that can be decoded: what they are called, and what they were read as."""
    names = {}
    for raw in frame.columns:
        with suppress(UnicodeDecodeError):
            names[_text(str(raw), encoding)] = raw
    return names


def _text(value: Any, encoding: str) -> Any:  # noqa: ANN401
    """Decode what was read as `LOSSLESS`; what is no text stays as it is."""
    return value.encode(LOSSLESS).decode(encoding) if isinstance(value, str) else value
