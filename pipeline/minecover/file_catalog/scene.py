"""A scene: the images of one place and time, which become an item of the catalog."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minecover.sources.header import Header, read_header

__all__ = ["Image", "Scene", "image_of"]


@dataclass(frozen=True)
class Image:
    """One band of a file.

    Attributes
    ----------
    path
        Of the file.
    header
        What the file says of itself.
    number
        Of the band in a file of several, from 1; None: it has one.
    scale, offset
        Value = number * scale + offset, as the product records it; None: it does not.
    """

    path: Path
    header: Header
    number: int | None = None
    scale: float | None = None
    offset: float | None = None


@dataclass(frozen=True)
class Scene:
    """What becomes an item.

    Attributes
    ----------
    id
        Of the item.
    collection
        That it belongs to.
    moment
        When it was observed, in UTC.
    images
        By name of the band.
    properties
        Further properties of the item.
    """

    id: str
    collection: str
    moment: dt.datetime
    images: Mapping[str, Image]
    properties: Mapping[str, Any] = field(default_factory=dict)


def image_of(path: Path, number: int | None = None) -> Image:
    """Open a file as an image.

    Raises
    ------
    DataError
        It cannot be read, or is rotated.
    """
    header = read_header(str(path), str(path), path.name)
    header.grid(str(path))
    return Image(path, header, number)
