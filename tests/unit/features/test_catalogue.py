from __future__ import annotations

import pytest

from minecover.errors import SurveyError
from minecover.features.catalogue import FEATURES, S2_BANDS, feature, layer_names
from minecover.features.indices import SpectralIndices
from minecover.features.kernel import Kernel
from minecover.features.terrain import Terrain
from minecover.features.texture import TEXTURE_FEATURES, Texture

SEASONS = ("spring", "summer", "autumn", "winter")


def test_there_are_31_features_and_112_layers() -> None:
    assert [entry.code for entry in FEATURES] == list(range(1, 32))
    assert len({entry.name for entry in FEATURES}) == 31
    layers = layer_names(SEASONS)
    assert len(layers) == len(set(layers)) == 112
    assert layers[0] == "spring_B2"
    assert layers[-4:] == ("elevation", "slope", "aspect", "NTL")


def test_codes_are_those_of_the_paper() -> None:
    codes = {"B2": 1, "B12": 10, "NDVI": 11, "NDRI": 17, "brightness": 18, "GLCM_ASM": 21}
    codes |= {"GLCM_CORR": 25, "VV": 26, "VH": 27, "elevation": 28, "aspect": 30, "NTL": 31}
    for name, code in codes.items():
        assert feature(name).code == code
        assert feature(f"summer_{name}").code == code


def test_sources_choose_layers() -> None:
    assert len(layer_names(["summer"], ["sentinel2"])) == 25
    assert layer_names(["summer"], ["sentinel1", "night_lights"]) == (
        "summer_VV",
        "summer_VH",
        "NTL",
    )


def test_kernels_make_the_features_of_the_catalogue() -> None:
    kernels: tuple[Kernel, ...] = (SpectralIndices(), Terrain(), Texture(0.0, 1.0))
    made = [name for kernel in kernels for name in kernel.outputs]
    assert set(made) <= {entry.name for entry in FEATURES}
    for kernel in kernels:
        assert isinstance(kernel, Kernel)
        units = tuple(feature(name).unit for name in kernel.outputs)
        assert kernel.units == units
    assert len(S2_BANDS) == 10
    assert len(TEXTURE_FEATURES) == 5


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(SurveyError, match="no feature is called 'summer_NDMI'"):
        feature("summer_NDMI")
    with pytest.raises(SurveyError, match="unknown source 'landsat'"):
        layer_names(SEASONS, ["landsat"])
    with pytest.raises(SurveyError, match="named twice"):
        layer_names(["summer", "summer"])
