"""Speckle filters: by their formulas, the same however cut, means and edges kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.sources.border_noise import BorderNoise
from minecover.sources.speckle import Filter, Speckle
from minecover.testing.invariants import assert_cut_invariant, assert_same_bits

KINDS: tuple[Filter, ...] = ("lee", "enhanced_lee")
LOOKS = 4.4


def speckled(ground: np.ndarray, seed: int = 0, looks: float = LOOKS) -> np.ndarray:
    """Simulated intensity: the ground's power times gamma noise of mean 1."""
    noise = np.random.default_rng(seed).gamma(looks, 1 / looks, ground.shape)
    return (ground * noise).astype(np.float32)


def by_definition(kind: Filter, image: np.ndarray, window: int, looks: float) -> np.ndarray:
    """The formulas, pixel by pixel, with numpy's own mean and variance."""
    half = window // 2
    padded = np.pad(image.astype(np.float64), half, constant_values=np.nan)
    out = np.full(image.shape, np.nan)
    for y, x in np.argwhere(np.isfinite(image)):
        values = padded[y : y + window, x : x + window]
        values = values[np.isfinite(values)]
        mean, centre = values.mean(), float(image[y, x])
        own = values.std(ddof=1) / mean if values.size > 1 else 0.0
        least, most = 1 / math.sqrt(looks), math.sqrt(1 + 2 / looks)
        if own <= least:
            out[y, x] = mean
        elif kind == "lee":
            out[y, x] = mean + (1 - least**2 / own**2) * (centre - mean)
        elif own >= most:
            out[y, x] = centre
        else:
            weight = math.exp(-(own - least) / (most - own))
            out[y, x] = weight * mean + (1 - weight) * centre
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_published_formula(kind: Filter) -> None:
    ground = np.full((24, 20), 0.05)
    ground[:, 11:] = 0.4
    ground[4, 4] = 5.0
    image = speckled(ground, 3)
    image[10:14, 5:9] = np.nan
    made = Speckle(kind, 5, LOOKS)(np.pad(image, 2, constant_values=np.nan)[np.newaxis])[0]
    np.testing.assert_allclose(made, by_definition(kind, image, 5, LOOKS), rtol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
@given(
    seed=st.integers(0, 99),
    size=st.tuples(st.integers(2, 30), st.integers(2, 30)),
    rows=st.lists(st.integers(1, 29), max_size=3),
    columns=st.lists(st.integers(1, 29), max_size=3),
)
@settings(max_examples=25, deadline=None)
def test_it_is_the_same_however_the_grid_is_cut(
    kind: Filter, seed: int, size: tuple[int, int], rows: list[int], columns: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    image = speckled(rng.uniform(0.001, 1, (2, size[0] + 4, size[1] + 4)), seed)
    image[rng.random(image.shape) < 0.1] = np.nan
    assert_cut_invariant(
        Speckle(kind, 5, LOOKS), image,
        [cut for cut in rows if cut < size[0]], [cut for cut in columns if cut < size[1]],
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_on_even_ground_the_mean_is_kept_and_the_noise_is_not(kind: Filter) -> None:
    image = speckled(np.full((1, 164, 164), 0.08), 1)
    made = Speckle(kind, 5, LOOKS)(image)[0]
    inner = image[0, 2:-2, 2:-2]
    assert made.mean() == pytest.approx(0.08, rel=0.01)
    looks = [values.mean() ** 2 / values.var() for values in (inner, made)]
    assert looks[0] == pytest.approx(LOOKS, rel=0.05)
    assert looks[1] > 5 * looks[0]


@pytest.mark.parametrize("kind", KINDS)
def test_an_edge_of_ten_decibels_and_a_bright_point_are_kept(kind: Filter) -> None:
    ground = np.full((64, 64), 0.02)
    ground[:, 32:] = 0.2
    ground[16, 16] = 20.0
    images = np.stack([speckled(ground, seed) for seed in range(40)])
    made = Speckle(kind, 5, LOOKS)(images).mean(axis=0)
    plain = np.stack([image[2:-2, 2:-2] for image in images]).mean(axis=0)
    # on both sides of the edge a mean of 5 x 5 has 2/5 of the other: 0.128 and 0.092, 1.4 to 1
    dark, bright = made[24:, 29].mean(), made[24:, 30].mean()
    assert bright / dark > 5
    assert made[14, 14] == pytest.approx(plain[14, 14], rel=0.1)


def strip(width: int = 40) -> np.ndarray:
    """Rows of an image: 3 of nodata, 6 of border noise, ground, and a lake in the middle."""
    power = np.full((30, width), 0.1, np.float32)
    power[:, :3] = np.nan
    power[:, 3:9] = 1e-4
    power[::2, 5] = 0.02  # noise is not faint everywhere
    power[12:18, 25:30] = 1e-4
    return power


def test_border_noise_ends_at_its_innermost_faint_pixel() -> None:
    power = strip()
    kernel = BorderNoise(8, 1e-3)
    # above and below, and to the right, the image goes on
    framed = np.pad(power, ((8, 8), (8, 8)), mode="edge")
    made = kernel(framed[np.newaxis])[0]
    assert np.isnan(made[:, :9]).all()
    assert_same_bits(made[:, 9:], power[:, 9:])  # the lake too


def test_beyond_its_reach_and_without_an_edge_nothing_is_masked() -> None:
    power = strip()
    framed = np.pad(power, ((4, 4), (4, 4)), mode="edge")
    made = BorderNoise(4, 1e-3)(framed[np.newaxis])[0]
    assert np.isnan(made[:, :7]).all()
    assert np.isfinite(made[:, 7:]).all()
    whole = np.full((1, 20, 20), 1e-5, np.float32)
    assert np.isfinite(BorderNoise(4, 1e-3)(whole)).all()
    assert_same_bits(BorderNoise(0, 1e-3)(whole), whole)


@given(
    seed=st.integers(0, 99),
    reach=st.integers(0, 6),
    rows=st.lists(st.integers(1, 19), max_size=3),
    columns=st.lists(st.integers(1, 23), max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_border_noise_is_the_same_however_the_grid_is_cut(
    seed: int, reach: int, rows: list[int], columns: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    shape = (1, 20 + 2 * reach, 24 + 2 * reach)
    power = rng.choice(np.float32([np.nan, 0.0, 1e-4, 0.1]), shape)
    made = assert_cut_invariant(BorderNoise(reach, 1e-3), power, rows, columns)
    given = power[:, reach : reach + 20, reach : reach + 24]
    assert_same_bits(np.where(np.isnan(made), made, given), made)  # masked, or as it was
