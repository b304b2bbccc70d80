"""A worker's memory does not grow with the tiles it has done: 4 small ones against up to 400."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from _catalogs import CatalogWriter, arrays_of_cube, cube_names, frozen, survey_over
from minecover.engines.base import TileJob
from minecover.geography.grid import Tile
from minecover.models.data import TrainingData
from minecover.models.training import train
from minecover.prediction.applicability import Applicability
from minecover.prediction.map_layers import map_arrays, map_attributes
from minecover.samples.regions import Regions
from minecover.stages.cube import CubeJob
from minecover.stages.features import FeaturesJob
from minecover.stages.predict import PredictJob
from minecover.storage.names import CUBE_RASTER, FEATURES_RASTER, TEXTURE_RANGE_FILE
from minecover.storage.raster_array import feature_array
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

pytestmark = [
    pytest.mark.alone,
    pytest.mark.integration,
    # odc-geo 0.5 still calls a function that shapely 2.2 deprecates
    pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning"),
]

EDGE, TILE, FEW = 640, 32, 4
LAYERS = ("summer_NDVI", "summer_GLCM_ENT", "summer_B8")
TEXTURE = (0.05, 0.6)
RISE = 0.05
"""Share by which the peak may rise: pages that the allocator has not given back."""


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """A survey of 400 tiles with one scene, its manifest frozen and all rasters laid out."""
    folder = tmp_path_factory.mktemp("memory")
    writer = CatalogWriter(folder / "catalog")
    dn = np.random.default_rng(0).integers(200, 7000, (EDGE, EDGE)).astype(np.uint16)
    writer.sentinel2("scene", "2021-06-10T03:00:00Z", dn)
    made = survey_over(
        writer.write(),
        (EDGE, EDGE),
        grid={"crs": "EPSG:32649", "tile": TILE},
        model={"kind": "nb"},
        engine={"tiles": "local", "prediction": "local", "training": "local", "workers": 1},
        store=str(folder / "store"),
    )
    grid, store = survey_grid(made), Store(made.store)
    frozen(made, grid).save(store)
    _save_model(made, store, folder)
    store.write_json(TEXTURE_RANGE_FILE, {"texture_range": list(TEXTURE)})
    store.create_layers(CUBE_RASTER, grid, arrays_of_cube(made), {})
    features = feature_array(made.feature_catalogue().layers)
    store.create_layers(FEATURES_RASTER, grid, [features], {})
    attributes = map_attributes(store, made.prediction)
    arrays = map_arrays(made.prediction, made.class_codes)
    store.create_layers("map.zarr", grid, arrays, attributes)
    values = np.repeat(dn[None].astype(np.float32) / 10_000, len(cube_names(made)), axis=0)
    for tile in grid.tiles:
        store.layers(CUBE_RASTER).write_tile(grid, tile, values[:, *grid.window(tile).slices])
    return made


def _save_model(survey: Survey, store: Store, folder: Path) -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(60) % 2).astype(np.int64)
    patches = rng.random((60, len(LAYERS), 1, 1)).astype(np.float32) + labels[:, None, None, None]
    data = TrainingData(patches, labels, LAYERS, tuple(survey.class_codes.values()))
    Regions().save(store)
    train(survey.model, survey.engine, data, None, folder)[0].save(store)
    importance, folds = np.ones(len(LAYERS)), np.arange(60) % 3
    Applicability.fit(data.centres, LAYERS, importance, folds).save(store)


def job_of(stage: str, survey: Survey) -> TileJob:
    if stage == "cube":
        return CubeJob(survey.store, survey, "memory")
    if stage == "features":
        return FeaturesJob(survey.store, survey, "memory", TEXTURE)
    keep = "none" if stage == "predict, features not kept" else "all"
    features = survey.features.model_copy(update={"keep": keep})
    return PredictJob(survey.store, survey.model_copy(update={"features": features}), keep)


def peaks(job: TileJob, tiles: Sequence[Tile]) -> tuple[int, int]:
    """Highest resident KiB of this process after the first few tiles, and after all."""
    for tile in tiles[:FEW]:
        job(tile)
    first = _highest()
    for tile in tiles[FEW:]:
        job(tile)
    return first, _highest()


def _highest() -> int:
    # not ru_maxrss: a child starts with its parent's
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
@pytest.mark.parametrize(
    ("stage", "count"),
    [("features", 400), ("predict", 400), ("predict, features not kept", 100), ("cube", 60)],
)
def test_a_worker_is_as_large_after_many_tiles_as_after_four(
    survey: Survey, stage: str, count: int
) -> None:
    tiles = survey_grid(survey).tiles[:count]
    assert len(tiles) == count
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        few, many = pool.apply(peaks, (job_of(stage, survey), tiles))
    print(f"{stage}: {few / 1024:.0f} MiB after {FEW} tiles, {many / 1024:.0f} after {count}")
    assert many < (1 + RISE) * few
    written = Store(survey.store).layers(
        {"cube": CUBE_RASTER, "features": FEATURES_RASTER}.get(stage, "map.zarr")
    )
    grid = survey_grid(survey)
    last = written.read(grid.window(tiles[-1]))
    assert np.isfinite(last).all()
