"""Features of a survey: those of the paper in their order, as far as it has their sources."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from _indices import BSI, registered
from minecover.errors import SurveyError
from minecover.features.catalogue import FeatureCatalogue
from minecover.features.groups import kernel_groups
from minecover.features.kernel import Kernel
from minecover.features.texture import TEXTURE_FEATURES
from minecover.survey import Survey
from small_map import survey

SEASONS = ("spring", "summer", "autumn", "winter")
SOURCES: dict[str, Any] = {
    "sentinel1": {}, "terrain": {}, "night_lights": {"path": "ntl.tif"}
}  # fmt: skip
TABLE_2 = (
    *("B2", "B3", "B4", "B8", "B5", "B6", "B7", "B8A", "B11", "B12"),
    *("NDVI", "EVI", "NDWI", "LSWI", "NDBI", "RRI", "NDRI"),
    *("brightness", "greenness", "wetness"),
    *("GLCM_ASM", "GLCM_ENT", "GLCM_CONTRAST", "GLCM_IDM", "GLCM_CORR"),
    *("VV", "VH", "elevation", "slope", "aspect", "NTL"),
)
"""Of Liu et al. 2025, doi:10.6046/zrzyyg.2024080, in the order of its codes."""


def its_survey(*seasons: str, sources: dict[str, Any] = SOURCES, **features: Any) -> Survey:
    ranges = {season: ["2022-06-01/2022-08-31"] for season in seasons or SEASONS}
    return survey(seasons=ranges, sources=sources, features=features)


def catalogue(*seasons: str, **changes: Any) -> FeatureCatalogue:
    return its_survey(*seasons, **changes).feature_catalogue()


def test_a_survey_with_all_sources_has_the_31_features_and_112_layers_of_the_paper() -> None:
    its = catalogue()
    assert [feature.name for feature in its.features] == list(TABLE_2)
    assert [feature.code for feature in its.features] == list(range(1, 32))
    assert its.names == (
        *(f"{season}_{name}" for season in SEASONS for name in TABLE_2[:27]),
        *TABLE_2[27:],
    )
    assert len(its.names) == 112


@pytest.mark.parametrize(
    ("name", "season", "source", "group", "unit"),
    [
        ("spring_B2", "spring", "sentinel2", "band", "1"),
        ("summer_NDVI", "summer", "sentinel2", "index", "1"),
        ("autumn_wetness", "autumn", "sentinel2", "tasselled cap", "1"),
        ("winter_GLCM_ENT", "winter", "sentinel2", "texture", "nat"),
        ("winter_VH", "winter", "sentinel1", "backscatter", "dB"),
        ("aspect", None, "terrain", "terrain", "degree"),
        ("NTL", None, "night_lights", "night lights", "W m-2 sr-1 um-1"),
    ],
)
def test_every_layer_says_what_it_is(
    name: str, season: str | None, source: str, group: str, unit: str
) -> None:
    layer = catalogue()[name]
    content = layer.content
    assert layer.season == season
    assert (content.source, content.group, content.unit) == (source, group, unit)
    assert content.seasonal == (season is not None)
    assert content.description


def test_a_source_that_is_left_out_leaves_its_features_out() -> None:
    assert catalogue("summer", sources={}).names == tuple(f"summer_{n}" for n in TABLE_2[:25])
    others = {name: SOURCES[name] for name in ("terrain", "sentinel1")}
    assert catalogue("summer", sources=others).names == (
        *(f"summer_{name}" for name in TABLE_2[:27]),
        *TABLE_2[27:30],
    )


def test_the_formula_follows_the_choices_of_the_survey() -> None:
    its = catalogue(ndri="swir1_green", tasselled_cap="crist1985")
    assert its["summer_NDRI"].content.description.startswith("(S1 - G) / (S1 + G)")
    assert "Crist 1985" in its["summer_wetness"].content.description


@pytest.mark.parametrize("changes", [{}, {"indices": []}, {"indices": ["RRI", "BSI", "NDVI"]}])
def test_kernels_compute_each_feature_that_is_not_observed_once(changes: dict[str, Any]) -> None:
    with registered(BSI):
        its = catalogue(**changes)
    groups = kernel_groups(its, 10.0, (0.0, 1.0))
    made: dict[str, str] = {}
    for group in groups:
        assert isinstance(group.kernel, Kernel)
        assert set(group.kernel.inputs) <= {layer.name for layer in its.cube}
        for name, unit in zip(group.kernel.outputs, group.kernel.units, strict=True):
            assert made.setdefault(name, unit) is unit
    observed = {feature.name for feature in its.observed.values()}
    for feature in its.features:
        assert (feature.name in observed) != (feature.name in made)
        assert made.get(feature.name, feature.unit) == feature.unit
    assert set(TEXTURE_FEATURES) <= set(made)


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(SurveyError, match=r"'summer_NDMI'; features are B2, .* as in spring_B2"):
        catalogue()["summer_NDMI"]
    with pytest.raises(ValidationError, match=r"features\.texture_band needs B8, which no source"):
        catalogue(texture_band="B8")
