"""Sampling design: how many points to label, where, for a wanted precision.

Stratified random sampling with the map's classes, or its transitions, as strata, as Olofsson et al.
2014 recommend (Remote Sens. Environ. 148, 42-57, 10.1016/j.rse.2014.02.015, section 5.1.1).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.arrays import BoolArray
from minecover.errors import SurveyError
from minecover.geography.grid import Grid, Window
from minecover.geography.pixel_numbers import pixel_numbers

__all__ = [
    "Design",
    "allocate",
    "allocate_change",
    "count_pixels",
    "draw",
    "sample_size",
    "write_design",
]

Codes = npt.NDArray[np.integer]
Tiles = Iterable[tuple[Window, Codes]]

MIN_STRATUM = 50
"""Points of the rarest class at least: 50 to 100, as Olofsson et al. advise."""


@dataclass(frozen=True)
class Design:
    """Points drawn from a map.

    Attributes
    ----------
    pixels
        Of each stratum (its code) on the map.
    frame
        One row a point: row, col (of the pixel) and code (of its stratum), in random order.
    """

    pixels: Mapping[int, int]
    frame: pd.DataFrame


def sample_size(
    pixels: Mapping[int, int], users_accuracy: Mapping[int, float], standard_error: float
) -> int:
    """Compute the points needed for a standard error: Olofsson et al. 2014 eq. 13.

    n = (Σ W S)² / (S(O)² + Σ W S² / N), with W the share of a stratum and S = √(U (1 - U)).

    Parameters
    ----------
    pixels
        Of each stratum.
    users_accuracy
        U expected of each stratum, 0 to 1: from an earlier assessment, or a guess.
    standard_error
        S(O) of the overall accuracy, as 0.01.

    Raises
    ------
    SurveyError
        An accuracy is missing or no share, or the standard error is not between 0 and 0.5.
    """
    if not 0 < standard_error < 0.5:
        raise SurveyError(f"design: a standard error of {standard_error}; give one as 0.01")
    for stratum in pixels:
        if not 0 <= users_accuracy.get(stratum, math.nan) <= 1:
            raise SurveyError(f"design: expect a user's accuracy of class {stratum}, as 0.9")
    total = sum(pixels.values())
    spread = {s: math.sqrt(users_accuracy[s] * (1 - users_accuracy[s])) for s in pixels}
    first = sum(pixels[s] / total * spread[s] for s in pixels)
    second = sum(pixels[s] / total * spread[s] ** 2 for s in pixels)
    return math.ceil(first**2 / (standard_error**2 + second / total))


def allocate(
    pixels: Mapping[int, int],
    size: int,
    minimum: int = MIN_STRATUM,
    spread: Mapping[int, float] | None = None,
) -> dict[int, int]:
    """Divide points among the strata: the rare ones their minimum, the rest by area.

    Strata whose proportional part is below the minimum get the minimum (or all their pixels);
    what remains is shared by the others in proportion to their pixels, or to pixels times spread
    (Neyman's allocation, Cochran 1977 eq. 5.26), rounded to the largest remainders.

    Parameters
    ----------
    pixels
        Of each stratum.
    size
        Points in all.
    minimum
        Of a stratum.
    spread
        Standard deviation within each stratum; None: the same in all.

    Raises
    ------
    SurveyError
        The minimum of all strata together exceeds the size.
    """
    given = {stratum: min(minimum, count) for stratum, count in pixels.items()}
    if sum(given.values()) > size:
        raise SurveyError(
            f"design: {size} points are too few for {len(pixels)} strata of at least {minimum}; "
            f"draw {sum(given.values())} or more, or lower the minimum"
        )
    parts = {s: n * (spread[s] if spread else 1.0) for s, n in pixels.items()}
    fixed: dict[int, int] = {}
    while True:
        free = {s: part for s, part in parts.items() if s not in fixed}
        left = size - sum(fixed.values())
        shares = {s: left * part / sum(free.values()) for s, part in free.items()}
        few = {s: given[s] for s, share in shares.items() if share < given[s]}
        outside = few or {s: pixels[s] for s, share in shares.items() if share > pixels[s]}
        if not outside:
            break
        fixed |= outside
    merged = fixed | _largest_remainders(shares, left)
    return {stratum: merged[stratum] for stratum in pixels}


def allocate_change(
    pixels: Mapping[int, int],
    users_accuracy: Mapping[int, float],
    standard_error: float,
    minimum: int,
) -> dict[int, int]:
    """Divide points among strata of change: those that the precision needs, and minima besides.

    What the map missed lies in large strata, whose points stand for most: minima of strata that
    are small must not be taken from them. All beyond the minima is by Neyman's allocation.

    Parameters
    ----------
    pixels, users_accuracy, standard_error
        As of `sample_size`.
    minimum
        Of a stratum.

    Raises
    ------
    SurveyError
        As `sample_size`.
    """
    size = sample_size(pixels, users_accuracy, standard_error)
    size += sum(min(minimum, count) for count in pixels.values())
    spread = {s: math.sqrt(users_accuracy[s] * (1 - users_accuracy[s])) for s in pixels}
    return allocate(pixels, min(size, sum(pixels.values())), minimum, spread)


def _largest_remainders(shares: Mapping[int, float], total: int) -> dict[int, int]:
    whole = {stratum: math.floor(share) for stratum, share in shares.items()}
    by_remainder = sorted(shares, key=lambda stratum: (whole[stratum] - shares[stratum], stratum))
    for stratum in by_remainder[: total - sum(whole.values())]:
        whole[stratum] += 1
    return whole


def count_pixels(tiles: Tiles) -> dict[int, int]:
    """Count the pixels of each stratum over a map's tiles; 0 is nodata and left out."""
    counts: Counter[int] = Counter()
    for _, codes in tiles:
        found, numbers = np.unique(codes, return_counts=True)
        counts.update(dict(zip(found.tolist(), numbers.tolist(), strict=True)))
    return {code: counts[code] for code in sorted(counts) if code}


def draw(tiles: Tiles, allocation: Mapping[int, int], *, width: int, seed: int) -> Design:
    """Draw points from a map, tile by tile.

    Each pixel gets a pseudo-random number from its place and the seed; a stratum's sample is its
    pixels with the smallest numbers: simple random sampling without replacement, in one pass, with
    memory for the sample alone, and the same points however the map is cut.

    Parameters
    ----------
    tiles
        Windows of the map with the codes of their strata, each pixel once.
    allocation
        Points of each stratum.
    width
        Columns of the whole grid.
    seed
        The same seed draws the same points.

    Raises
    ------
    SurveyError
        A stratum has fewer pixels than points.
    """
    best = {code: np.empty((0, 2), dtype=np.uint64) for code in allocation}
    counts: Counter[int] = Counter()
    for window, codes in tiles:
        for code, size in allocation.items():
            member = codes == code
            counts[code] += int(np.count_nonzero(member))
            best[code] = _smallest(best[code], member, window, width, seed, size)
    for code, size in allocation.items():
        if len(best[code]) < size:
            raise SurveyError(
                f"design: stratum {code} has {counts[code]} pixels; {size} points cannot be drawn"
            )
    place = np.concatenate([rows[:, 1] for rows in best.values()]).astype(np.int64)
    strata = np.repeat(list(allocation), list(allocation.values()))
    frame = pd.DataFrame({"row": place // width, "col": place % width, "code": strata})
    # in random order: whoever labels them must not see one class after the other
    order = np.random.default_rng(seed).permutation(len(frame))
    frame = frame.iloc[order].reset_index(drop=True)
    return Design({code: counts[code] for code in allocation}, frame)


def _smallest(
    held: npt.NDArray[np.uint64],
    member: BoolArray,
    window: Window,
    width: int,
    seed: int,
    size: int,
) -> npt.NDArray[np.uint64]:
    """Keep the `size` smallest (number, place) of those held and a tile's members."""
    rows, columns = np.nonzero(member)
    place = ((rows + window.y0) * width + columns + window.x0).astype(np.uint64)
    found = np.column_stack([pixel_numbers(place, seed), place])
    if len(found) > size:
        found = found[np.argpartition(found[:, 0], size)[:size]]
    both = np.concatenate([held, found])
    return both[np.argsort(both[:, 0], kind="stable")[:size]]


def write_design(
    path: Path, design: Design, grid: Grid, names: Mapping[int, str], labels: Sequence[str]
) -> None:
    """Write the points as a GeoPackage to be labelled in QGIS.

    Columns: id (in random order: work through them in it), stratum (what the map says), pixels (of
    the stratum), inclusion (probability), weight (pixels a point stands for), and those of the true
    classes (empty, the person's). Points lie on pixel centres.

    Parameters
    ----------
    path
        Of the GeoPackage; what was there is replaced.
    design
        The points.
    grid
        The map's.
    names
        Code of a stratum to its name.
    labels
        Columns of the true classes.
    """
    frame = design.frame
    drawn = frame["code"].map(frame["code"].value_counts()).astype(float)
    pixels = frame["code"].map(dict(design.pixels)).astype(np.int64)
    x, y = grid.centres_of(frame["row"].to_numpy(), frame["col"].to_numpy())
    table = gpd.GeoDataFrame(
        {
            "id": np.arange(1, len(frame) + 1),
            "stratum": frame["code"].map(dict(names)),
            "pixels": pixels,
            "inclusion": drawn / pixels,
            "weight": pixels / drawn,
            **dict.fromkeys(labels, ""),
        },
        geometry=gpd.points_from_xy(x, y),
        crs=grid.crs,
    )
    path.unlink(missing_ok=True)
    table.to_file(path, driver="GPKG", layer="design")
