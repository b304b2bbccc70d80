"""Products appear together, each whole, with those of other packages; a failure changes nothing."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
from pystac.stac_object import STACObjectType
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from minecover.errors import DataError, StoreError, SurveyError
from minecover.geography.grid import Window
from minecover.products.landuse import LANDUSE
from minecover.products.map_page import BUNDLED
from minecover.products.product import File, Product, Publication
from minecover.products.publishing import publish
from minecover.products.registry import PRODUCTS, PUBLISHED, in_order
from small_map import SmallMap, draw_codes, grid, small_map

OWN = PUBLISHED
PAGE = [f"map/{name}" for name in (*BUNDLED, "layers.json", "mines.json")]
"""The first of them is an asset, which stands for all."""

FILES = [
    "landuse.tif", "probability.tif", "entropy.tif", "applicability.tif", "landuse.tif.aux.xml",
    "landuse.qml", "probability.qml", "entropy.qml", "applicability.qml", "mines.gpkg",
    "accuracy.json", "summary.csv", "survey.qgs", "report.html", *PAGE, "item.json",
]  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> SmallMap:
    return small_map(tmp_path, draw_codes((90, 120)), grid((90, 120), 64))


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let products that a test registers be gone after it."""
    monkeypatch.setattr(PRODUCTS, "_added", {})
    monkeypatch.setattr(PRODUCTS, "_known", dict(PRODUCTS._known))


class AreaTable(Product[None]):
    """A product of another package: areas as CSV, from what the map's product counted."""

    requires = ("landuse",)

    def __init__(self, name: str = "areas", *, file: str = "areas.csv") -> None:
        self.name = name
        self.file = file

    def files(self, publication: Publication) -> tuple[File, ...]:
        del publication
        return (File(self.file, "Areas", "text/csv", self.name, fields={"table:columns": []}),)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        areas = publication.result(LANDUSE)
        rows = (f"{name},{area.hectares:.2f}\n" for name, area in areas.classes.items())
        paths[self.file].write_text("class,ha\n" + "".join(rows))


class Failing(AreaTable):
    """A product that fails when it is half written."""

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        super().write(publication, paths)
        raise KeyError("a mistake in it")


class Forgetful(AreaTable):
    """A product that does not write what it lists."""

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        del publication, paths


def files_of(made: SmallMap) -> dict[str, bytes]:
    root = Path(made.store.url)
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "map.zarr" not in path.parts
    }


def item_of(made: SmallMap) -> dict[str, Any]:
    item: dict[str, Any] = made.store.read_json("products/item.json")
    return item


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_all_products_appear_and_the_item_describes_them(made: SmallMap) -> None:
    keys = publish(made.store, made.publication(), OWN)
    assert keys == [f"products/{name}" for name in FILES]
    assert sorted(files_of(made)) == sorted(keys)
    assets = item_of(made)["assets"].values()
    described = {*FILES[:-1]} - {*PAGE[1:]}
    assert {asset["href"] for asset in assets} == {f"./{name}" for name in described}


def test_publishing_again_gives_the_same_bytes(made: SmallMap) -> None:
    publish(made.store, made.publication(), OWN)
    before = files_of(made)
    publish(made.store, made.publication(), OWN)
    assert files_of(made) == before


def test_without_an_assessment_there_is_no_accuracy_document(made: SmallMap) -> None:
    assert "products/accuracy.json" not in publish(made.store, made.publication(accuracy=None), OWN)
    assert "accuracy" not in item_of(made)["assets"]


def test_without_a_dissimilarity_nothing_is_said_of_applicability(tmp_path: Path) -> None:
    made = small_map(tmp_path, draw_codes((40, 40)), grid((40, 40), 32), threshold=None)
    assert "products/applicability.tif" not in publish(made.store, made.publication(), OWN)
    assert "applicability" not in item_of(made)["assets"]


@pytest.mark.usefixtures("added")
def test_a_product_of_another_package_is_written_and_described(made: SmallMap) -> None:
    PRODUCTS.register("areas", AreaTable())
    keys = publish(made.store, made.publication(), (*OWN, "areas"))
    # before the item, which is the last to appear
    assert keys[-2:] == ["products/areas.csv", "products/item.json"]
    text = (made.store.read("products/areas.csv") or b"").decode()
    assert text.splitlines()[0] == "class,ha"
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == [
        "forest_and_grass", "water", "mine",
    ]  # fmt: skip
    item = item_of(made)
    assert item["assets"]["areas"]["type"] == "text/csv"
    assert item["assets"]["areas"]["file:size"] == len(text)
    JsonSchemaSTACValidator().validate_core(item, STACObjectType.ITEM, "1.1.0")
    assert pystac.Item.from_dict(item).assets["areas"].title == "Areas"
    assert "areas.csv" in (made.store.read("products/report.html") or b"").decode()


@pytest.mark.usefixtures("added")
def test_a_product_that_fails_leaves_what_was_published(made: SmallMap) -> None:
    publish(made.store, made.publication(), OWN)
    before = files_of(made)
    PRODUCTS.register("failing", Failing("failing"))
    changed = made.publication(name="other", accuracy=None)
    with pytest.raises(KeyError, match="a mistake in it") as caught:
        publish(made.store, changed, (*OWN, "failing"))
    assert "in product 'failing' (test_publishing:failing)" in caught.value.__notes__[0]
    assert files_of(made) == before


