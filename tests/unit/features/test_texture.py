from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from minecover.errors import DataError, SurveyError
from minecover.features.texture import TEXTURE_FEATURES, Texture, quantise
from minecover.testing import assert_cut_invariant, assert_same_bits

SHAPES = ["random", "flat", "checkerboard", "ramp", "all nodata", "30 % nodata", "extreme"]
SHAPES += ["single valid pixel", "two valid pixels"]


def image(shape: str, size: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.random((size, size))
    rows, columns = np.indices((size, size))
    with_holes = np.where(rng.random((size, size)) < 0.3, np.nan, np.round(noise, 1))
    one, two = np.full((size, size), np.nan), np.full((size, size), np.nan)
    one[size // 2, size // 2] = 0.4
    two[size // 2, size // 2 : size // 2 + 2] = 0.4, 0.9
    extreme = rng.choice([-np.inf, np.inf, 3e38, -3e38, 0.0, 1.0, 1e-45], (size, size))
    images = [noise, noise * 0 + 0.5, (rows + columns) % 2.0, columns / size, noise * np.nan]
    images += [with_holes, extreme, one, two]
    return images[SHAPES.index(shape)].astype(np.float32)


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    known = ~np.isnan(expected)
    error = np.abs(actual[known] - expected[known]) / (1 + np.abs(expected[known]))
    assert error.max(initial=0) <= 1e-6


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("window", "levels", "distance"),
    [(3, 8, 1), (5, 32, 1), (7, 16, 3), (11, 32, 1), (15, 64, 1), (5, 64, 2), (9, 32, 8)],
)
def test_values_are_those_of_scikit_image(
    shape: str, window: int, levels: int, distance: int
) -> None:
    band = image(shape, window + 4)
    grey = reference.grey_levels(band, 0.0, 1.0, levels)
    for directions in ("mean", "each"):
        kernel = Texture(0.0, 1.0, window, levels, distance, directions=directions)
        expected = reference.texture(grey, window, levels, distance, directions == "each")
        assert_close(kernel(band[None]), expected)


def test_flat_windows_have_one_entry_in_the_matrix() -> None:
    values = Texture(0.0, 1.0)(np.full((1, 9, 40), 0.7, np.float32))
    expected = dict(zip(TEXTURE_FEATURES, (1.0, 0.0, 0.0, 1.0, 1.0), strict=True))
    for name, layer in zip(TEXTURE_FEATURES, values, strict=True):
        np.testing.assert_allclose(layer, expected[name], atol=2e-7)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 1000),
    window=st.sampled_from([3, 5, 7]),
    cuts=st.lists(st.integers(1, 39), min_size=1, max_size=4),
)
def test_the_cut_of_the_grid_changes_no_bit(seed: int, window: int, cuts: list[int]) -> None:
    band = image("30 % nodata", 40 + window - 1, seed)[None]
    assert_cut_invariant(Texture(0.0, 1.0, window), band, cuts, cuts[::-1])


@pytest.mark.parametrize("column", [127, 128, 129, 255, 256, 257, 290])
def test_blocks_inside_the_kernel_change_no_bit(column: int) -> None:
    band = np.random.default_rng(1).random((1, 600, 300), np.float32)
    assert_cut_invariant(Texture(0.0, 1.0), band, [1, 255, 256, 257, 512], [column])


def test_threads_change_no_bit_and_are_no_configuration() -> None:
    band = image("30 % nodata", 70)[None]
    one, three = Texture(0.0, 1.0), Texture(0.0, 1.0, threads=3)
    assert_same_bits(three(band), one(band))
    assert one == three
    assert hash(one) == hash(three)


def test_input_may_be_read_only_and_of_any_strides() -> None:
    band = image("random", 30)
    expected = Texture(0.0, 1.0)(band[None])
    wide = np.repeat(np.repeat(band, 2, axis=0), 3, axis=1)[::2, ::3][None]
    assert_same_bits(Texture(0.0, 1.0)(wide), expected)
    turned = np.ascontiguousarray(band.T).T[None]
    turned.flags.writeable = False
    assert_same_bits(Texture(0.0, 1.0)(turned), expected)


@pytest.mark.parametrize(
    "setting",
    [
        {"window": 4},
        {"window": 1},
        {"window": 17},
        {"window": 5.0},
        {"levels": 7},
        {"levels": 65},
        {"distance": 0},
        {"distance": 5},
        {"low": 1.0},
        {"high": np.nan},
        {"directions": "all"},
        {"threads": 0},
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(SurveyError, match="texture"):
        Texture(**{"low": 0.0, "high": 1.0, **setting})


@pytest.mark.parametrize(
    "band",
    [
        np.zeros((1, 9, 9)),
        np.zeros((1, 9, 9), np.uint8),
        np.zeros((9, 9), np.float32),
        np.zeros((2, 9, 9), np.float32),
        np.zeros((1, 4, 9), np.float32),
        np.zeros((1, 0, 0), np.float32),
        [[0.0]],
    ],
)
def test_other_input_is_refused(band: np.ndarray) -> None:
    with pytest.raises(DataError, match="texture: input"):
        Texture(0.0, 1.0)(band)


def test_quantisation() -> None:
    values = np.array([[-1, 0, 0.49, 0.5, 1, 2, np.nan]], np.float32)
    np.testing.assert_array_equal(quantise(values, 0.0, 1.0, 8), [[0, 0, 3, 4, 7, 7, 255]])
    with pytest.raises(DataError, match="quantise"):
        quantise(np.zeros(3, np.float32), 0.0, 1.0, 8)


def test_names_and_units_match_the_outputs() -> None:
    each = Texture(0.0, 1.0, directions="each")
    assert Texture(0.0, 1.0).outputs == TEXTURE_FEATURES
    assert each.outputs[:5] == (*(f"GLCM_ASM_{a}" for a in (0, 45, 90, 135)), "GLCM_ENT_0")
    assert len(each.units) == len(each.outputs) == 20
