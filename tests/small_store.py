"""A small store with all its rasters, for the tests of what is read from a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minecover.api.results import Results
from minecover.arrays import Float32Array
from minecover.geography.grid import Grid, Window
from minecover.layers import Layer, Variable, raster_layers
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.storage.names import FORMAT
from minecover.storage.raster_array import RasterArray, cube_arrays, feature_array, names_of
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from small_map import draw_codes, small_map, survey

SEASONS = ("summer", "winter")
SURFACE = Variable("reflectance", "surface reflectance", "band")
BANDS = ("B02", "B03", "B04", "B08")
CUBE = (
    *(Layer(b, "sentinel2", "band", "1", True, b, variable=SURFACE) for b in BANDS),
    Layer("CLEAR", "sentinel2", "count", "1", True, "clear", variable=Variable("clear", "clear")),
    Layer("elevation", "terrain", "terrain", "m", False, "height"),
)
FEATURES = (
    Layer("NDVI", "sentinel2", "index", "1", True, "(N - R) / (N + R)"),
    Layer("elevation", "terrain", "terrain", "m", False, "height", "elevation"),
    Layer("slope", "terrain", "terrain", "degree", False, "Horn 1981"),
)
AREA = {"bbox": [500_000, 5_600_000, 501_000, 5_600_700], "crs": "EPSG:32633"}


@dataclass(frozen=True)
class SmallStore:
    """A store, and what its layers hold: `values["cube:summer_B02"]`."""

    survey: Survey
    store: Store
    grid: Grid
    values: dict[str, Float32Array]

    @property
    def results(self) -> Results:
        return Results(self.store, self.survey)


def small_store(folder: Path) -> SmallStore:
    """Fill a store of 70 x 100 pixels in tiles of 32 with random numbers around zero."""
    wanted = survey(area=AREA, grid={"crs": "EPSG:32633", "tile": 32}, store=str(folder / "store"))
    grid = survey_grid(wanted)
    made = small_map(folder, draw_codes(grid.shape), grid, wanted)
    whole = made.layers.read(Window(0, grid.shape[0], 0, grid.shape[1]))
    values = {f"map:{name}": layer for name, layer in zip(made.layers.names, whole, strict=True)}
    for name, arrays in (
        ("cube", cube_arrays(SEASONS, CUBE)),
        ("features", (feature_array(raster_layers(SEASONS, FEATURES)),)),
    ):
        values |= _filled(made.store, name, arrays, grid)
    identity = {"name": "small", "format": FORMAT, "grid": {"crs": grid.crs}}
    made.store.write_json("survey.json", identity)
    return SmallStore(wanted, made.store, grid, values)


def _filled(
    store: Store, name: str, arrays: tuple[RasterArray, ...], grid: Grid
) -> dict[str, Float32Array]:
    layers = store.create_layers(f"{name}.zarr", grid, arrays, {})
    rng = np.random.default_rng(len(name))
    given = rng.uniform(-1, 1, (len(names_of(arrays)), *grid.shape)).astype(np.float32)
    given[:, 5, 7] = np.nan
    for tile in grid.tiles:
        layers.write_tile(grid, tile, given[:, *grid.window(tile).slices])
    return {f"{name}:{layer}": image for layer, image in zip(layers.names, given, strict=True)}


def begin_stage(made: SmallStore, stage: str, done: int) -> None:
    """Record in the ledger that some tiles of a stage are done."""
    tiles = list(made.grid.tiles)
    Ledger(made.store).lay(stage, "print", len(tiles), laid=True)
    markers = TileMarkers(made.store, stage, "print")
    for tile in tiles[:done]:
        markers.finish(tile.name, {})