@pytest.mark.usefixtures("added")
def test_a_product_that_does_not_write_its_file_is_named(made: SmallMap) -> None:
    PRODUCTS.register("forgetful", Forgetful("forgetful"))
    with pytest.raises(DataError, match=r"'forgetful' did not write its file areas\.csv"):
        publish(made.store, made.publication(), ("landuse", "forgetful"))
    assert files_of(made) == {}


@pytest.mark.usefixtures("added")
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("mines.gpkg", r"file mines\.gpkg is there already, of product 'mines'"),
        ("../escape.csv", "is no plain file name"),
    ],
)
def test_a_file_of_another_name_or_place_is_refused(
    made: SmallMap, file: str, message: str
) -> None:
    PRODUCTS.register("areas", AreaTable(file=file))
    with pytest.raises(DataError, match=message):
        publish(made.store, made.publication(), ("landuse", "mines", "areas"))
    assert files_of(made) == {}


@pytest.mark.usefixtures("added")
def test_two_assets_of_one_name_are_refused(made: SmallMap) -> None:
    PRODUCTS.register("report2", AreaTable("report2"))
    twin = AreaTable("twin", file="twin.csv")
    PRODUCTS.register("twin", twin)
    twin.files = lambda _: (File("twin.csv", "Areas", "text/csv", "report2"),)  # type: ignore[method-assign]
    with pytest.raises(DataError, match="asset report2 is there already, of product 'report2'"):
        publish(made.store, made.publication(), ("landuse", "report2", "twin"))


def test_what_is_not_published_any_more_is_removed(made: SmallMap) -> None:
    made.store.write("products/design.json", b"{}")  # of another command
    publish(made.store, made.publication(), OWN)
    publish(made.store, made.publication(), ("landuse", "item"))
    assert sorted(files_of(made)) == sorted(
        f"products/{name}" for name in (*FILES[:4], "item.json", "design.json")
    )
    assert set(item_of(made)["assets"]) == {
        "landuse", "probability", "entropy", "applicability",
    }  # fmt: skip


@pytest.mark.parametrize("size", [2_000, 20_000, 60_000])
def test_a_full_disk_leaves_what_was_there(made: SmallMap, size: int) -> None:
    publish(made.store, made.publication(), OWN)
    before = files_of(made)
    with room_for(size), pytest.raises(StoreError, match=r"product '\w+' cannot be written"):
        publish(made.store, made.publication(name="other"), OWN)
    assert files_of(made) == before


def test_a_map_of_another_survey_leaves_nothing(tmp_path: Path) -> None:
    codes = np.full((40, 40), 9, np.float32)
    made = small_map(tmp_path, codes, grid((40, 40), 32))
    with pytest.raises(DataError, match="codes of no class of the survey"):
        publish(made.store, made.publication(), OWN)
    assert files_of(made) == {}


def test_the_order_is_the_registrys_with_what_describes_all_at_the_end() -> None:
    names = [product.name for product in in_order(("item", "report", "landuse", "mines"))]
    assert names == ["landuse", "mines", "report", "item"]


@pytest.mark.usefixtures("added")
def test_a_product_comes_after_those_it_requires() -> None:
    first, second = AreaTable("a"), AreaTable("b")
    first.requires = ("b",)
    PRODUCTS.register("a", first)
    PRODUCTS.register("b", second)
    assert [p.name for p in in_order(("a", "b", "landuse"))] == ["landuse", "b", "a"]
    second.requires = ("a",)
    with pytest.raises(SurveyError, match="products a, b require each other"):
        in_order(("a", "b", "landuse"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("mines", "item"), "product 'mines' reads 'landuse'"),
        (("landuse", "tiles"), "no product 'tiles'; there are landuse, legend"),
    ],
)
def test_products_that_lack_another_are_refused(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        in_order(names)


@pytest.mark.usefixtures("added")
def test_one_product_has_one_name() -> None:
    PRODUCTS.register("table", AreaTable("areas"))
    with pytest.raises(SurveyError, match="'table' calls itself 'areas'"):
        in_order(("landuse", "table"))


def test_stores_that_the_item_names_are_left_when_it_is_written_again(made: SmallMap) -> None:
    publication = made.publication(rasters=[made.layers])
    publish(made.store, publication, OWN)
    assert item_of(made)["assets"]["map.zarr"]["href"] == "../map.zarr"
    publish(made.store, publication, OWN)
    landuse = made.layers.read(Window(0, 90, 0, 120), ["landuse"])[0]
    np.testing.assert_array_equal(landuse, made.codes)


def test_a_result_is_of_a_product_that_is_written(made: SmallMap) -> None:
    publication = made.publication()
    with pytest.raises(SurveyError, match="'landuse' is not written yet"):
        publication.result(LANDUSE)
    assert LANDUSE not in publication
    assert LANDUSE in replace(publication, results={"landuse": None})


def test_the_item_is_json_of_equal_bytes(made: SmallMap) -> None:
    publish(made.store, made.publication(), OWN)
    data = made.store.read("products/item.json") or b""
    assert json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode() == data
