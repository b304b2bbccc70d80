"""Images as people keep them: a file a band, a file a date, or one file of all dates."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from minecover.errors import DataError
from minecover.file_catalog.hints import Hints
from minecover.file_catalog.names import (
    COLLECTIONS,
    band_in,
    days_in,
    moment_in,
    name_of_scene,
)
from minecover.file_catalog.scene import Image, Scene, image_of
from minecover.sources.item_document import ItemError

__all__ = ["scenes_of_images"]

_LEVEL_1 = re.compile(r"(?:MSI|(?<![A-Za-z0-9]))L1C(?![A-Za-z0-9])")
"""Names of products before the correction of the atmosphere."""


@dataclass(frozen=True)
class Piece:
    """One band of one date, and the name of its scene."""

    scene: str
    moment: dt.datetime
    band: str
    image: Image


def scenes_of_images(
    folder: Path, paths: Iterable[Path], hints: Hints
) -> tuple[list[Scene], dict[Path, str]]:
    """Put images together to scenes by their names and the names of their bands.

    Parameters
    ----------
    folder
        Names of scenes begin below it.
    paths
        Files of images in it.
    hints
        What files do not say.

    Returns
    -------
    Scenes, and why a file is in none.
    """
    pieces, left_out = list[Piece](), dict[Path, str]()
    for path in paths:
        try:
            pieces += _pieces(path.relative_to(folder), image_of(path), hints)
        except DataError as fault:
            left_out[path] = str(fault)
    scenes = dict[tuple[str, str], list[Piece]]()
    for piece in pieces:
        collection = next(name for name, bands in COLLECTIONS.items() if piece.band in bands)
        scenes.setdefault((collection, piece.scene), []).append(piece)
    finest = {key: _finest(members, left_out) for key, members in scenes.items()}
    return [_scene(*key, members) for key, members in finest.items()], left_out


def _finest(pieces: Sequence[Piece], left_out: dict[Path, str]) -> list[Piece]:
    """Leave out files of a band that a scene also has in smaller pixels, as products do."""
    kept = list[Piece]()
    for piece in pieces:
        best = min((p for p in pieces if p.band == piece.band), key=_pixel_size)
        if _pixel_size(piece) > _pixel_size(best):
            left_out[piece.image.path] = f"{best.image.path.name} has its band in smaller pixels"
        else:
            kept.append(piece)
    return kept


def _pixel_size(piece: Piece) -> float:
    return abs(piece.image.header.transform[0])


def _scene(collection: str, name: str, pieces: Sequence[Piece]) -> Scene:
    images = dict[str, Image]()
    for piece in pieces:
        if piece.band in images:
            raise DataError(
                f"{piece.image.path} and {images[piece.band].path}: both are {piece.band} of "
                f"{name}; give the files of each date and place a name of their own"
            )
        images[piece.band] = piece.image
    moments = {piece.moment for piece in pieces}
    if len(moments) > 1:
        raise DataError(
            f"{pieces[0].image.path} and others: {name} has several dates "
            f"({', '.join(f'{moment:%Y-%m-%d}' for moment in sorted(moments))}); give the files of "
            "each date a name of their own"
        )
    return Scene(name, collection, moments.pop(), images)


def _pieces(path: Path, image: Image, hints: Hints) -> list[Piece]:
    """Take a file apart by band and date.

    Raises
    ------
    ItemError
        It does not say what its bands are, or when they were observed, or is of Level-1C.
    """
    if _LEVEL_1.search(path.as_posix()):
        raise ItemError(
            f"{path}: by its name it is of Level-1C; only Level-2A is surface reflectance: "
            "download that, or run Sen2Cor"
        )
    if len(image.header.bands) == 1:
        return [_single(path, image, hints)]
    bands = _bands(path, image.header.bands, hints)
    times = max(Counter(filter(None, bands)).values())
    name = name_of_scene(path)
    if times == 1:
        moments = [_moment(path, hints)]
    else:
        moments = _moments(path, times, image.header.bands, hints)
    found, seen = list[Piece](), Counter[str]()
    for number, band in enumerate(bands, start=1):
        if band is not None:
            moment = moments[seen[band]]
            own = name if times == 1 else f"{name}_{moment:%Y%m%dT%H%M%S}"
            found.append(Piece(own, moment, band, Image(image.path, image.header, number)))
            seen[band] += 1
    return found


def _single(path: Path, image: Image, hints: Hints) -> Piece:
    given = hints.bands[0] if len(hints.bands) == 1 else None
    names = (image.header.bands[0], path.stem, *(folder.name for folder in path.parents))
    band = given or next(filter(None, map(band_in, names)), None)
    if band is None:
        raise ItemError(
            f"{path}: neither its name nor the file says which band it is; put the band into the "
            "name, as in 2023-06-01_B02.tif"
        )
    return Piece(name_of_scene(path, band), _moment(path, hints), band, image)


def _moment(path: Path, hints: Hints) -> dt.datetime:
    """Find when all of a file was observed."""
    found = hints.moment_of(path) or moment_in(path)
    if found is None and len(hints.dates) == 1:
        return hints.dates[0]
    if found is None:
        raise ItemError(
            f"{path}: its name has no date; put it there, as in 2023-06-01_B02.tif, or give it, as "
            f"`--date '{path.name}=2023-06-01'`"
        )
    return found


def _bands(path: Path, called: Sequence[str], hints: Hints) -> list[str | None]:
    """Name each band of a file: by what the file calls it, or else as was said."""
    described = [band_in(text) for text in called]
    if any(described):
        return described
    given, count = list(hints.bands), len(called)
    if not any(given):
        raise ItemError(
            f"{path}: it does not say what its {count} bands are; name them in order, as "
            "`--bands B02,B03,B04,B08`, with - for one that is not used"
        )
    if count % len(given):
        raise ItemError(
            f"{path}: it has {count} bands, which is no multiple of the {len(given)} of `bands`"
        )
    times = count // len(given)
    if times > 1 and len(given) > 1 and hints.order is None:
        raise ItemError(
            f"{path}: it has {len(given)} bands at {times} dates; say in which order: `--order "
            "by-date` (all bands of the first date first) or `--order by-band`"
        )
    if hints.order == "by-band":
        return [band for band in given for _ in range(times)]
    return given * times


def _moments(path: Path, times: int, called: Sequence[str], hints: Hints) -> list[dt.datetime]:
    """Dates of a file of several, in order: by what the file calls its bands, or as was said."""
    found = [day for text in called for day in days_in(text)[:1]]
    found = list(dict.fromkeys(found)) if len(found) == len(called) else list(hints.dates)
    if len(found) != times or len(set(found)) != times:
        raise ItemError(
            f"{path}: its bands are of {times} dates, and {len(set(found))} are known; give all in "
            "order, as `--date 2023-06-01 --date 2023-07-01`"
        )
    return found
