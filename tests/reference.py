"""Reference implementations in NumPy and scikit-image, written for clarity alone."""

from __future__ import annotations

import warnings

import numpy as np
from skimage.feature import graycomatrix, graycoprops

from minecover.arrays import Float32Array, Float64Array

ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
PROPERTIES = ("ASM", "entropy", "contrast", "homogeneity", "correlation")


def grey_levels(band: Float32Array, low: float, high: float, levels: int) -> Float64Array:
    """Levels 0 .. levels - 1; `levels` stands for nodata."""
    level = np.floor((band.astype(float) - low) * (levels / (high - low)))
    return np.where(np.isnan(band), levels, np.clip(level, 0, levels - 1))


def texture(
    grey: Float64Array, window: int, levels: int, distance: int, each: bool = False
) -> Float64Array:
    """Texture of every whole window with scikit-image, one window after the other.

    Nodata is a level of its own whose row and column are cut out of the matrix. A direction
    without pairs and a window with nodata at its centre are NaN.
    """
    ny, nx = (size - window + 1 for size in grey.shape)
    out = np.full((len(PROPERTIES), len(ANGLES), ny, nx), np.nan)
    for y, x in np.ndindex(ny, nx):
        part = grey[y : y + window, x : x + window].astype(np.uint8)
        if part[window // 2, window // 2] == levels:
            continue
        full = graycomatrix(part, [distance], ANGLES, levels=levels + 1, symmetric=True)
        counts = full[:levels, :levels].astype(float)
        pairs = counts.sum(axis=(0, 1))[0]
        for k, name in enumerate(PROPERTIES):
            value = graycoprops(counts / np.maximum(pairs, 1), name)[0]
            out[k, :, y, x] = np.where(pairs > 0, value, np.nan)
    if each:
        return out.reshape(-1, ny, nx)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(out, axis=1)


def indices(bands: Float32Array, ndri: str = "zhang2014") -> Float64Array:
    """NDVI, EVI, NDWI, LSWI, NDBI, RRI and NDRI with the bounds of the catalogue."""
    blue, green, red, nir, *_, swir1, swir2 = bands.astype(float)
    low = nir + 6 * red - 7.5 * blue + 1
    evi = np.clip(2.5 * (nir - red) / np.where(low < 1e-6, 1e-6, low), -1, 1)
    high, less = (swir2, nir) if ndri == "zhang2014" else (swir1, green)
    return np.stack(
        [
            difference(nir, red),
            evi,
            difference(green, swir1),
            difference(nir, swir1),
            difference(swir1, nir),
            ratio(blue, nir),
            difference(high, less),
        ]
    )


def difference(a: Float64Array, b: Float64Array) -> Float64Array:
    a, b = np.where(a < 0, 0, a), np.where(b < 0, 0, b)
    total = a + b
    return np.where(total == 0, 0, (a - b) / np.where(total == 0, 1, total))


def ratio(a: Float64Array, b: Float64Array) -> Float64Array:
    a, b = np.where(a < 0, 0, a), np.where(b < 0, 0, b)
    value = np.minimum(a / np.where(b == 0, 1e-30, b), 10)
    return np.where((a == 0) & (b == 0), 1, value)


def slope(elevation: Float64Array, size_x: float, size_y: float) -> Float64Array:
    """Horn's slope in degrees of the inner pixels."""
    z = elevation.astype(float)
    west, east = z[:, :-2], z[:, 2:]
    north, south = z[:-2], z[2:]
    dx = (east - west)[:-2] + 2 * (east - west)[1:-1] + (east - west)[2:]
    down = south - north
    dy = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    return np.degrees(np.arctan(np.hypot(dx / (8 * size_x), dy / (8 * size_y))))


def geometric_median(points: Float64Array, steps: int = 100_000) -> Float64Array:
    """Weiszfeld's iteration to the last digit, then the best of its limit and the points."""
    centre = points.mean(axis=0)
    for _ in range(steps):
        distance = np.maximum(np.linalg.norm(points - centre, axis=1), 1e-15)
        moved = (points / distance[:, None]).sum(axis=0) / (1 / distance).sum()
        if np.abs(moved - centre).max() < 1e-14:
            break
        centre = moved
    return np.array(min([centre, *points], key=lambda m: np.linalg.norm(points - m, axis=1).sum()))
