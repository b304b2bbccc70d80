"""The server of the map page: ranges, tiles and facts of a pixel, and who is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from minecover.errors import StoreError, SurveyError
from minecover.products.product import Publication
from minecover.products.publishing import publish
from minecover.products.registry import PUBLISHED
from minecover.samples.sample_set import SampleSet, parquet_bytes
from minecover.stages.shown_layers import pictures_shown
from minecover.storage.names import SAMPLES_FILE
from minecover.storage.raster_array import RasterArray
from minecover.storage.store import Store
from minecover.viewing.app import view_application
from minecover.viewing.places import Places
from minecover.viewing.published_files import PublishedFiles
from minecover.viewing.raster_tiles import RasterTiles
from small_map import SIMULATED, known_facts
from small_store import SmallStore, small_store

HOME = "http://127.0.0.1:8765"

HOSTILE = "<img src=x onerror=alert(1)>"


@dataclass(frozen=True)
class Viewed:
    made: SmallStore
    client: TestClient
    samples: pd.DataFrame

    @property
    def products(self) -> Path:
        return Path(self.made.store.url) / "products"

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=headers)


def sample_table(made: SmallStore) -> pd.DataFrame:
    """Points in the middle of pixels 0 to 29 of row 20, with the layers there."""
    columns = np.arange(30)
    to_map = made.grid.geobox.affine
    x, y = zip(*(to_map @ (column + 0.5, 20.5) for column in columns), strict=True)
    facts = {
        "id": [f"{HOSTILE}{n}" for n in columns], "x": x, "y": y, "row": 20, "col": columns,
        "code": np.where(columns < 10, 2, 3),
        "name": np.where(columns < 10, "forest_and_grass", "water"),
    }  # fmt: skip
    layers = {
        key.removeprefix("features:"): values[20, :30]
        for key, values in made.values.items()
        if key.startswith("features:")
    }
    return pd.DataFrame({**facts, **layers})


@pytest.fixture(scope="module")
def viewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    made = small_store(tmp_path_factory.mktemp("viewed"))
    facts = known_facts() | {"sources": SIMULATED}
    publication = Publication(
        name=made.survey.name, grid=made.grid, classes=made.survey.classes,
        seasons=made.survey.seasons, map=made.store.layers("map.zarr"), title=HOSTILE,
        shown=tuple(pictures_shown(made.store.layers("cube.zarr"), ["summer"])), **facts,
    )  # fmt: skip
    publish(made.store, publication, PUBLISHED)
    table = sample_table(made)
    made.store.write(SAMPLES_FILE, parquet_bytes(table))
    with TestClient(view_application(made.store), base_url=HOME) as client:
        yield Viewed(made, client, table)


def test_the_page_and_what_the_store_adds(viewed: Viewed) -> None:
    assert viewed.get("/").url == f"{HOME}/map/"
    assert "<title>Map</title>" in viewed.get("/map/").text
    shown = viewed.get("/map/layers.json").json()
    assert (shown["title"], shown["samples"], shown["point"]) == (
        HOSTILE, "api/samples", "api/point",
    )  # fmt: skip
    ids = [item["id"] for item in shown["layers"]]
    assert ids[:2] == ["landuse", "probability.2"]
    assert {"true.summer_B04", "false.winter_B08", "indices.summer_NDVI"} <= set(ids)
    units = {item["id"]: item["unit"] for item in shown["layers"] if item["kind"] == "ramp"}
    assert (units["features.slope"], units["indices.summer_NDVI"]) == ("degree", "1")


def test_layers_are_read_from_the_overview_from_afar_and_near_by_from_the_store(
    viewed: Viewed,
) -> None:
    layers = {item["id"]: item for item in viewed.get("/map/layers.json").json()["layers"]}
    summer, winter = (layers[f"true.{season}_B04"] for season in ("summer", "winter"))
    assert (summer["url"], summer["step"]) == ("../overview_summer.tif", 1)
    assert summer["stored"] == ["summer_B04", "summer_B03", "summer_B02"]
    assert summer["tiles"].startswith("api/tile?raster=cube&layers=summer_B04,summer_B03")
    assert "url" not in winter  # not published: read from the store alone
    assert (winter["levels"], winter["kind"]) == (1, "bands")
    assert "tiles" not in layers["entropy"]  # published whole


def test_files_are_given_whole_and_in_parts(viewed: Viewed) -> None:
    data = (viewed.products / "landuse.tif").read_bytes()
    whole = viewed.get("/landuse.tif")
    assert (whole.status_code, whole.content) == (200, data)
    assert whole.headers["accept-ranges"] == "bytes"
    part = viewed.get("/landuse.tif", range="bytes=10-19")
    assert (part.status_code, part.content) == (206, data[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(data)}"
    assert viewed.get("/landuse.tif", range="bytes=-5").content == data[-5:]
    assert viewed.get("/landuse.tif", range=f"bytes={len(data) - 3}-").content == data[-3:]
    assert viewed.get("/landuse.tif", range=f"bytes={len(data)}-").status_code == 416
    tag = whole.headers["etag"]
    assert viewed.client.get("/landuse.tif", headers={"If-None-Match": tag}).status_code == 304


OUTSIDE = [
    "/../survey.json", "/%2e%2e/survey.json", "/..%2fsurvey.json", "/map/../../survey.json",
    "/map/%2e%2e%2f%2e%2e/survey.json", "//etc/passwd", "/%2fetc/passwd", "/.hidden",
    "/map%5c..%5c..%5csurvey.json", "/survey.json", "/map.zarr/zarr.json", "/link", "/map",
    "/nothing.tif", "/landuse.tif%00", "/folder/secret",
]  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leaves_what_was_published(viewed: Viewed, path: str, tmp_path: Path) -> None:
    for name, target in (("link", viewed.made.store.url + "/survey.json"), ("folder", tmp_path)):
        link = viewed.products / name
        if not link.is_symlink():
            link.symlink_to(target)
    (tmp_path / "secret").write_text("secret")
    answer = viewed.get(path)
    assert answer.status_code == 404, answer.text


@given(path=st.text(st.sampled_from("./\\%2eabc~:\0"), max_size=24))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_whatever_is_asked_nothing_is_found_beside_the_products(viewed: Viewed, path: str) -> None:
    key = PublishedFiles(viewed.made.store).key(path)
    if key is not None:
        root = viewed.products.resolve()
        assert (Path(viewed.made.store.url) / key).resolve().is_relative_to(root)


@pytest.mark.parametrize("step", [1, 2])
def test_a_tile_holds_the_pixels_of_the_store(viewed: Viewed, step: int) -> None:
    names = "summer_B04,summer_B02"
    url = f"/map/api/tile?raster=cube&layers={names}&step={step}&column=0&row=0"
    tile = np.frombuffer(viewed.get(url).content, "<f4").reshape(2, 256, 256)
    wanted = np.stack([viewed.made.values[f"cube:{name}"] for name in names.split(",")])
    wanted = wanted[:, step // 2 :: step, step // 2 :: step]
    np.testing.assert_array_equal(tile[:, : wanted.shape[1], : wanted.shape[2]], wanted)
    assert np.isnan(tile[:, wanted.shape[1] :]).all()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("raster=model&layers=x&step=1&column=0&row=0", "no raster 'model'"),
        ("raster=cube&layers=x&step=1&column=0&row=0", "no layer 'x'"),
        ("raster=cube&layers=elevation&step=8&column=0&row=0", "with step 8"),
        ("raster=cube&layers=elevation&step=1&column=-1&row=0", "no tile -1, 0"),
        ("raster=cube&layers=elevation&step=1&column=9&row=0", "no tile 9, 0"),
        ("raster=cube&layers=elevation&step=1&column=a&row=0", "column: give a whole number"),
        ("raster=cube&layers=elevation&step=1&row=0", "column: give a whole number"),
    ],
)
def test_other_tiles_are_refused(viewed: Viewed, query: str, says: str) -> None:
    answer = viewed.get(f"/map/api/tile?{query}")
    assert (answer.status_code, says in answer.text) == (400, True), answer.text


def test_periods_are_read_one_by_one(tmp_path: Path) -> None:
    made = small_store(tmp_path)
    arrays = (RasterArray("landuse", ("landuse",)),)
    store = Store(str(tmp_path / "periods"))
    layers = store.create_layers("map.zarr", made.grid, arrays, {}, ("2019", "2023"))
    for number, period in enumerate(("2019", "2023"), start=1):
        for tile in made.grid.tiles:
            shape = made.grid.window(tile).shape
            values = np.full((1, *shape), number, np.float32)
            layers.write_tile(made.grid, replace(tile, period=period), values)
    tiles = RasterTiles({"map": store.layers("map.zarr")}, ["summer"])
    assert tiles.periods == ("2019", "2023")
    for period, value in (("2019", 1), ("2023", 2), ("", 2)):
        assert tiles.tile("map", ["landuse"], 1, (0, 0), period)[0, 0, 0] == value
    with pytest.raises(SurveyError, match="no period '2020'"):
        tiles.tile("map", ["landuse"], 1, (0, 0), "2020")


def test_a_pixel_is_compared_with_the_classes(viewed: Viewed) -> None:
    here = viewed.get("/map/api/point?column=12&row=20").json()
    values = viewed.made.values
    ndvi = here["features"]["NDVI"]
    assert ndvi["values"] == [
        pytest.approx(float(values[f"features:{season}_NDVI"][20, 12]))
        for season in ("summer", "winter")
    ]
    water = values["features:winter_NDVI"][20, 10:30]
    assert ndvi["classes"]["water"]["middle"][1] == pytest.approx(float(np.median(water)))
    assert [item["name"] for item in here["top"]] == []  # no selection was made
    assert [item["metres"] for item in here["nearest"]] == [0.0, 10.0, 10.0, 20.0, 20.0]
    nearest = {"id": f"{HOSTILE}12", "class": "water", "metres": 0.0, "period": ""}
    assert here["nearest"][0] == nearest
    assert viewed.get("/map/api/point?column=100&row=0").status_code == 400


def test_nodata_is_null(viewed: Viewed) -> None:
    here = viewed.get("/map/api/point?column=7&row=5").json()
    assert here["features"]["NDVI"]["values"] == [None, None]


def test_labelled_points(viewed: Viewed) -> None:
    points = viewed.get("/map/api/samples").json()["points"]
    first = viewed.samples.iloc[0]
    assert points[0] == [first["x"], first["y"], "forest_and_grass"]
    assert len(points) == 30


def test_points_of_another_period_are_not_shown(viewed: Viewed) -> None:
    table = viewed.samples.assign(period=np.where(viewed.samples["col"] < 10, "2019", "2023"))
    tiles = RasterTiles({"map": viewed.made.store.layers("map.zarr")}, ["summer"])
    corner = (viewed.made.grid.geobox.affine.c, viewed.made.grid.geobox.affine.f)
    places = Places(tiles, SampleSet(table, ()), (), corner, 10.0)
    shown = {period: {point[2] for point in places.points(period)} for period in ("2019", "2020")}
    assert shown == {"2019": {"forest_and_grass"}, "2020": set()}
    assert len(places.points()) == 30
    nearest: Any = places.describe(10, 20)
    periods = [item["period"] for item in nearest["nearest"]]
    assert periods == ["2023", "2019", "2023", "2019", "2023"]  # columns 10, 9, 11, 8, 12


def test_only_this_machine_is_answered(viewed: Viewed) -> None:
    for host in ("127.0.0.1:8765", "localhost:8765", "[::1]:8765"):
        assert viewed.get("/map/", host=host).status_code == 200
    for host in ("minecover.example", "192.0.2.7:8765", "127.0.0.1.example", ""):
        assert viewed.get("/map/", host=host).status_code == 403
    assert viewed.client.post("/map/").status_code == 405
    headers = viewed.get("/map/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "frame-ancestors 'none'"


def test_a_token_is_needed_where_there_is_one(viewed: Viewed) -> None:
    application = view_application(viewed.made.store, "secret-token")
    with TestClient(application, base_url="http://minecover.example") as client:
        for path in ("/map/", "/landuse.tif", "/map/api/point?column=1&row=1", "/map/?token=no"):
            answer = client.get(path)
            assert answer.status_code == 403
            assert "secret-token" not in answer.text
        opened = client.get("/map/?token=secret-token")
        assert (opened.status_code, opened.url.query) == (200, b"")
        cookie = opened.history[0].headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert client.get("/landuse.tif").status_code == 200


SPOILT: dict[str, Any] = {
    "grid": {"origin": [0], "resolution": 10}, "layers": [{"title": "Land use"}], "pixels": [],
    "seasons": [None], "format": 1,
}  # fmt: skip


@pytest.mark.parametrize("key", SPOILT)
def test_a_damaged_page_is_named(viewed: Viewed, key: str, tmp_path: Path) -> None:
    document = viewed.made.store.read_json("products/map/layers.json")
    for spoilt in (document | {key: SPOILT[key]}, {k: v for k, v in document.items() if k != key}):
        store = Store(str(tmp_path))
        store.write_json("products/map/layers.json", spoilt)
        with pytest.raises(StoreError, match=r"products/map/layers\.json: (damaged|not there)"):
            view_application(store)


def test_without_a_page_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"minecover publish SURVEY --again"):
        view_application(Store(str(tmp_path)))
