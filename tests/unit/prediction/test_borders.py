"""Pixels at borders that are read again by what lies on either side."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float32Array, Float64Array
from minecover.features.kernel import Kernel
from minecover.prediction.borders import BorderReading
from minecover.testing import assert_cut_invariant, assert_same_bits

NAMES = ("forest", "mine", "water")
BANDS = ("summer_B4", "summer_B8", "winter_B8")
SPECTRA = np.array([[0.03, 0.30, 0.15], [0.10, 0.12, 0.12], [0.04, 0.01, 0.01]])


def kernel(window: int = 7) -> BorderReading:
    return BorderReading(NAMES, BANDS, window)


def sides(
    shape: tuple[int, int], share: float, *, sure: float = 0.6, seed: int = 0
) -> Float32Array:
    """Forest west, mine east, and between them a column of which that share is mine.

    Its pixels are read as the other one of the two, that sure.
    """
    column = shape[1] // 2
    part = (np.arange(shape[1]) > column).astype(float)
    part[column] = share
    noise = np.random.default_rng(0).normal(0, 0.004, (3, *shape))
    bands = SPECTRA[0, :, None, None] * (1 - part) + SPECTRA[1, :, None, None] * part + noise
    mine = np.where(part > 0.5, 0.95, 0.02)
    mine[column] = 1 - sure if share > 0.5 else sure
    read = np.broadcast_to(mine, shape)
    return np.concatenate([[0.98 - read, read, np.full(shape, 0.02)], bands]).astype(np.float32)


def drawn(shape: tuple[int, int], seed: int) -> Float32Array:
    """Patches of three classes, some speckle, some nodata."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 3, (shape[0] // 5 + 1, shape[1] // 5 + 1))
    classes = np.kron(coarse, np.ones((5, 5), dtype=int))[: shape[0], : shape[1]]
    scores = np.exp(4.0 * (np.arange(3)[:, None, None] == classes) + rng.normal(0, 1, (3, *shape)))
    read = scores / scores.sum(axis=0)
    read[:, rng.random(shape) < 0.03] = np.nan
    bands = np.moveaxis(SPECTRA[classes], -1, 0) + rng.normal(0, 0.03, (3, *shape))
    bands[1, rng.random(shape) < 0.03] = np.nan
    return np.concatenate([read, bands]).astype(np.float32)


def reference(layers: Float32Array, window: int) -> Float64Array:
    """The module's formula with NumPy's linear algebra, pixel by pixel."""
    half = window // 2
    halo = half + 1
    read, bands = layers[:3].astype(float), layers[3:].astype(float)
    blind = np.isnan(read).any(axis=0)
    labels = np.where(blind, -1, np.nan_to_num(read).argmax(axis=0))

    def amid(y: int, x: int) -> bool:
        around = labels[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        return labels[y, x] >= 0 and set(around[around >= 0]) == {labels[y, x]}

    inside = np.array([[amid(y, x) for x in range(labels.shape[1])] for y in range(len(labels))])
    useful = inside & np.isfinite(bands).all(axis=0)
    out = read[:, halo:-halo, halo:-halo].copy()
    for y, x in np.ndindex(*out.shape[1:]):
        i, j = y + halo, x + halo
        near = slice(i - half, i + half + 1), slice(j - half, j + half + 1)
        kept = (inside | blind)[i - 1 : i + 2, j - 1 : j + 2].all() or blind[i, j]
        if kept or not np.isfinite(bands[:, i, j]).all():
            continue
        chosen = [
            bands[:, near[0], near[1]][:, useful[near] & (labels[near] == c)] for c in range(3)
        ]
        means = {c: own.mean(axis=1) for c, own in enumerate(chosen) if own.shape[1] >= 3}
        if len(means) < 2:
            continue
        apart = np.concatenate([chosen[c] - mean[:, None] for c, mean in means.items()], axis=1)
        spread = apart @ apart.T / apart.shape[1]
        spread += (0.1 * np.trace(spread) / 3 + 1e-6) * np.eye(3)
        away = {c: bands[:, i, j] - mean for c, mean in means.items()}
        distance = {c: own @ np.linalg.solve(spread, own) for c, own in away.items()}
        nearest = min(distance.values())
        less = [min((distance.get(c, np.inf) - nearest) / 4, 2) for c in range(3)]
        weighed = read[:, i, j] * np.exp(-np.array(less))
        out[:, y, x] = weighed / weighed.sum()
    return out


def test_values_of_a_plain_reference() -> None:
    layers = drawn((26, 24), 3)
    found = kernel()(layers)
    np.testing.assert_allclose(found, reference(layers, 7), atol=1e-6)
    given = layers[:3, 4:-4, 4:-4]
    assert (np.abs(found - given) > 0.01).any(axis=0).mean() > 0.1
    np.testing.assert_allclose(np.nansum(found, axis=0)[~np.isnan(given[0])], 1, atol=1e-5)


@settings(deadline=None, max_examples=15)
@given(
    window=st.sampled_from([5, 9]),
    rows=st.lists(st.integers(1, 11), max_size=2),
    columns=st.lists(st.integers(1, 12), max_size=2),
    seed=st.integers(0, 9),
)
def test_the_same_bits_however_borders_are_cut(
    window: int, rows: list[int], columns: list[int], seed: int
) -> None:
    reading = kernel(window)
    assert isinstance(reading, Kernel)
    shape = (12 + 2 * reading.halo, 13 + 2 * reading.halo)
    assert_cut_invariant(reading, drawn(shape, seed), rows, columns)


def test_a_mixed_pixel_is_of_the_class_of_its_larger_part() -> None:
    for share, place in ((0.2, 0), (0.35, 0), (0.65, 1), (0.8, 1)):
        layers = sides((15, 21), share)
        assert (layers[:3, :, 10].argmax(axis=0) == 1 - place).all()
        assert (kernel()(layers)[:, :, 10 - 4].argmax(axis=0) == place).all()


def test_no_border_outweighs_a_pixel_that_is_sure() -> None:
    layers = sides((15, 21), 0.8, sure=0.9)  # odds of 9 to 1
    assert (kernel()(layers)[:, :, 6].argmax(axis=0) == 0).all()


def test_away_from_borders_probabilities_stay_what_they_are() -> None:
    layers = sides((15, 31), 0.8)
    found = kernel()(layers)
    changed = (found != layers[:3, 4:-4, 4:-4]).any(axis=(0, 1))
    # the mixed pixels are read as forest: the border lies east of them, between 11 and 12
    assert np.flatnonzero(changed).tolist() == [10, 11, 12, 13]
    alone = layers.copy()
    alone[:3, :, 16:] = np.float32([0.9, 0.05, 0.05])[:, None, None]
    assert_same_bits(kernel()(alone), alone[:3, 4:-4, 4:-4])


def test_nodata_is_no_border() -> None:
    layers = sides((15, 31), 0.8)
    layers[:3, :, 15:] = np.nan
    found = kernel()(layers)
    assert_same_bits(found, layers[:3, 4:-4, 4:-4])
    layers = sides((15, 31), 0.8)
    layers[:3, 7, 12] = np.nan  # forest on all its sides, though mine is near
    assert_same_bits(kernel()(layers)[:, :, :10], layers[:3, 4:-4, 4:14])
    layers = sides((15, 31), 0.8)
    layers[4, 7, 15] = np.nan  # the mixed pixel lacks a band
    assert_same_bits(kernel()(layers)[:, 3, 11], layers[:3, 7, 15])
