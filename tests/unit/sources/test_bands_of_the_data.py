"""A survey says which bands its data has; what needs another is left out and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from _catalogs import BANDS, CatalogWriter, cube_names, cube_of, frozen, survey_over
from minecover.errors import DataError, SurveyError
from minecover.features.catalogue import feature_catalogue
from minecover.features.fused_indices import FusedIndices
from minecover.features.groups import kernel_groups
from minecover.features.indices import PAPER_BANDS
from minecover.features.partial_indices import PartialIndices
from minecover.planning.work import workload
from minecover.sources.optical import OpticalSource
from minecover.sources.registry import sources_of
from minecover.stages.features import FEATURES
from minecover.stages.publish import missing_features
from minecover.stages.registry import stages_of
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.testing import assert_same_bits
from minecover.workflow.stage import Workspace

FOUR = ["B02", "B03", "B04", "B08"]
DN = {"B02": 500, "B03": 1000, "B04": 1500, "B08": 3000}


def four_band_catalog(folder: Path) -> Path:
    """Write one date of an image with blue, green, red and near infrared, and nothing else."""
    rasters = {name: np.full((64, 64), dn, np.uint16) for name, dn in DN.items()}
    writer = CatalogWriter(folder)
    writer.item(
        "sentinel-2-l2a", "aerial", "2021-06-10T03:00:00Z", rasters,
        **{"s2:processing_baseline": "03.00"},
    )  # fmt: skip
    return writer.write()


def survey_of(where: Path | str, *bands: str, **sections: Any) -> Survey:
    sources = sections.pop("sources", {})
    return survey_over(
        where, sources={"sentinel2": {"scl": None, "bands": bands} | sources}, **sections
    )


def left_out(*bands: str, **features: Any) -> dict[str, tuple[str, ...]]:
    return survey_of("catalog.json", *bands, features=features).feature_catalogue().left_out


def test_four_bands_are_composed_and_nothing_is_made_up(tmp_path: Path) -> None:
    survey = survey_of(four_band_catalog(tmp_path / "catalog"), *FOUR)
    names = cube_names(survey)
    assert names == (*(f"summer_{band}" for band in FOUR), "summer_CLEAR")
    cube = cube_of(survey, tmp_path / "store")
    values = dict(zip(names, cube[:, 10, 20].tolist(), strict=True))
    wanted = {f"summer_{band}": dn / 10_000 for band, dn in DN.items()} | {"summer_CLEAR": 1.0}
    assert values == pytest.approx(wanted)


def test_without_the_key_an_image_of_four_bands_is_left_out(tmp_path: Path) -> None:
    where = four_band_catalog(tmp_path)
    with pytest.raises(
        DataError,
        match=r"missing: B05 .* has in `sources\.sentinel2\.bands`",
    ):
        frozen(survey_over(where))


@pytest.mark.parametrize("reader", ["stackstac", "odc-stac"])
@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_every_reader_reads_them(tmp_path: Path, reader: str) -> None:
    where = four_band_catalog(tmp_path / "catalog")
    survey = survey_of(where, *FOUR, catalog={"reader": reader})
    assert_same_bits(
        cube_of(survey, tmp_path / "store"), cube_of(survey_of(where, *FOUR), tmp_path / "native")
    )


def test_features_that_need_a_missing_band_are_left_out() -> None:
    # NDWI, LSWI, NDBI of B11; NDRI of B12; the tasselled cap of both; red edge of itself alone
    assert left_out(*FOUR) == {
        **{f"B{n}": (f"B0{n}",) for n in (5, 6, 7)},
        **{name: (name,) for name in ("B8A", "B11", "B12")},
        **dict.fromkeys(("NDWI", "LSWI", "NDBI"), ("B11",)),
        "NDRI": ("B12",),
        **dict.fromkeys(("brightness", "greenness", "wetness"), ("B11", "B12")),
    }
    its = survey_of("catalog.json", *FOUR).feature_catalogue()
    assert [feature.name for feature in its.features] == [
        *("B2", "B3", "B4", "B8", "NDVI", "EVI", "RRI"),
        *("GLCM_ASM", "GLCM_ENT", "GLCM_CONTRAST", "GLCM_IDM", "GLCM_CORR"),
    ]


def test_red_edge_is_needed_by_one_tasselled_cap_alone() -> None:
    without = [band for band in BANDS if band not in ("B05", "B06", "B07", "B8A")]
    assert set(left_out(*without)) == {"B5", "B6", "B7", "B8A"}
    nedkov = left_out(*without, tasselled_cap="nedkov2017")
    assert nedkov["wetness"] == ("B05", "B06", "B07", "B8A")


def test_the_formula_of_ndri_decides_what_it_needs() -> None:
    without_swir2 = [band for band in BANDS if band != "B12"]
    assert left_out(*without_swir2)["NDRI"] == ("B12",)
    assert "NDRI" not in left_out(*without_swir2, ndri="swir1_green")


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (["B02", "green"], r"sources\.sentinel2\.bands: no band green; name those of B02, B03"),
        ([], r"sources\.sentinel2\.bands: it is empty"),
        (["B02", "B03"], r"features\.texture_band needs B08, .*there are B02, B03, CLEAR; name an"),
    ],
)
def test_what_cannot_be_is_refused_in_the_survey(bands: list[str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        survey_of("catalog.json", *bands)


def test_texture_of_another_band_serves_where_the_near_infrared_is_missing() -> None:
    its = survey_of("catalog.json", "B02", "B03", "B04", features={"texture_band": "B04"})
    names = [feature.name for feature in its.feature_catalogue().features]
    assert names[:3] == ["B2", "B3", "B4"]
    assert all(name.startswith("GLCM_") for name in names[3:])
    groups = kernel_groups(its.feature_catalogue(), 10.0, (0.0, 1.0))
    assert [group.kernel.name for group in groups] == ["texture"]


def test_one_polarisation_is_enough_where_the_survey_says_so(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path / "catalog")
    writer.sentinel2("d", "2021-06-10T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    radar = {"VV": np.full((64, 64), 0.1, np.float32)}
    writer.item("sentinel-1-rtc", "r", "2021-06-11T10:00:00Z", radar, nodata=None)
    sources = {"sentinel1": {"polarisations": ["VV"]}}
    survey = survey_over(writer.write(), sources=sources)
    manifest = frozen(survey)
    assert not manifest.left_out
    values = dict(
        zip(cube_names(survey), cube_of(survey, tmp_path / "store")[:, 5, 5], strict=True)
    )
    assert values["summer_VV"] == pytest.approx(-10.0)
    assert "summer_VH" not in values
    assert survey.feature_catalogue().left_out == {"VH": ("VH",)}


def test_bright_ground_is_spared_only_where_its_bands_are_there() -> None:
    def ground(*bands: str) -> tuple[str, str] | None:
        (source, *_) = sources_of(survey_of("catalog.json", *bands).sources)
        assert isinstance(source, OpticalSource)
        return source.ground_bands()

    assert ground(*BANDS) == ("B02", "B11")
    assert ground(*FOUR) is None


def test_check_and_report_name_what_is_left_out(tmp_path: Path) -> None:
    survey = survey_of("catalog.json", *FOUR, store=str(tmp_path))
    workspace = Workspace(survey, stages_of(survey))
    assert list(FEATURES.check(workspace)) == [
        "features: no B5, B6, B7, B8A, B11, B12, NDWI, LSWI, NDBI, NDRI, brightness, greenness, "
        "wetness, for the data has no B05, B06, B07, B8A, B11, B12"
    ]
    missing = missing_features(workspace)
    assert missing["Sentinel-2 B05"] == ["B5"]
    assert missing["Sentinel-2 B12"] == ["B12", "NDRI"]
    assert {name for names in missing.values() for name in names} >= set(left_out(*FOUR))
    complete = survey_over("catalog.json", store=str(tmp_path))
    assert not list(FEATURES.check(Workspace(complete, stages_of(complete))))


def test_the_plan_reads_the_bands_of_the_data_alone() -> None:
    def read(*bands: str) -> float:
        survey = survey_of("catalog.json", *bands)
        return workload(survey, survey_grid(survey)).source_pixels

    # five layers (four bands and the count) of eleven
    assert read(*FOUR) == pytest.approx(read(*BANDS) * 5 / 11)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from(PAPER_BANDS), min_size=1, unique=True),
    st.sampled_from(["zhang2014", "swir1_green"]),
    st.sampled_from(["shi2019", "nedkov2017"]),
    st.integers(0, 2**32 - 1),
)
def test_features_are_the_same_bits_as_with_all_bands(
    there: list[str], ndri: str, cap: str, seed: int
) -> None:
    layers = np.random.default_rng(seed).normal(0.15, 0.2, (10, 3, 5)).astype(np.float32)
    layers[np.random.default_rng(seed + 1).random(layers.shape) < 0.1] = np.nan
    fused = FusedIndices(ndri, cap)
    partial = PartialIndices(fused, tuple(there))
    expected = dict(zip(fused.outputs, fused(layers), strict=True))
    given_layers = layers[[PAPER_BANDS.index(band) for band in there]]
    values = partial(given_layers) if partial.outputs else np.empty((0, 3, 5), np.float32)
    for name, layer in zip(partial.outputs, values, strict=True):
        assert_same_bits(layer, expected[name])
    chosen = survey_of(
        "c.json", *there, features={"ndri": ndri, "tasselled_cap": cap, "texture_band": there[0]}
    ).feature_catalogue()
    assert set(partial.outputs).isdisjoint(chosen.left_out)
    assert set(fused.outputs) <= {*partial.outputs, *chosen.left_out}


def test_layers_that_nobody_says_are_lacking_are_refused_as_ever() -> None:
    its = survey_of("catalog.json", *FOUR).feature_catalogue()
    with pytest.raises(SurveyError, match=r"indices: NDWI needs B11, which no source"):
        feature_catalogue(its.seasons, its.cube, its.settings)
