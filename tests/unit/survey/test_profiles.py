"""Profiles of providers: what they fill in, what goes before them, and what is written again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import minecover as mc
from _catalogs import CatalogWriter, frozen
from minecover.errors import SurveyError
from minecover.kubernetes.inputs import local_files, pod_survey
from minecover.settings import given
from minecover.sources.sentinel2 import Sentinel2
from minecover.survey import Survey, load
from minecover.survey.profile import profile_of, profiles

BASE = {
    "name": "tiny",
    "area": {"bbox": [109.8, 39.6, 110.2, 39.9]},
    "seasons": {"summer": ["2022-06-01/2022-08-31"]},
    "classes": [
        {"code": 1, "name": "mine", "colour": "#000000"},
        {"code": 2, "name": "other", "colour": "#ffffff"},
    ],
    "samples": {"path": "points.csv"},
}


def survey(folder: Path, **sections: Any) -> Any:
    path = folder / "survey.yaml"
    path.write_text(yaml.safe_dump(BASE | sections))
    return load(path)


@pytest.mark.parametrize("name", profiles())
def test_every_profile_makes_a_survey(tmp_path: Path, name: str) -> None:
    said = profile_of(name)
    named = {source: {} for source in said["sources"]}
    made = survey(tmp_path, catalog={"profile": name}, sources=named)
    assert made.catalog.url == said["catalog"]["url"]
    assert set(said["catalog"]) <= {"url", "sign", "s3_endpoint"}
    for source, settings in said["sources"].items():
        now = made.sources[source].model_dump(mode="json")
        assert {key: now[key] for key in settings} == settings


def test_what_a_survey_says_goes_before_and_sources_it_has_not_stay_away(tmp_path: Path) -> None:
    made = survey(
        tmp_path,
        catalog={"profile": "digital-earth-australia", "url": "https://example.org/stac"},
        sources={"sentinel2": {"masked": [0], "assets": {"B02": "mine"}}},
    )
    assert made.catalog.url == "https://example.org/stac"
    assert made.catalog.s3_endpoint == "https://s3.ap-southeast-2.amazonaws.com"
    assert list(made.sources) == ["sentinel2"]
    optical = made.sources["sentinel2"]
    assert optical.collection == ("ga_s2am_ard_3", "ga_s2bm_ard_3")
    assert (optical.masked, optical.scl, optical.offset) == ((0,), "oa_fmask", "none")
    assert (optical.assets["B02"], optical.assets["B8A"]) == ("mine", "nbart_nir_2")
    assert set(optical.assets) == {band.name for band in Sentinel2.bands}


def test_it_is_named_and_not_spelt_out_when_the_survey_is_written(tmp_path: Path) -> None:
    survey(tmp_path, catalog={"profile": "copernicus"}, sources={"terrain": {"path": "dem.tif"}})
    opened = mc.open_survey(tmp_path / "survey.yaml")
    opened.save(tmp_path / "again.yaml")
    text = yaml.safe_load((tmp_path / "again.yaml").read_text())
    assert text["catalog"] == {"profile": "copernicus"}
    assert text["sources"]["sentinel2"] == {}
    again = mc.open_survey(tmp_path / "again.yaml")
    assert again == opened
    other = opened.replace(catalog__profile="earth-search-c1")
    assert other.catalog.url == "https://earth-search.aws.element84.com/v1"
    assert other.catalog.s3_endpoint is None
    assert other.sources["sentinel2"].collection == "sentinel-2-c1-l2a"
    assert other.sources["sentinel2"].scl == "SCL"
    assert given(other.catalog) == {"profile": "earth-search-c1"}


def test_pods_have_the_profiles_of_the_package(tmp_path: Path) -> None:
    made = survey(tmp_path, catalog={"profile": "copernicus"})
    assert list(local_files(made)) == ["points.csv"]
    assert yaml.safe_load(pod_survey(made))["catalog"] == {"profile": "copernicus"}


def test_a_profile_of_one_s_own(tmp_path: Path) -> None:
    folder = tmp_path / "where the survey is"
    folder.mkdir()
    (folder / "provider.yaml").write_text(
        "catalog: {url: 'https://example.org/stac'}\n"
        "sources: {sentinel2: {collection: theirs, scl: null, offsets: {'05.10': 0}}}\n"
    )
    made = survey(folder, catalog={"profile": "provider.yaml"})
    assert made.sources["sentinel2"].collection == "theirs"
    assert made.sources["sentinel2"].offsets == {"05.10": 0}
    assert made.catalog.profile == str(folder / "provider.yaml")
    (folder / "points.csv").write_text("")
    assert local_files(made)["provider.yaml"] == folder / "provider.yaml"
    pod = yaml.safe_load(pod_survey(made))
    assert pod["catalog"] == {"profile": "/inputs/provider.yaml"}


@pytest.mark.parametrize(
    ("profile", "content", "text"),
    [
        ("planetary", None, "there is no 'planetary'; there are copernicus, digital-earth-africa"),
        ("missing.yaml", None, "cannot read"),
        ("own.yaml", "catalog: [", "not a YAML file"),
        ("own.yaml", "catalog: {title: 2021-13-01}", "cannot read it: month must be in"),
        ("own.yaml", r'catalog: {url: "\ud800"}', "half of a character"),
        ("own.yaml", "url: https://example.org", "give the sections catalog and sources"),
        ("own.yaml", "grid: {tile: 64}", "a profile has the sections catalog and sources, and no"),
        ("own.yaml", "catalog: {adress: a}", "catalog.adress"),
        ("own.yaml", "sources: {sentinel2: {colection: a}}", "sources.sentinel2.colection"),
    ],
)
def test_what_is_no_profile_is_said(
    tmp_path: Path, profile: str, content: str | None, text: str
) -> None:
    if content is not None:
        (tmp_path / profile).write_text(content)
    with pytest.raises(SurveyError) as caught:
        survey(tmp_path, catalog={"profile": profile, "url": "https://example.org"})
    assert text in str(caught.value)


def test_editors_take_a_profile_for_an_address() -> None:
    schema = Survey.model_json_schema()["$defs"]["CatalogSettings"]
    assert schema["anyOf"] == [{"required": ["url"]}, {"required": ["profile"]}]
    assert "required" not in schema


def test_without_url_and_profile_the_url_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=r"catalog.url: required, but missing"):
        survey(tmp_path, catalog={})


def test_items_of_several_collections_are_those_of_one_source(tmp_path: Path) -> None:
    """A satellite a collection, as Digital Earth Australia has them: both satellites count."""
    import numpy as np

    from _catalogs import survey_over

    names = {band.name: f"their_{band.name}" for band in Sentinel2.bands}
    writer = CatalogWriter(tmp_path)
    for letter in "ab":
        writer.item(
            f"s2{letter}", f"item-{letter}", "2021-06-10T03:00:00Z",
            dict.fromkeys(names.values(), np.full((8, 8), 500, np.int16)),
            platform=f"sentinel-2{letter}", nodata=-999,
        )  # fmt: skip
    settings = {"collection": ["s2a", "s2b"], "assets": names, "offset": "none"}
    made = survey_over(writer.write(), size=(8, 8), sources={"sentinel2": {"scl": None} | settings})
    items = frozen(made).found
    assert [item.collection for item in items] == ["s2a", "s2b"]
    assert sorted(item.acquisition for item in items) == [0, 1]
    other = made.replace(sources__sentinel2__collection=["s2a", "s2c"])
    with pytest.raises(SurveyError, match="has no collection 's2c'; it has s2a, s2b"):
        frozen(other)
