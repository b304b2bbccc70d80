from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from minecover.errors import DataError, SurveyError
from minecover.features.fused_indices import FusedIndices
from minecover.features.indices import NDRI_FORMULAS, PAPER_BANDS
from minecover.features.registry import INDICES
from minecover.features.tasselled_cap import TASSELLED_CAPS
from minecover.testing import assert_cut_invariant, assert_same_bits

REFLECTANCE = st.floats(-0.0625, 1.5, width=32) | st.sampled_from([0.0, np.nan])


def bands(seed: int = 0, shape: tuple[int, int] = (17, 40)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.15, 0.15, (10, *shape)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


@pytest.mark.parametrize("ndri", ["zhang2014", "swir1_green"])
@pytest.mark.parametrize("cap", list(TASSELLED_CAPS))
def test_values_are_those_of_the_formulas(ndri: str, cap: str) -> None:
    layers = bands()
    actual = FusedIndices(ndri, cap)(layers)
    np.testing.assert_allclose(actual[:7], reference.indices(layers, ndri), atol=2e-5)
    weights = TASSELLED_CAPS[cap].matrix(PAPER_BANDS)
    used = np.abs(weights).sum(axis=0) > 0
    expected = np.tensordot(weights[:, used], layers[used].astype(float), 1)
    np.testing.assert_allclose(actual[7:], expected, atol=1e-6)


@settings(deadline=None, max_examples=100)
@given(arrays(np.float32, (10, 2, 3), elements=REFLECTANCE), st.sampled_from(sorted(NDRI_FORMULAS)))
def test_they_are_the_registered_indices_bit_for_bit(layers: np.ndarray, ndri: str) -> None:
    together = FusedIndices(ndri)(layers)
    for place, name in enumerate(INDICES.own_names()):
        index = NDRI_FORMULAS[ndri] if name == "NDRI" else INDICES[name]
        given = layers[[PAPER_BANDS.index(band) for band in index.bands]]
        assert_same_bits(index(given), together[place : place + 1])


@settings(deadline=None, max_examples=100)
@given(arrays(np.float32, (10, 2, 3), elements=REFLECTANCE))
def test_ratios_are_bounded_and_defined_wherever_there_is_data(layers: np.ndarray) -> None:
    features = FusedIndices()(layers)
    limits = {"RRI": (0.0, 10.0)}
    used = {"NDVI": "04 08", "EVI": "02 04 08", "NDWI": "03 11", "LSWI": "08 11", "NDBI": "08 11"}
    used |= {"RRI": "02 08", "NDRI": "12 08"}
    for name, numbers in used.items():
        layer = features[FusedIndices.outputs.index(name)]
        rows = [PAPER_BANDS.index(f"B{number}") for number in numbers.split()]
        missing = np.isnan(layers[rows]).any(axis=0)
        np.testing.assert_array_equal(np.isnan(layer), missing)
        low, high = limits.get(name, (-1.0, 1.0))
        assert ((layer[~missing] >= low) & (layer[~missing] <= high)).all()


def test_vanishing_denominators() -> None:
    dark = np.zeros((10, 1, 1), np.float32)
    values = dict(zip(FusedIndices.outputs, FusedIndices()(dark)[:, 0, 0], strict=True))
    assert values["NDVI"] == values["EVI"] == values["NDWI"] == values["NDRI"] == 0
    assert values["RRI"] == 1
    bright = dark.copy()
    bright[PAPER_BANDS.index("B02")] = 1.0
    bright[PAPER_BANDS.index("B08")] = 0.4
    assert FusedIndices()(bright)[1] == 1


def test_ndbi_is_lswi_with_the_other_sign() -> None:
    features = FusedIndices()(bands())
    np.testing.assert_array_equal(features[4], -features[3])


@settings(deadline=None, max_examples=20)
@given(cuts=st.lists(st.integers(1, 16), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_the_cut_of_the_grid_changes_no_bit(cuts: list[int], seed: int) -> None:
    assert_cut_invariant(FusedIndices(), bands(seed), cuts, [2 * cut for cut in cuts])


def test_threads_strides_and_flags_change_no_bit() -> None:
    layers = bands(shape=(5, 2500))
    expected = FusedIndices()(layers)
    assert_same_bits(FusedIndices(threads=2)(layers), expected)
    strided = np.repeat(layers, 2, axis=2)[:, :, ::2]
    strided.flags.writeable = False
    assert_same_bits(FusedIndices()(strided), expected)


def test_memory_at_hand_and_cut_outs_change_no_bit() -> None:
    layers = bands(shape=(6, 70))
    expected = FusedIndices()(layers)[:, 1:5, 3:68]
    cut_out = layers[:, 1:5, 3:68]
    room = np.zeros(10 * 4 * 65 + 5, np.float32)[5:].reshape(10, 4, 65)
    FusedIndices(tasselled_cap="nedkov2017", threads=3).into(cut_out, room)
    assert_same_bits(room[:7], expected[:7])
    assert_same_bits(FusedIndices()(cut_out), expected)
    assert_same_bits(FusedIndices()(layers[:, ::-1, ::-1])[:, ::-1, ::-1][:, 1:5, 3:68], expected)
    with pytest.raises(DataError, match="give contiguous float32"):
        FusedIndices().into(layers, np.zeros((10, 6, 71), np.float32)[:, :, :70])


@pytest.mark.parametrize(
    "layers",
    [
        np.zeros((10, 2, 2)),
        np.zeros((9, 2, 2), np.float32),
        np.zeros((10, 2), np.float32),
        np.zeros((10, 0, 2), np.float32),
    ],
)
def test_other_input_is_refused(layers: np.ndarray) -> None:
    with pytest.raises(DataError, match="spectral_indices: input"):
        FusedIndices()(layers)


def test_unknown_choices_are_refused() -> None:
    with pytest.raises(SurveyError, match="zhang2014, swir1_green"):
        FusedIndices(ndri="zhang")
    with pytest.raises(SurveyError, match="shi2019, crist1985, nedkov2017"):
        FusedIndices(tasselled_cap="huang2002")
    with pytest.raises(SurveyError, match="threads"):
        FusedIndices(threads=0)
