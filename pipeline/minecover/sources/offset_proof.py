"""Which of two offsets an image's own pixels prove, where its records contradict each other.

Between the numbers as they are and those less 1,000 lies a tenth of reflectance, and there is
ground on which that cannot be: an offset is impossible that leaves pixels of an image

- darker than any surface: `DARK_SHARE` of a band below `DARKEST`, where corrections of haze and
  slope reach;
- green and bright: where the near infrared is brighter than the red by `GREEN`, whatever the
  offset, stand dense plants, which absorb nearly all red light (2 to 5 % is reflected). Haze, which
  makes them brighter, makes the blue brighter still (`HAZE`), and then nothing is concluded;
- nowhere dark and nowhere coloured: the darkest pixels of blue, red, near and short-wave infrared,
  of water, shadow or coal, all at the same tenth (`FLOORS`) though half of the ground is brighter.

An offset is proved where it alone is possible. Where both are, nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minecover.arrays import Float32Array

__all__ = ["PROVING", "Proof", "agreeing_offset", "proved_offset"]

ENOUGH = 1000
"""Pixels of a band below which nothing is concluded."""

DARKEST, DARK_SHARE = -0.03, 0.01
"""Reflectance, and share of a band's pixels below it that no surface has."""

GREEN, BRIGHT_RED, GREEN_PIXELS = 0.25, 0.095, 100
"""Near infrared less red of dense plants, red reflectance that few of them have, and pixels of
them that are needed."""

DARK_PLANTS = 10.0
"""Percentage of the plants whose red is looked at: the darkest."""

HAZE = 0.02
"""Blue less red reflectance of plants from which they are seen through haze."""

FLOORS, FLOOR_SHARE = (0.095, 0.15), 0.5
"""Reflectance between which all bands are darkest, and percentage of their pixels below."""

MIDDLE = 0.2
"""Near-infrared reflectance that half of the pixels have at least, for the floors to count."""

AGREE, DISAGREE = 0.02, 0.07
"""Median difference of reflectance up to which two images of one moment agree, and from which they
do not."""

BLUE, RED, NEAR = "B02", "B04", "B08"
PROVING = (BLUE, RED, NEAR, "B12")
"""Bands whose pixels are looked at."""


@dataclass(frozen=True)
class Proof:
    """An offset in digital numbers, and why the other one is impossible."""

    offset: float
    reason: str


def proved_offset(
    numbers: Mapping[str, Float32Array], scale: float, offsets: Sequence[float]
) -> Proof | None:
    """Find the one of two offsets that pixels prove.

    Parameters
    ----------
    numbers
        By name of the band: digital numbers of a part of the image, (y, x), NaN where nodata;
        B02, B04, B08 and B12, as far as they are there.
    scale
        Reflectance of one number.
    offsets
        In numbers, which may be.

    Returns
    -------
    None where both are possible, or neither.
    """
    faults = {
        offset: _impossible({b: (n + offset) * scale for b, n in numbers.items()})
        for offset in offsets
    }
    possible = [offset for offset, fault in faults.items() if not fault]
    if len(possible) != 1:
        return None
    (offset,) = possible
    others = "; ".join(f"with {other:g}, {fault}" for other, fault in faults.items() if fault)
    return Proof(offset, f"its pixels prove an offset of {offset:g}: {others}")


def agreeing_offset(
    certain: Mapping[str, Float32Array],
    numbers: Mapping[str, Float32Array],
    scale: float,
    offsets: Sequence[float],
    name: str,
) -> Proof | None:
    """Find the one of two offsets with which an image agrees with a certain one beside it.

    Parameters
    ----------
    certain
        By name of the band: reflectance in the other image, (y, x), NaN where there is none.
    numbers
        Digital numbers of this one on the same pixels.
    scale, offsets
        As for `proved_offset`.
    name
        Of the other image.

    Returns
    -------
    None where they share too little, or agree with both offsets or neither.
    """
    apart = {}
    for offset in offsets:
        bands = [certain[band] - (own + offset) * scale for band, own in numbers.items()]
        shared = [values[np.isfinite(values)] for values in bands]
        if not shared or min(values.size for values in shared) < ENOUGH:
            return None
        apart[offset] = max(abs(float(np.median(values))) for values in shared)
    near = [offset for offset, difference in apart.items() if difference <= AGREE]
    far = [offset for offset, difference in apart.items() if difference >= DISAGREE]
    if len(near) != 1 or len(near) + len(far) < len(offsets):
        return None
    return Proof(
        near[0],
        f"an offset of {near[0]:g} is proved by {name}, which saw the same ground: they differ by "
        f"{apart[near[0]]:.3f}, with {far[0]:g} by {apart[far[0]]:.3f}",
    )


def _impossible(reflectance: Mapping[str, Float32Array]) -> str:
    """Say what no ground is like in an image; empty where all may be."""
    valid = {band: values[np.isfinite(values)] for band, values in reflectance.items()}
    valid = {band: values for band, values in valid.items() if values.size >= ENOUGH}
    for band, values in valid.items():
        share = float(np.mean(values < DARKEST))
        if share >= DARK_SHARE:
            return f"{share:.0%} of {band} would lie below a reflectance of {DARKEST:g}"
    return _bright_plants(reflectance) or _flat_floor(valid)


def _bright_plants(reflectance: Mapping[str, Float32Array]) -> str:
    bands = [reflectance.get(name) for name in (BLUE, RED, NEAR)]
    shapes = {None if band is None else band.shape for band in bands}
    if len(shapes) > 1 or None in shapes:
        return ""
    blue, red, near = np.array(bands)
    plants = (near - red >= GREEN) & np.isfinite(blue)
    if plants.sum() < GREEN_PIXELS or np.median(blue[plants] - red[plants]) > HAZE:
        return ""
    darkest = float(np.percentile(red[plants], DARK_PLANTS))
    return f"dense plants would reflect {darkest:.0%} of red light" if darkest > BRIGHT_RED else ""


def _flat_floor(valid: Mapping[str, Float32Array]) -> str:
    if not set(PROVING) <= set(valid) or np.median(valid[NEAR]) < MIDDLE:
        return ""
    floors = [float(np.percentile(valid[band], FLOOR_SHARE)) for band in PROVING]
    if min(floors) < FLOORS[0] or max(floors) > FLOORS[1]:
        return ""
    return f"nothing would be darker than {min(floors):.2f}, from blue to short-wave infrared"
