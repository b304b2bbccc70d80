"""Masks that a survey names: rasters of its items, and masks computed of the bands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from _catalogs import CatalogWriter, cube_of, frozen, scenes_of, source_of, survey_over
from minecover.arrays import BoolArray, Float32Array
from minecover.errors import MinecoverError, SurveyError
from minecover.settings import Section
from minecover.sources.cloud_mask import CloudMask
from minecover.sources.mask_settings import MaskAsset
from minecover.sources.registry import CLOUD_MASKS
from minecover.survey import Survey


@pytest.mark.parametrize(
    ("rule", "nodata", "expected"),
    [
        ({"at_most": 40}, None, [True, True, True, False, False, False]),
        # as Earth Search records its probability: 0 is nodata, and a clear sky
        ({"at_most": 40}, 0.0, [True, True, True, False, False, True]),
        ({"at_most": 40}, 255.0, [True, True, True, False, False, False]),
        ({"at_most": 40, "nodata_is_clear": True}, None, [True, True, True, False, False, True]),
        ({"at_most": 40, "nodata_is_clear": False}, 0.0, [False, True, True, False, False, False]),
        ({"clear": [0, 255]}, None, [True, False, False, False, True, False]),
    ],
)
def test_a_rule_says_which_values_are_clear(
    rule: dict[str, Any], nodata: float | None, expected: list[bool]
) -> None:
    values = np.array([0, 1, 40, 41, 255, np.nan], np.float32)
    assert MaskAsset(asset="cloud", **rule).is_clear(values, nodata).tolist() == expected


@pytest.mark.parametrize(
    ("bits", "numbers", "expected"),
    [
        # Landsat's qa_pixel: fill 1, clear land 21824, clear water 21952, cloud, shadow, snow
        ((0, 1, 2, 3, 4), (1, 21824, 21952, 22280, 23888, 30048), "011001"),
        ((0, 1, 2, 3, 4, 5), (1, 21824, 21952, 22280, 23888, 30048), "011000"),
        # Fmask of HLS: bits of cloud, of what is next to it, and of its shadow; 255 is nodata
        ((1, 2, 3), (64, 66, 68, 72, 96, 255), "100010"),
        ((1, 2, 3), (0, -1, np.nan, 2**23, 2**24 - 1, 16), "100101"),
    ],
)
def test_bits_say_which_values_are_masked(
    bits: tuple[int, ...], numbers: tuple[float, ...], expected: str
) -> None:
    values = np.array(numbers, np.float32)
    clear = MaskAsset(asset="qa", masked_bits=bits).is_clear(values, 255.0)
    assert "".join(map(str, clear.astype(int))) == expected


@pytest.mark.parametrize(
    "rule", [{}, {"clear": [0], "at_most": 1}, {"masked_bits": [1], "at_most": 1}]
)
def test_a_mask_has_one_rule(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="mask cloud: say which values are clear"):
        MaskAsset(asset="cloud", **rule)


def catalog(folder: Path) -> Path:
    """Two dates: a probability of 20 m with nodata 0, and classes of 10 m, which one item lacks."""
    writer = CatalogWriter(folder)
    probability = np.zeros((32, 32), np.uint8)
    probability[:8] = 90
    classes = np.zeros((64, 64), np.uint8)
    classes[:, :16] = 3
    ground = np.full((64, 64), 1000, np.uint16)
    ground[30:34, 30:34] = 9000  # a small bright cloud that both masks miss
    for name, day in (("a", 10), ("b", 20)):
        rasters = {"cloud": probability} | ({"ocm": classes} if name == "a" else {})
        item = writer.sentinel2(
            name, f"2021-06-{day}T03:00:00Z", ground, rasters=rasters, pixels={"cloud": 20.0}
        )
        for key in rasters:
            item["assets"][key]["raster:bands"] = [{"nodata": 0, "data_type": "uint8"}]
    return writer.write()


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return catalog(tmp_path_factory.mktemp("masks"))


def survey(where: Path, **settings: Any) -> Survey:
    return survey_over(where, sources={"sentinel2": {"scl": None} | settings})


def counts(given: Survey) -> np.ndarray:
    source = source_of(given, "sentinel2")
    return source.compose(scenes_of(given, "sentinel2", "summer"))[-1]


CLOUD = {"asset": "cloud", "at_most": 40}
CLASSES = {"asset": "ocm", "clear": [0]}


def test_a_probability_whose_nodata_is_zero_masks_its_clouds_alone(where: Path) -> None:
    expected = np.full((64, 64), 2)
    expected[:16] = 0
    assert np.array_equal(counts(survey(where, masks=[CLOUD])), expected)


def test_all_masks_must_call_a_pixel_clear_and_an_item_without_one_is_left_out(
    where: Path,
) -> None:
    both = survey(where, masks=[CLOUD, CLASSES])
    expected = np.ones((64, 64))  # item b has no classes
    expected[:16] = expected[:, :16] = 0
    assert np.array_equal(counts(both), expected)
    (left,) = frozen(both).left_out
    assert left.id == "b"
    assert "mask:ocm" in left.reason
    assert "sources.sentinel2.masks" in left.reason


class LimitSettings(Section):
    most: float = 0.5


class Isolated(CloudMask[LimitSettings]):
    """Bright pixels, and those beside them."""

    name, settings_type, bands, halo = "isolated", LimitSettings, ("B02", "B11"), 1

    def is_clear(self, reflectance: Float32Array) -> BoolArray:
        bright = reflectance[0] > self.settings.most
        near = np.zeros(tuple(size - 2 for size in bright.shape), bool)
        for y in range(3):
            for x in range(3):
                near |= bright[y : y + near.shape[0], x : x + near.shape[1]]
        return ~near


class Whole(Isolated):
    """Forgets its halo."""

    name = "whole"

    def is_clear(self, reflectance: Float32Array) -> BoolArray:
        return np.isfinite(reflectance[0])


class Thermal(Isolated):
    name, bands = "thermal", ("B02", "B10")


@pytest.fixture
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CLOUD_MASKS, "_added", {})
    monkeypatch.setattr(CLOUD_MASKS, "_known", {})
    for mask in (Isolated, Whole, Thermal):
        CLOUD_MASKS.register(mask.name, mask)


@pytest.mark.usefixtures("_registered")
def test_a_registered_mask_is_computed_with_its_halo_however_the_grid_is_cut(
    where: Path, tmp_path: Path
) -> None:
    given = survey(where, cloud_masks={"isolated": {}})
    expected = np.full((64, 64), 2)
    expected[29:35, 29:35] = 0
    assert np.array_equal(counts(given), expected)
    # a cut runs through the cloud
    cut = survey_over(
        where, sources=given.model_dump()["sources"], grid={"crs": "EPSG:32649", "tile": 32}
    )
    assert np.array_equal(cube_of(cut, tmp_path)[-1], expected)
    loose = survey(where, cloud_masks={"isolated": {"most": 0.95}})
    assert (counts(loose) == 2).all()


@pytest.mark.usefixtures("_registered")
def test_masks_that_cannot_be_used_are_refused(where: Path) -> None:
    with pytest.raises(MinecoverError, match=r"cloud mask whole: .*\(66, 66\).*\(64, 64\)"):
        counts(survey(where, cloud_masks={"whole": {}}))
    with pytest.raises(SurveyError, match=r"cloud_masks: thermal needs B10, which Sentinel-2"):
        frozen(survey(where, cloud_masks={"thermal": {}}))
    with pytest.raises(ValidationError, match="no cloud mask 'unet'; there are isolated"):
        survey(where, cloud_masks={"unet": {}})
    with pytest.raises(ValidationError, match=r"cloud_masks\.isolated|most"):
        survey(where, cloud_masks={"isolated": {"most": "a lot"}})
