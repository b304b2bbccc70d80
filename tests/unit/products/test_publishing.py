from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from minecover.errors import DataError, StoreError
from minecover.products.publishing import PRODUCTS, publish
from minecover.products.stac import file_record
from small_map import SmallMap, draw_codes, facts, grid, small_map


@pytest.fixture
def made(tmp_path: Path) -> SmallMap:
    return small_map(tmp_path, draw_codes((90, 120)), grid((90, 120), 64))


def files_of(made: SmallMap) -> dict[str, bytes]:
    root = Path(made.store.url)
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "map.zarr" not in path.parts
    }


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_all_products_appear_and_the_item_knows_them(made: SmallMap) -> None:
    keys, summary = publish(made.store, made.survey, made.grid, facts())
    assert summary.applicability is not None
    assert keys == [f"products/{name}" for name in PRODUCTS]
    assert sorted(files_of(made)) == sorted(keys)
    folder = Path(made.store.url) / "products"
    item = json.loads((folder / "item.json").read_bytes())
    for asset in item["assets"].values():
        record = file_record(folder / asset["href"])
        if asset["href"] != "./report.html":
            assert asset["file:size"] == record.size
            assert asset["file:checksum"] == f"1220{record.sha256}"
    assert len(item["assets"]) == len(PRODUCTS) - 1


def test_publishing_again_gives_the_same_bytes(made: SmallMap) -> None:
    publish(made.store, made.survey, made.grid, facts())
    before = files_of(made)
    publish(made.store, made.survey, made.grid, facts())
    assert files_of(made) == before


def test_without_an_assessment_there_is_no_accuracy_document(made: SmallMap) -> None:
    keys, _ = publish(made.store, made.survey, made.grid, facts(accuracy=None))
    assert "products/accuracy.json" not in keys
    item = json.loads(files_of(made)["products/item.json"])
    assert "accuracy" not in item["assets"]


def test_without_a_dissimilarity_nothing_is_said_of_applicability(tmp_path: Path) -> None:
    made = small_map(tmp_path, draw_codes((40, 40)), grid((40, 40), 32), threshold=None)
    keys, summary = publish(made.store, made.survey, made.grid, facts())
    assert "products/applicability.tif" not in keys
    assert summary.applicability is None
    item = json.loads(files_of(made)["products/item.json"])
    assert "applicability" not in item["assets"]


@pytest.mark.parametrize("size", [2_000, 20_000, 60_000])
def test_a_full_disk_leaves_what_was_there(made: SmallMap, size: int) -> None:
    publish(made.store, made.survey, made.grid, facts())
    before = files_of(made)
    with room_for(size), pytest.raises(StoreError, match="products: cannot be written"):
        publish(made.store, made.survey, made.grid, facts(min_area_ha=0.3))
    assert files_of(made) == before


def test_a_map_of_another_survey_leaves_nothing(tmp_path: Path) -> None:
    codes = np.full((40, 40), 9, np.float32)
    made = small_map(tmp_path, codes, grid((40, 40), 32))
    with pytest.raises(DataError, match="codes of no class of the survey"):
        publish(made.store, made.survey, made.grid, facts())
    assert files_of(made) == {}


def test_without_a_map_the_stage_before_is_named(made: SmallMap) -> None:
    made.store.delete("map.zarr")
    with pytest.raises(StoreError, match=r"map\.zarr: not there; run the stage before"):
        publish(made.store, made.survey, made.grid, facts())
