"""What a store holds that is damaged: it is named, with what mends it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import minecover as mc
from fuzz.mutations import with_value
from minecover.errors import StoreError
from minecover.geography.grid import Window
from minecover.planning.check import check_survey
from minecover.samples.sample_set import SampleSet
from minecover.storage.identity import known_store
from minecover.storage.names import ACCURACY_FILE, FORMAT, SAMPLES_FILE, SURVEY_FILE
from minecover.storage.store import Store
from small_store import SmallStore, small_store


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    """A store in which one shard of each raster is cut."""
    made = small_store(tmp_path_factory.mktemp("damaged"))
    for name in ("cube.zarr/reflectance/c/0/0", "features.zarr/features/c/0", "map.zarr/landuse/c"):
        path = Path(made.store.url, name, "1", "2")
        path.write_bytes(path.read_bytes()[:50])
    return made


@pytest.mark.parametrize(
    ("raster", "stage"), [("cube", "cube"), ("features", "features"), ("map", "predict")]
)
def test_a_damaged_tile_is_named_with_what_mends_it(
    damaged: SmallStore, raster: str, stage: str
) -> None:
    advice = (
        rf"{raster}\.zarr: tile r0001c0002 is damaged .*retry --tile r0001c0002 --stage {stage}"
    )
    rows, columns = damaged.grid.shape
    with pytest.raises(StoreError, match=advice):
        damaged.store.layers(f"{raster}.zarr").read(Window(0, rows, 0, columns))
    lazy = getattr(damaged.results, raster)
    with pytest.raises(StoreError, match=advice):
        lazy.compute()
    lazy.isel(y=slice(0, 32, 3), x=5).compute()  # of whole tiles


def test_a_damaged_table_or_document_is_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_json(
        SURVEY_FILE, {"name": "small", "format": FORMAT, "grid": {"crs": "EPSG:32649"}}
    )
    for data in (b"PAR1", b"", b"nothing of Parquet"):
        store.write(SAMPLES_FILE, data)
        with pytest.raises(StoreError, match=r"samples\.parquet: damaged; .*samples --again"):
            SampleSet.read(store)
    for document in ({}, [], {"splits": {}}, {"splits": {"random": {}}}):
        store.write_json(ACCURACY_FILE, document)
        with pytest.raises(StoreError, match=r"accuracy\.json: damaged; .*assess --again"):
            _ = mc.open_store(tmp_path).accuracy
    for identity in ([], {}, 3):
        store.write_json(SURVEY_FILE, identity)
        with pytest.raises(StoreError, match=r"survey\.json: damaged"):
            known_store(str(tmp_path))


def test_a_model_that_is_damaged_or_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no model of `Model\.save` is there"):
        mc.Model.load(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    for document in ({}, [], {"kind": "rf", "classes": 3}):
        Store(str(tmp_path)).write_json("model/classes.json", document)
        with pytest.raises(StoreError, match=r"classes\.json: damaged"):
            mc.Model.load(tmp_path)


def test_check_refuses_a_store_of_another_format(tmp_path: Path) -> None:
    made = small_store(tmp_path)
    made.store.write_json(SURVEY_FILE, {"name": "old", "format": 2})
    found = next(check_survey(made.survey))
    assert found.kind == "wrong"
    assert "format 2" in found.text


LANDUSE = ("consolidated_metadata", "metadata", "landuse", "attributes")

METADATA = {
    "a list of layers": (("attributes", "layers"), 3, "cube"),
    "layers of that list": (("attributes", "layers", 0, 1), ["B02"], "cube"),
    "its arrays": (("attributes", "layers"), [], "map"),
    "attributes": (("consolidated_metadata", "metadata", "features", "attributes"), 3, "features"),
    "a dimension": (
        ("consolidated_metadata", "metadata", "features", "dimension_names", 0), None, "features",
    ),
    "a season": (
        ("consolidated_metadata", "metadata", "season", "dimension_names"), None, "features",
    ),
    "codes of classes": ((*LANDUSE, "flag_values"), [1.0, 2.0], "map"),
    "a code of a class": ((*LANDUSE, "flag_values"), [1.0, [2.0]], "map"),
}  # fmt: skip
"""What of the metadata of a raster is spoiled: place, value, raster."""


@pytest.mark.parametrize(("place", "value", "raster"), METADATA.values(), ids=METADATA)
def test_metadata_that_describes_no_arrays_is_named(
    damaged: SmallStore, place: tuple[str | int, ...], value: object, raster: str
) -> None:
    path = Path(damaged.store.url, f"{raster}.zarr", "zarr.json")
    written = path.read_bytes()
    path.write_text(json.dumps(with_value(json.loads(written), place, value)))
    stage = {"map": "predict"}.get(raster, raster)
    try:
        with pytest.raises(StoreError, match=rf"{raster}\.zarr: damaged, .*`minecover {stage} --a"):
            getattr(damaged.results, raster)
    finally:
        path.write_bytes(written)
