"""Orbits composed apart, border noise and speckle of a survey."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from _catalogs import (
    CatalogWriter,
    arrays_of_cube,
    cube_names,
    cube_of,
    frozen,
    scenes_of,
    source_of,
    survey_over,
)
from minecover.errors import DataError, SurveyError
from minecover.sources.orbits import recorded_orbit
from minecover.sources.speckle import Speckle
from minecover.survey import Survey

NODATA = -32768.0
POWER = {"a": 0.1, "b": 0.2, "c": 0.4, "d": 0.8}
PASSES = {
    "a": ("2021-06-10", "ascending", 12),
    "b": ("2021-06-16", "descending", 51),
    "c": ("2021-06-22", "ascending", 85),
    "d": ("2021-06-28", "descending", 51),
}


def catalog(folder: Path, leave_out: str = "") -> Path:
    """Four overpasses of even ground; in the optical item nothing matters."""
    writer = CatalogWriter(folder)
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", np.full((64, 64), 1000, np.uint16))
    for name, (day, state, number) in PASSES.items():
        vv = np.full((64, 64), POWER[name], np.float32)
        record: dict[str, Any] = {"sat:orbit_state": state, "sat:relative_orbit": number}
        if name in leave_out:
            record = {}
        writer.item(
            "sentinel-1-rtc", name, f"{day}T10:00:00Z", {"vv": vv, "vh": vv / 4}, nodata=NODATA,
            platform="SENTINEL-1A", **record,
        )  # fmt: skip
    return writer.write()


def survey(where: Path, **settings: Any) -> Survey:
    return survey_over(where, sources={"sentinel1": settings})


def composed(given: Survey) -> np.ndarray:
    return source_of(given, "sentinel1").compose(scenes_of(given, "sentinel1", "summer"))


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return catalog(tmp_path_factory.mktemp("orbits"))


def decibels(*power: float) -> Any:
    return pytest.approx(10 * np.log10(np.mean(power)), abs=1e-5)


def test_together_they_are_as_before(four: Path) -> None:
    made = composed(survey(four))
    assert made.shape == (2, 64, 64)
    assert made[0, 0, 0] == decibels(*POWER.values())
    manifest = frozen(survey(four))
    assert not any(item.orbit_state or item.relative_orbit for item in manifest.found)


def test_directions_apart_have_layers_and_features_of_their_own(four: Path, tmp_path: Path) -> None:
    apart = survey(four, orbits=["ascending", "descending"])
    made = composed(apart)
    assert made[:, 0, 0].tolist() == [
        decibels(0.1, 0.4), decibels(0.025, 0.1), decibels(0.2, 0.8), decibels(0.05, 0.2),
    ]  # fmt: skip
    names = ("VV_ascending", "VH_ascending", "VV_descending", "VH_descending")
    array = next(array for array in arrays_of_cube(apart) if array.name == "backscatter")
    assert array.axes == {"season": ("summer",), "polarisation": names}
    cube = cube_of(apart, tmp_path)
    assert cube[cube_names(apart).index("summer_VH_descending"), 0, 0] == decibels(0.05, 0.2)
    features = [layer.name for layer in apart.feature_catalogue().features if "V" in layer.name]
    assert set(names) <= set(features)


def test_relative_orbits_apart_leave_the_others_out(four: Path) -> None:
    made = composed(survey(four, orbits=[51, 12]))
    assert made[::2, 0, 0].tolist() == [decibels(0.2, 0.8), decibels(0.1)]
    found = frozen(survey(four, orbits=[51, 12])).found
    assert [item.id for item in found if item.source == "sentinel1"] == ["a", "b", "d"]
    labels = [layer.name for layer in source_of(survey(four, orbits=[51]), "sentinel1").layers()]
    assert labels == ["VV_orbit51", "VH_orbit51"]


def test_an_orbit_that_is_not_there_is_refused_with_those_that_are(four: Path) -> None:
    with pytest.raises(
        SurveyError,
        match=r"sources\.sentinel1\.orbits: season summer .* VV_orbit7; .*: 12 ascending, "
        r"51 descending, 85 ascending; name others",
    ):
        frozen(survey(four, orbits=["ascending", 7]))


def test_an_item_that_does_not_say_its_orbit_is_left_out_by_name(tmp_path: Path) -> None:
    where = catalog(tmp_path, leave_out="c")
    manifest = frozen(survey(where, orbits=["ascending"]))
    assert [item.id for item in manifest.found if item.source == "sentinel1"] == ["a"]
    (left,) = manifest.left_out
    assert left.id == "c"
    assert "sat:orbit_state is missing" in left.reason
    assert "sources.sentinel1" in left.reason
    assert not frozen(survey(where)).left_out
    with pytest.raises(DataError, match=r"no item of sentinel-1-rtc.*sat:orbit_state"):
        frozen(survey(catalog(tmp_path / "none", leave_out="abcd"), orbits=["ascending"]))


def test_recorded_items_of_providers_say_their_orbit(shared_data: Path) -> None:
    places = ("planetary-computer/sentinel-1-rtc", "aws-s1-rtc/sentinel1-rtc-aws")
    paths = [p for place in places for p in (shared_data / "stac_items" / place).glob("*.json")]
    found = {recorded_orbit(json.loads(path.read_text())) for path in paths}
    assert found == {("descending", 51), ("ascending", 121), ("ascending", 49)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"orbits": ["ascending", "ascending"]}, "an orbit is there twice"),
        ({"orbits": [True]}, "valid integer"),
        ({"speckle_window": 4}, "4 is even; give an odd number"),
        ({"speckle": "frost"}, "'none', 'lee' or 'enhanced_lee'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        survey(Path("catalog.json"), **settings)


def noisy(folder: Path) -> Path:
    """A good overpass, and one of half the width whose edge is noise and zero."""
    writer = CatalogWriter(folder)
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", np.full((64, 64), 1000, np.uint16))
    good = np.random.default_rng(0).gamma(4, 0.02, (64, 64)).astype(np.float32)
    bad = good.copy()
    bad[:, 40:44] = [[0.002, 1e-5, 0.004, 1e-5]]
    bad[:, 44:46] = 0
    bad[:, 46:] = NODATA
    for name, vv in (("good", good), ("bad", bad)):
        day = 10 if name == "good" else 22
        writer.item(
            "sentinel-1-rtc", name, f"2021-06-{day}T10:00:00Z", {"vv": vv, "vh": vv}, nodata=NODATA,
            platform="SENTINEL-1A",
        )  # fmt: skip
    return writer.write()


def test_border_noise_of_one_overpass_no_longer_darkens_the_mean(tmp_path: Path) -> None:
    where = noisy(tmp_path)
    plain, masked = (composed(survey(where, border_noise=m)) for m in (0.0, 60.0))
    good = survey(where)
    truth = composed(good.replace(seasons={"summer": ["2021-06-01/2021-06-15"]}))
    assert (plain[:, :, 40:44] < truth[:, :, 40:44] - 2.5).mean() > 0.9  # half the power is lost
    # noise of 0.002 to 0.004 is masked from the pixel of -50 dB on
    assert np.allclose(masked[:, :, 41:], truth[:, :, 41:], atol=1e-5)
    assert np.array_equal(masked[:, :, :40], plain[:, :, :40])


def test_speckle_is_filtered_on_the_whole_image_however_it_is_tiled(tmp_path: Path) -> None:
    where = noisy(tmp_path / "in")
    settings = {"speckle": "enhanced_lee", "speckle_window": 5, "border_noise": 60.0}
    wanted = survey(where, **settings)
    cut = survey_over(
        where, sources={"sentinel1": settings}, grid={"crs": "EPSG:32649", "tile": 32}
    )
    whole = composed(wanted)
    cube = cube_of(cut, tmp_path / "store")
    assert np.array_equal(cube[cube_names(cut).index("summer_VV")], whole[0], equal_nan=True)
    good = np.random.default_rng(0).gamma(4, 0.02, (64, 64)).astype(np.float32)
    alone = Speckle("enhanced_lee", 5, 4.4)(np.pad(good, 2, constant_values=np.nan)[np.newaxis])
    assert np.allclose(whole[0][:, 46:], 10 * np.log10(alone[0][:, 46:]), atol=1e-5)
