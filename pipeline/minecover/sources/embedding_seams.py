"""Files of embeddings held against each other where they meet.

Vectors of two models, of two versions of one, or decoded by two scales have nothing to do with each
other; a map of both would be wrong on one side of the seam without any sign of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from odc.geo.geobox import GeoBox

from minecover.arrays import Float32Array
from minecover.errors import DataError
from minecover.sources.embedding_values import Decoding, mean_vectors
from minecover.sources.manifest import Item
from minecover.sources.reader import open_reader
from minecover.sources.records import Records

__all__ = ["agreement_of", "check_seams"]

EDGE = 64
"""Pixels of the survey along the edge of what is compared of two files at most."""

REACH = 2
"""Pixels across the line where two files touch without overlapping."""

FEWEST = 4
"""Pairs of vectors that say something."""

Box = tuple[float, float, float, float]


def check_seams(
    records: Records, items: Sequence[Item], decoding: Decoding, agreement: float
) -> None:
    """Refuse files that meet and do not agree.

    Parameters
    ----------
    records
        Of the survey.
    items
        Of one year.
    decoding
        How their numbers become vectors.
    agreement
        The least that is accepted; see `agreement_of`.

    Raises
    ------
    DataError
        Two of them agree less.
    """
    if agreement <= -1:
        return
    reader = open_reader("native", records.locator, s3=records.locator.s3)
    pixel, crs = records.grid.resolution, records.grid.geobox.crs
    for one, other, box in _meeting(items, pixel):
        target = GeoBox.from_bbox(box, crs, resolution=pixel)
        first, second = (mean_vectors(reader, (item,), target, decoding) for item in (one, other))
        found = agreement_of(first, second)
        if found is not None and found < agreement:
            raise DataError(
                f"sources.embeddings: {one.id} and {other.id} meet and do not agree there: their "
                f"vectors have an agreement of {found:.2f} (1: equal, 0: unrelated). They are of "
                "different models, versions or years, or of different scales; give files of one, "
                "or, if they are, a lower `sources.embeddings.agreement`"
            )


def agreement_of(first: Float32Array, second: Float32Array) -> float | None:
    """Median agreement of vectors of the same ground, 2 a.b / (a.a + b.b).

    It is 1 for equal vectors, the cosine for vectors of one length, and near 0 where one is many
    times as long as the other. Where no pixel has both, the means of either side are compared.

    Parameters
    ----------
    first, second
        (component, y, x), NaN where there is none.

    Returns
    -------
    -1 to 1; None: there is too little to compare.
    """
    sides = [np.isfinite(image).all(axis=0) for image in (first, second)]
    both = sides[0] & sides[1]
    if both.sum() >= FEWEST:
        a, b = first[:, both].astype(np.float64), second[:, both].astype(np.float64)
    elif min(side.sum() for side in sides) >= FEWEST:
        a, b = (
            image[:, side].mean(axis=1, keepdims=True, dtype=np.float64)
            for image, side in zip((first, second), sides, strict=True)
        )
    else:
        return None
    lengths = (a**2).sum(axis=0) + (b**2).sum(axis=0)
    some = lengths > 0
    return float(np.median(2 * (a * b).sum(axis=0)[some] / lengths[some])) if some.any() else None


def _meeting(items: Sequence[Item], pixel: float) -> Iterator[tuple[Item, Item, Box]]:
    """Give pairs of items that overlap or touch, with a box about the middle of where they do."""
    for one, other in combinations(items, 2):
        left, bottom = (max(one.bounds[n], other.bounds[n]) for n in (0, 1))
        right, top = (min(one.bounds[n], other.bounds[n]) for n in (2, 3))
        if right - left < -pixel or top - bottom < -pixel:
            continue
        (x0, x1), (y0, y1) = _cut(left, right, pixel), _cut(bottom, top, pixel)
        yield one, other, (x0, y0, x1, y1)


def _cut(low: float, high: float, pixel: float) -> tuple[float, float]:
    """Cut a range to the pixels that are compared, and widen one that is no wider than a pixel."""
    middle, half = (low + high) / 2, (high - low) / 2
    least, most = REACH * pixel, EDGE / 2 * pixel
    return middle - min(max(half, least), most), middle + min(max(half, least), most)
