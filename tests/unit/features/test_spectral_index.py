"""An index of another package: what it must be, and that it is computed like the seven."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from _indices import BSI, registered
from minecover.errors import DataError, SurveyError
from minecover.features.kernel import Kernel
from minecover.features.registry import INDICES
from minecover.features.settings import FeatureSettings
from minecover.features.spectral_index import SpectralIndex
from minecover.registry import Registry
from minecover.stages.features import FEATURES
from minecover.survey import Survey
from minecover.testing import assert_cut_invariant, assert_same_bits
from small_map import survey


def bands(count: int, seed: int = 0, shape: tuple[int, int] = (17, 40)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.15, 0.15, (count, *shape)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[rng.random(values.shape) < 0.1] = 0
    return values


def test_values_are_those_of_the_formula_within_bounds_and_nan_where_a_band_is() -> None:
    layers = bands(4)
    index = BSI(layers)
    assert isinstance(BSI, Kernel)
    assert (index.shape, index.dtype) == ((1, 17, 40), np.dtype(np.float32))
    missing = np.isnan(layers).any(axis=0)
    blue, red, nir, swir = layers.astype(float)
    with np.errstate(all="ignore"):
        expected = (swir + red - nir - blue) / (swir + red + nir + blue)
    expected = np.clip(expected, -1, 1)
    defined = ~missing & np.isfinite(expected)
    np.testing.assert_allclose(index[0][defined], expected[defined], atol=1e-4)
    assert defined.sum() > 200
    assert np.isnan(index[0][missing]).all()
    assert (np.abs(index[0][defined]) == 1).any()


@pytest.mark.parametrize("index", [BSI, *INDICES], ids=lambda index: index.name)
@settings(deadline=None, max_examples=10)
@given(cuts=st.lists(st.integers(1, 16), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_the_cut_of_the_grid_changes_no_bit(
    index: SpectralIndex, cuts: list[int], seed: int
) -> None:
    index.check()
    assert_cut_invariant(index, bands(len(index.bands), seed), cuts, [2 * cut for cut in cuts])


def test_double_precision_is_rounded_and_filled_values_are_taken_out() -> None:
    doubled = replace(BSI, compute=lambda *given: np.nan_to_num(given[0]).astype(float))
    layers = bands(4)
    index = doubled(layers)
    missing = np.isnan(layers).any(axis=0)
    assert_same_bits(index[0], np.where(missing, np.float32(np.nan), np.clip(layers[0], -1, 1)))


def writing(*given: np.ndarray) -> np.ndarray:
    given[0][:] = 0
    return given[0]


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda one, two: one - two, "'BSI': compute fails on 4 bands: .* takes 2 positional"),
        (writing, "'BSI': compute fails on 4 bands: assignment destination is read-only"),
        (lambda *given: given[0] > 0, "'BSI': compute gives bool of shape"),
        (lambda *given: given[0].mean(), r"of shape \(\) for bands of shape"),
        (lambda *given: given[0] - np.nanmean(given[0]), "each pixel from its own bands alone"),
        (lambda *given: given[0][:, ::-1], "each pixel from its own bands alone"),
    ],
)
def test_what_is_no_index_is_refused(compute: Any, message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        replace(BSI, compute=compute).check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "bare soil"}, "'bare soil': a name is letters, digits and underscores"),
        ({"bands": ()}, "give each that it is computed from once"),
        ({"bands": ("B02", "B02")}, "give each that it is computed from once"),
        ({"bounds": (0.0, np.inf)}, "bounds are 0.0 to inf; give two finite values"),
        ({"bounds": (1.0, -1.0)}, "bounds are 1.0 to -1.0"),
    ],
)
def test_a_wrong_definition_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        replace(BSI, **changes)


def test_other_input_is_refused() -> None:
    with pytest.raises(DataError, match=r"BSI: input has shape .*B02, B04, B08, B11"):
        BSI(bands(3))


def its_survey(*indices: str, **sources: Any) -> Survey:
    return survey(features={"indices": indices}, sources=sources)


def test_a_survey_names_indices_and_their_order_is_kept() -> None:
    assert FeatureSettings().indices == INDICES.own_names()
    with registered(BSI):
        layers = its_survey("RRI", "BSI", "NDVI").feature_catalogue().layers
        schema = FeatureSettings.model_json_schema()["properties"]["indices"]["items"]
    found = [layer for layer in layers if layer.content.group == "index"]
    assert [layer.name for layer in found] == [
        f"{season}_{name}" for season in ("summer", "winter") for name in ("RRI", "BSI", "NDVI")
    ]
    assert found[1].content.source == "sentinel2"
    assert found[1].content.description == BSI.formula
    assert found[1].season == "summer"
    assert schema["enum"] == [*INDICES.own_names(), "BSI"]


def test_a_name_that_is_no_index_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValidationError, match="no spectral index 'BSI'; there are NDVI, EVI, NDWI"):
        its_survey("NDVI", "BSI")
    with pytest.raises(ValidationError, match="indices: NDVI more than once"):
        its_survey("NDVI", "RRI", "NDVI")


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(SurveyError, match="spectral index 'NDVI' is one of minecover's"):
        INDICES.register("NDVI", replace(BSI, name="NDVI"))
    with (
        registered(replace(BSI, name="VV")),
        pytest.raises(ValidationError, match="two layers are called summer_VV: index of sentinel2"),
    ):
        its_survey("VV", sentinel1={})
    with registered():
        INDICES.register("soil", BSI)
        with pytest.raises(ValidationError, match="'soil': it is registered under this name"):
            its_survey("soil")


def test_bands_that_no_source_has_are_named() -> None:
    thermal = replace(BSI, name="thermal", bands=("B02", "B04", "B10", "B11"))
    with (
        registered(thermal),
        pytest.raises(ValidationError, match=r"indices: thermal needs B10, which no .* are B02, B"),
    ):
        its_survey("thermal")


def test_an_index_of_bands_and_backscatter_is_of_its_first_layer() -> None:
    mixed = replace(BSI, name="mixed", bands=("B08", "VV", "elevation", "B11"))
    with registered(mixed):
        found = its_survey("mixed", sentinel1={}, terrain={}).feature_catalogue()["winter_mixed"]
    assert (found.season, found.content.source) == ("winter", "sentinel2")


INDEX = """
from minecover.features.spectral_index import SpectralIndex

def compute(nir, red):
    return nir / red

SR = SpectralIndex("SR", ("B08", "B04"), "N / R, Jordan 1969", compute, (0.0, 30.0))
"""


def test_an_installed_package_brings_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index_of_tests.py").write_text(INDEX)
    info = tmp_path / "index_of_tests-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: index-of-tests\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[minecover.indices]\nSR = index_of_tests:SR\n")
    monkeypatch.syspath_prepend(tmp_path)
    with registered():
        its = its_survey("NDVI", "SR")
        assert its.feature_catalogue()["summer_SR"].content.description == "N / R, Jordan 1969"
        assert FEATURES.modules(its) == ("index_of_tests",)
        index = INDICES["SR"](np.array([[[0.4]], [[0.1]]], np.float32))
    assert_same_bits(index, np.array([[[4.0]]], np.float32))
    assert isinstance(INDICES, Registry)
