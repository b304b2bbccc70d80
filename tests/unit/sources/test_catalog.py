"""Searching catalogs, and freezing what was found."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from _catalogs import EPSG, LEFT, TOP, CatalogWriter, frozen, locator_of, survey_over, write_raster
from minecover.errors import DataError, StoreError, SurveyError, TryAgainError
from minecover.sources import catalog, documents
from minecover.sources.catalog import open_catalog
from minecover.sources.manifest import ALWAYS, Manifest
from minecover.sources.web import ApiCatalog
from minecover.storage.store import Store
from minecover.survey.grid import survey_grid

FIELD = np.full((64, 64), 2000, np.uint16)


@pytest.fixture
def writer(tmp_path: Path) -> CatalogWriter:
    made = CatalogWriter(tmp_path / "catalog")
    made.sentinel2("first", "2021-06-01T03:00:00Z", FIELD)
    made.sentinel2("last", "2021-08-31T23:59:59Z", FIELD)
    made.sentinel2("winter", "2021-12-05T03:00:00Z", FIELD)
    return made


def test_a_search_takes_both_days_of_a_range_and_only_what_overlaps(writer: CatalogWriter) -> None:
    writer.sentinel2("far", "2021-07-01T03:00:00Z", FIELD, left=LEFT + 50_000)
    survey = survey_over(writer.write())
    bbox = survey_grid(survey).wgs84_bounds()
    catalog = open_catalog(survey.catalog.url)
    found = catalog.search("sentinel-2-l2a", bbox, ["2021-06-01/2021-08-31"])
    assert [item["id"] for item in found] == ["first", "last"]
    assert [item["id"] for item in catalog.search("sentinel-2-l2a", bbox)] == [
        "first", "last", "winter",
    ]  # fmt: skip


def test_the_manifest_keeps_season_decision_and_grid(writer: CatalogWriter) -> None:
    seasons = {"summer": ["2021-06-01/2021-08-31"], "late": ["2021-08-01/2021-12-31"]}
    manifest = frozen(survey_over(writer.write(), seasons=seasons))
    assert [(item.id, item.seasons) for item in manifest.found] == [
        ("first", ("summer",)),
        ("last", ("summer", "late")),
        ("winter", ("late",)),
    ]
    item = manifest.found[0]
    assert item.decision == "s2:processing_baseline 03.00"
    assert item.assets["B02"].href == "sentinel-2-l2a/first/B02.tif"
    assert item.assets["B02"].crs == f"EPSG:{EPSG}"
    assert item.assets["B02"].shape == (64, 64)
    assert item.bounds == (LEFT, TOP - 640, LEFT + 640, TOP)


def test_the_manifest_is_the_same_in_any_folder(writer: CatalogWriter, tmp_path: Path) -> None:
    survey = survey_over(writer.write())
    moved = shutil.copytree(writer.folder, tmp_path / "elsewhere")
    other = survey_over(moved / "catalog.json")
    stores = [Store(str(tmp_path / name)) for name in ("a", "b")]
    for store, which in zip(stores, (survey, other), strict=True):
        frozen(which).save(store)
    assert stores[0].read("manifest.json") == stores[1].read("manifest.json")
    back = Manifest.load(stores[0])
    assert back == frozen(survey)
    assert back.fingerprint == frozen(other).fingerprint


def test_items_of_a_tile_are_those_that_touch_it(writer: CatalogWriter) -> None:
    writer.sentinel2("east", "2021-07-01T03:00:00Z", FIELD, left=LEFT + 640)
    manifest = frozen(survey_over(writer.write(), (64, 128)))

    def ids(bounds: tuple[float, float, float, float]) -> list[str]:
        return [item.id for item in manifest.items("sentinel2", "summer", bounds)]

    assert ids((LEFT, TOP - 640, LEFT + 640, TOP)) == ["first", "last"]
    assert ids((LEFT, TOP - 640, LEFT + 650, TOP)) == ["first", "east", "last"]
    assert ids((LEFT, TOP, LEFT + 650, TOP + 10)) == []
    assert manifest.items("sentinel1", "summer") == ()


def test_items_of_one_overpass_get_one_number(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    new = {"s2:processing_baseline": "05.00"}
    writer.sentinel2("old", "2021-07-01T03:00:00Z", FIELD)
    writer.sentinel2("new", "2021-07-01T03:00:02Z", FIELD, **new)
    writer.sentinel2("zone", "2021-07-01T03:00:14Z", FIELD, left=LEFT - 20, **new)
    items = writer.items["sentinel-2-l2a"]
    items[-1]["properties"]["platform"] = "Sentinel-2A"  # as another collection spells it
    writer.sentinel2("twin", "2021-07-01T03:00:02Z", FIELD, platform="sentinel-2b")
    writer.sentinel2("orbit", "2021-07-01T04:40:00Z", FIELD)
    found = {item.id: item for item in frozen(survey_over(writer.write())).found}
    assert len({found[name].acquisition for name in ("old", "new", "zone")}) == 1
    assert len({item.acquisition for item in found.values()}) == 3
    assert found["new"].rank < found["old"].rank


def test_an_unknown_collection_is_named_beside_the_known_ones(writer: CatalogWriter) -> None:
    survey = survey_over(
        writer.write(), sources={"sentinel2": {"scl": None, "collection": "s2-l2a"}}
    )
    with pytest.raises(SurveyError, match=r"no collection 's2-l2a'; it has sentinel-2-l2a"):
        frozen(survey)


def test_a_season_without_an_item_names_ranges_and_dates(writer: CatalogWriter) -> None:
    survey = survey_over(writer.write(), seasons={"spring": ["2022-03-01/2022-04-30"]})
    with pytest.raises(SurveyError) as caught:
        frozen(survey)
    text = str(caught.value)
    assert "seasons.spring" in text
    assert "2022-03-01/2022-04-30" in text
    assert "2021-12-05" in text
    assert "2021-06-01" not in text  # too far away to be of use


def test_a_season_of_clouds_says_so(writer: CatalogWriter) -> None:
    for item in writer.items["sentinel-2-l2a"]:
        item["properties"]["eo:cloud_cover"] = 95.0
    with pytest.raises(SurveyError, match="2 more are cloudier than max_cloud_cover"):
        frozen(survey_over(writer.write()))


def test_an_area_off_the_catalog_gives_both_boxes(writer: CatalogWriter) -> None:
    survey = survey_over(writer.write(), left=LEFT + 100_000)
    with pytest.raises(SurveyError, match=r"outside of the catalog: .*112\.1.*collection 111\.0"):
        frozen(survey)


def test_more_items_than_allowed_are_refused_with_the_number(writer: CatalogWriter) -> None:
    survey = survey_over(writer.write(), catalog={"max_items": 1})
    with pytest.raises(SurveyError, match="more than 1 items of sentinel-2-l2a"):
        frozen(survey)


@pytest.mark.parametrize("href", ["../../../../../etc/passwd", "/etc/passwd", "/vsicurl/http://x"])
def test_an_asset_never_leaves_the_catalogs_folder(writer: CatalogWriter, href: str) -> None:
    writer.items["sentinel-2-l2a"][0]["assets"]["B03"]["href"] = href
    with pytest.raises(DataError, match=r"item first, asset B03.*outside of the catalog's folder"):
        frozen(survey_over(writer.write()))


def test_a_file_address_leads_into_the_folder_only(writer: CatalogWriter) -> None:
    whole = frozen(survey_over(writer.write()))
    asset, inside = writer.items["sentinel-2-l2a"][0]["assets"]["B03"], writer.folder.resolve()
    asset["href"] = (inside / "sentinel-2-l2a" / "first" / "B03.tif").as_uri()
    assert frozen(survey_over(writer.write())) == whole
    asset["href"] = "file:///etc/passwd"
    with pytest.raises(DataError, match=r"item first, asset B03.*outside of the catalog's folder"):
        frozen(survey_over(writer.write()))


@pytest.mark.parametrize("href", ["gs://bucket/B03.jp2", "file://host/B03.tif"])
def test_an_item_with_addresses_that_are_not_opened_is_left_out(
    writer: CatalogWriter, href: str
) -> None:
    writer.items["sentinel-2-l2a"][0]["assets"]["B03"]["href"] = href
    manifest = frozen(survey_over(writer.write()))
    assert [item.id for item in manifest.found] == ["last"]
    (left,) = manifest.left_out
    assert left.id == "first"
    assert f"asset B03: {href}: only http(s) and s3 addresses and files of the" in left.reason


def test_a_symbolic_link_out_of_the_folder_is_refused(
    writer: CatalogWriter, tmp_path: Path
) -> None:
    write_raster(tmp_path / "secret.tif", FIELD)
    target = writer.folder / "sentinel-2-l2a" / "first" / "B03.tif"
    target.unlink()
    target.symlink_to(tmp_path / "secret.tif")
    with pytest.raises(DataError, match="outside of the catalog's folder"):
        frozen(survey_over(writer.write()))


def test_a_virtual_raster_in_disguise_is_refused(writer: CatalogWriter) -> None:
    path = writer.folder / "sentinel-2-l2a" / "first" / "B03.tif"
    path.write_text("<VRTDataset><SourceFilename>/etc/passwd</SourceFilename></VRTDataset>")
    with pytest.raises(DataError, match="neither a TIFF nor a JPEG 2000"):
        frozen(survey_over(writer.write()))


def test_a_missing_file_is_named(writer: CatalogWriter) -> None:
    (writer.folder / "sentinel-2-l2a" / "first" / "B03.tif").unlink()
    with pytest.raises(DataError, match=r"item first, asset B03: cannot read .*B03\.tif"):
        frozen(survey_over(writer.write()))


def test_a_link_to_a_document_outside_is_refused(writer: CatalogWriter, tmp_path: Path) -> None:
    path = writer.write()
    (tmp_path / "outside.json").write_text("{}")
    document = json.loads(path.read_text())
    document["links"].append({"rel": "child", "href": "../outside.json"})
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match="outside of the catalog's folder"):
        frozen(survey_over(path))


def test_an_item_that_cannot_be_read_is_left_out_and_named(writer: CatalogWriter) -> None:
    path = writer.write()
    broken = path.parent / "sentinel-2-l2a/first/item.json"
    broken.write_text("{")
    manifest = frozen(survey_over(path))
    assert [item.id for item in manifest.found] == ["last"]
    [unused] = manifest.left_out
    assert unused.id == str(broken)
    assert "no JSON" in unused.reason


def test_a_catalog_of_many_items_that_cannot_be_read_is_refused(
    writer: CatalogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = writer.write()
    monkeypatch.setattr(catalog, "MOST_UNREADABLE", 1)
    for name in ("first", "last"):
        (path.parent / f"sentinel-2-l2a/{name}/item.json").write_text("{")
    with pytest.raises(DataError, match=r"more than 1 of its documents.*no JSON"):
        frozen(survey_over(path))


def test_links_of_a_folder_may_be_written_as_addresses(writer: CatalogWriter) -> None:
    path = writer.write()
    text = path.read_text()
    moved = path.parent / "a b%20c"
    (path.parent / "sentinel-2-l2a").rename(moved)
    path.write_text(text.replace("sentinel-2-l2a/", "a%20b%2520c/"))
    item = frozen(survey_over(path)).found[0]
    assert item.assets["B02"].href == "a b%20c/first/B02.tif"


def test_links_in_a_circle_end(writer: CatalogWriter) -> None:
    path = writer.write()
    document = json.loads(path.read_text())
    document["links"].append({"rel": "child", "href": "./catalog.json"})
    path.write_text(json.dumps(document))
    assert len(frozen(survey_over(path)).found) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[]", "no STAC document"),
        ('{"type": "Feature"}', "no STAC catalog"),
    ],
)
def test_what_is_no_catalog_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "catalog.json").write_text(text)
    with pytest.raises((SurveyError, DataError), match=message):
        open_catalog(str(tmp_path / "catalog.json"))


def test_a_missing_catalog_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(
        SurveyError, match=r"catalog\.url: cannot read .*nowhere\.json: .*catalog\.json"
    ):
        open_catalog(str(tmp_path / "nowhere.json"))


def test_a_document_beyond_the_bound_is_not_read(
    writer: CatalogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = writer.write()
    monkeypatch.setattr(documents, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="larger than"):
        open_catalog(str(path))


def test_terrain_by_file_is_part_of_the_fingerprint(writer: CatalogWriter, tmp_path: Path) -> None:
    catalog, path = writer.write(), tmp_path / "dem.tif"
    survey = survey_over(catalog, sources={"terrain": {"path": str(path)}})
    with pytest.raises(SurveyError, match=r"sources\.terrain\.path: cannot read .*dem\.tif"):
        frozen(survey)
    marks = []
    for height in (100, 200):
        write_raster(path, np.full((30, 30), height, np.float32), pixel=30.0, nodata=None)
        manifest = frozen(survey)
        assert [item.id for item in manifest.items("terrain", ALWAYS)] == ["terrain"]
        marks.append(manifest.fingerprint)
    assert marks[0] != marks[1]
    write_raster(path, np.ones((30, 30), np.float32), left=LEFT + 5000, pixel=30.0)
    with pytest.raises(SurveyError, match="does not touch the area"):
        frozen(survey)


def test_a_raster_without_a_recorded_grid_is_asked_itself(writer: CatalogWriter) -> None:
    before = frozen(survey_over(writer.write()))
    for item in writer.items["sentinel-2-l2a"]:
        for asset in item["assets"].values():
            del asset["proj:shape"]
    assert frozen(survey_over(writer.write())) == before


def test_a_manifest_that_is_not_there_or_damaged_says_what_to_do(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(StoreError, match="minecover catalog"):
        Manifest.load(store)
    store.write_json("manifest.json", {"crs": 1})
    with pytest.raises(StoreError, match="damaged"):
        Manifest.load(store)


def test_a_tampered_manifest_does_not_reach_outside(writer: CatalogWriter) -> None:
    locate = locator_of(survey_over(writer.write()))
    assert locate("sentinel-2-l2a/first/B02.tif").startswith(str(writer.folder))
    with pytest.raises(DataError, match="outside of the catalog"):
        locate("../../etc/passwd")


@pytest.fixture
def served(writer: CatalogWriter) -> Iterator[str]:
    writer.write()
    handler = partial(_Quiet, directory=os.fspath(writer.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


def test_a_static_catalog_on_the_web_is_the_same_catalog(served: str) -> None:
    manifest = frozen(survey_over(f"{served}/catalog.json"))
    assert [item.id for item in manifest.found] == ["first", "last"]
    href = manifest.found[0].assets["B02"].href
    assert href == f"{served}/sentinel-2-l2a/first/B02.tif"


def test_a_remote_catalog_never_names_a_local_file(writer: CatalogWriter, served: str) -> None:
    writer.items["sentinel-2-l2a"][0]["assets"]["B03"]["href"] = "file:///etc/passwd"
    writer.write()
    manifest = frozen(survey_over(f"{served}/catalog.json"))
    assert [item.id for item in manifest.found] == ["last"]
    (left,) = manifest.left_out
    assert "item first, asset B03: file:///etc/passwd: only http" in left.reason


def test_a_wrong_address_is_the_surveys_fault(served: str) -> None:
    with pytest.raises(SurveyError, match=r"404.*catalog\.url"):
        open_catalog(f"{served}/stac")


def test_a_server_that_does_not_answer_is_worth_another_try() -> None:
    with pytest.raises(TryAgainError, match=r"127\.0\.0\.1:9.*catalog\.url"):
        open_catalog("http://127.0.0.1:9/stac")
    with pytest.raises(TryAgainError, match="does not answer"):
        ApiCatalog("http://127.0.0.1:9/stac").collections()


def test_the_server_of_buckets_is_an_address_alone() -> None:
    survey = survey_over("s3://b/catalog.json", catalog={"s3_endpoint": "http://127.0.0.1:9000/"})
    assert survey.catalog.s3_endpoint == "http://127.0.0.1:9000"
    assert locator_of(survey).s3.endpoint == "http://127.0.0.1:9000"
    for wrong in ("127.0.0.1:9000", "s3://b", "https://", "https://a/b", "https://me:secret@a"):
        with pytest.raises(ValueError, match="give the address of a server"):
            survey_over("s3://b/catalog.json", catalog={"s3_endpoint": wrong})
