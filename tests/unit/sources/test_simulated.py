"""Whether data is simulated is said by its record, or by the file itself, and never by a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from _catalogs import CatalogWriter, frozen, survey_over, write_raster
from minecover.simulated import PROPERTY, TAG, is_marked, is_tagged
from minecover.sources.manifest import Manifest
from minecover.storage.store import Store
from minecover.survey.grid import survey_grid

DN = np.full((64, 64), 1000, np.uint16)


def manifest_of(folder: Path, name: str = "tiny", tag: str | None = None, **more: Any) -> Manifest:
    """Freeze one item with those properties and a DEM of one's own with that tag."""
    writer = CatalogWriter(folder / "catalog")
    writer.sentinel2("a", "2021-06-10T03:00:00Z", DN, **more)
    dem = folder / "dem.tif"
    write_raster(dem, DN)
    if tag is not None:
        with rasterio.open(dem, "r+") as raster:
            raster.update_tags(**{TAG: tag})
    survey = survey_over(writer.write(), name=name, sources={"terrain": {"path": str(dem)}})
    return frozen(survey, survey_grid(survey))


def test_an_item_says_by_its_property_that_it_is_simulated(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, **{PROPERTY: True})
    assert manifest.simulated == {"sentinel2"}
    manifest.save(Store(str(tmp_path / "store")))
    assert Manifest.load(Store(str(tmp_path / "store"))).simulated == {"sentinel2"}


def test_a_file_of_the_survey_says_it_by_a_tag(tmp_path: Path) -> None:
    assert manifest_of(tmp_path, tag="YES").simulated == {"terrain"}


def test_a_name_says_nothing(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, name="simulated_district")
    assert manifest.simulated == frozenset()
    store = Store(str(tmp_path / "store"))
    manifest.save(store)
    assert "simulated" not in (store.read("manifest.json") or b"").decode()


@pytest.mark.parametrize("value", [False, None, "no"])
def test_only_true_is_a_mark(value: object) -> None:
    assert not is_marked({"properties": {PROPERTY: value}})
    assert not is_marked({"properties": None})


@pytest.mark.parametrize(("value", "expected"), [("YES", True), ("true", True), ("NO", False)])
def test_a_tag_is_yes_or_no(value: str, expected: bool) -> None:
    assert is_tagged({TAG: value}) is expected
    assert not is_tagged({})
