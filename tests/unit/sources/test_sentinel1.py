"""Sentinel-1: means in linear power, decibels at the end, nodata masked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from _catalogs import LEFT, CatalogWriter, scenes_of, source_of, survey_over
from minecover.errors import DataError, SurveyError
from minecover.sources.bands import assets_of_bands
from minecover.sources.sentinel1 import Sentinel1

NODATA = -32768.0


def power(seed: int, shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    return np.random.default_rng(seed).gamma(4, 0.02, shape).astype(np.float32)


def catalog(folder: Path) -> CatalogWriter:
    writer = CatalogWriter(folder)
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", np.full((64, 64), 1000, np.uint16))
    return writer


def add(writer: CatalogWriter, name: str, when: str, vv: np.ndarray, vh: np.ndarray) -> None:
    writer.item(
        "sentinel-1-rtc", name, when, {"vv": vv, "vh": vh}, nodata=NODATA, platform="SENTINEL-1A"
    )


def season(writer: CatalogWriter, **settings: str) -> np.ndarray:
    survey = survey_over(writer.write(), sources={"sentinel1": settings})
    return source_of(survey, "sentinel1").compose(scenes_of(survey, "sentinel1", "summer"))


def test_dates_are_averaged_in_linear_power(tmp_path: Path) -> None:
    writer = catalog(tmp_path)
    scenes = [(power(n), power(n + 10) / 4) for n in range(3)]
    for n, (vv, vh) in enumerate(scenes):
        add(writer, f"s1-{n}", f"2021-06-{10 + 6 * n}T10:00:00Z", vv, vh)
    out = season(writer)
    mean = np.mean(np.array(scenes, np.float64), axis=0)
    assert out.shape == (2, 64, 64)
    assert out.dtype == np.float32
    assert np.allclose(out, 10 * np.log10(mean), atol=1e-4)
    assert (out > np.mean(10 * np.log10(np.array(scenes)), axis=0)).mean() > 0.99


def test_decibels_are_made_linear_first(tmp_path: Path) -> None:
    linear, decibels = catalog(tmp_path / "linear"), catalog(tmp_path / "db")
    for n in range(2):
        vv, vh = power(n), power(n + 10)
        add(linear, f"s1-{n}", f"2021-06-{10 + 6 * n}T10:00:00Z", vv, vh)
        db = [(10 * np.log10(values)).astype(np.float32) for values in (vv, vh)]
        add(decibels, f"s1-{n}", f"2021-06-{10 + 6 * n}T10:00:00Z", *db)
    assert np.allclose(season(linear), season(decibels, values="db"), atol=1e-4)


def test_decibels_times_a_hundred_are_decibels_by_their_record(tmp_path: Path) -> None:
    writer = catalog(tmp_path)
    numbers = np.full((64, 64), -1250, np.int16)
    add(writer, "s1", "2021-06-10T10:00:00Z", numbers, numbers - 700)
    for asset in writer.items["sentinel-1-rtc"][0]["assets"].values():
        asset["raster:bands"] = [{"data_type": "int16", "scale": 0.01}]
    out = season(writer, values="db")
    assert np.allclose(out, np.array([-12.5, -19.5])[:, None, None], atol=1e-4)
    with pytest.raises(DataError, match=r"sentinel1\.values: db"):
        season(writer)


def test_nodata_and_what_is_no_power_are_masked(tmp_path: Path) -> None:
    writer = catalog(tmp_path)
    first, second = power(1), power(2)
    first[:10] = NODATA
    first[10:20] = 0
    second[:5] = NODATA
    add(writer, "a", "2021-06-10T10:00:00Z", first, first)
    add(writer, "b", "2021-06-22T10:00:00Z", second, second)
    out = season(writer)
    assert np.isnan(out[:, :5]).all()
    assert np.allclose(out[:, 5:20], 10 * np.log10(second[5:20]), atol=1e-4)
    assert np.isfinite(out[:, 5:]).all()


def test_slices_of_one_overpass_count_once(tmp_path: Path) -> None:
    writer = catalog(tmp_path)
    scene, other = power(1), power(2)
    add(writer, "a", "2021-06-10T10:00:00Z", scene, scene)
    add(writer, "b", "2021-06-10T10:00:25Z", scene * 0 + 9, scene * 0 + 9)
    add(writer, "c", "2021-06-22T10:00:00Z", other, other)
    mean = (scene.astype(np.float64) + other) / 2
    assert np.allclose(season(writer)[0], 10 * np.log10(mean), atol=1e-4)


def test_a_pixel_never_seen_is_nodata_without_a_warning(tmp_path: Path) -> None:
    writer = catalog(tmp_path)
    writer.item(
        "sentinel-1-rtc", "a", "2021-06-10T10:00:00Z", {"vv": power(1), "vh": power(1)},
        nodata=NODATA, left=LEFT + 320,
    )  # fmt: skip
    out = season(writer)
    assert np.isnan(out[:, :, :32]).all()
    assert np.isfinite(out[:, :, 32:]).all()


def test_a_missing_polarisation_names_the_setting() -> None:
    item = {"id": "an-item", "assets": {"hh": {}, "vv": {}}}
    with pytest.raises(DataError, match=r"missing: VH.*hh, vv.*sources\.sentinel1\.assets"):
        assets_of_bands(item, Sentinel1.polarisations, {}, "sentinel1")
    named = assets_of_bands(item, Sentinel1.polarisations, {"VH": "hh"}, "sentinel1")
    assert named == {"VV": "vv", "VH": "hh"}
    with pytest.raises(SurveyError, match=r"sources\.sentinel1\.assets: no band HV; .* VV, VH"):
        assets_of_bands(item, Sentinel1.polarisations, {"HV": "hh"}, "sentinel1")
