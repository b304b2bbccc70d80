"""Catalogs of files on a disk."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

from minecover.api.arguments import about, number, strings
from minecover.errors import SurveyError
from minecover.file_catalog.build import build_catalog
from minecover.file_catalog.hints import Hints

__all__ = ["catalog_from_files"]

FUNCTION = "mc.catalog_from_files"

Answer = str | float
"""What is said of files."""

Answers = Answer | Iterable[Answer] | Mapping[str, Answer] | None
"""What is said of all files, in order, or by name or pattern of the file."""


def catalog_from_files(
    folder: str | Path,
    *,
    bands: Iterable[str] | None = None,
    date: Answers = None,
    order: str | None = None,
    baseline: Answers = None,
    offset: Answers = None,
    scale: float | None = None,
) -> Path:
    """Make a STAC catalog of the images in a folder, for ``catalog.url`` of a survey.

    Sentinel-2 products (.SAFE), GeoTIFF and JPEG 2000 with one band or several, of one date or
    several, and netCDF of openEO, which is rewritten as GeoTIFF. Dates and bands are taken from the
    names of files and folders, and from what files call their bands. The catalog lies in the
    folder, and is made anew when it is called again. Warns of files that are in no item.

    Parameters
    ----------
    folder
        Of the images; those in folders below it count, too.
    bands
        What the bands of files are that do not say it, in order, ``"-"`` for one that is not used.
    date
        Of a file without, as ``{"image.tif": "2023-06-01"}``; of a file of several dates all in
        order.
    order
        Of the bands in a file of several dates: ``"by-date"`` or ``"by-band"``.
    baseline
        Processing baseline, as ``"05.10"`` or ``{"2021*": "03.00"}``.
    offset
        Number to add to digital numbers before they are scaled: ``-1000`` as delivered from
        baseline 04.00 on, ``0`` before, or where it was added already.
    scale
        Reflectance of one number; None: 0.0001, or what the file says.

    Returns
    -------
    Path of its ``catalog.json``.

    Raises
    ------
    SurveyError
        An argument is wrong, no scene was found, or nothing says how numbers become reflectance.
    DataError
        Two files are the same band of one scene.
    """
    with about(FUNCTION):
        if not isinstance(folder, str | os.PathLike):
            raise SurveyError(f"folder={folder!r}: give the name of a folder")
        hints = Hints.parsed(
            strings("bands", bands or ()),
            _texts("date", date),
            order,
            _texts("baseline", baseline),
            _texts("offset", offset),
            None if scale is None else number("scale", scale),
        )
        made = build_catalog(Path(folder), hints)
    for note in made.notes():
        warnings.warn(f"{FUNCTION}: {note}", stacklevel=2)
    return made.path


def _texts(name: str, given: Answers) -> tuple[str, ...]:
    """Write answers as the command line has them."""
    if given is None:
        return ()
    if isinstance(given, Mapping):
        return tuple(f"{pattern}={value}" for pattern, value in given.items())
    if isinstance(given, str) or not isinstance(given, Iterable):
        return strings(name, str(given))
    return strings(name, [str(value) for value in given])
