"""Features that are not kept are those that would have been, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from shapely.geometry import Polygon, box

from _catalogs import arrays_of_cube, cube_names
from _indices import BSI, registered
from minecover.errors import DataError, StoreError
from minecover.features.computed import ComputedFeatures
from minecover.features.spectral_index import SpectralIndex
from minecover.geography.grid import Grid, Window
from minecover.samples.patches import extract
from minecover.samples.points import Points
from minecover.stages import features as features_stage
from minecover.stages.features import FeaturesJob, open_features
from minecover.storage.raster_array import feature_array
from minecover.storage.store import Layers, Store
from minecover.survey import Survey
from minecover.testing import assert_same_bits
from small_map import survey

SHAPE, TILE = (150, 170), 32
RANGE = (0.02, 0.5)
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"fill": "year", "fill_distance": 2, "texture_window": 7, "ndri": "swir1_green"},
    {"indices": ["BSI", "NDVI", "relief"], "texture_band": "VV"},
)
RELIEF = SpectralIndex(
    "relief", ("elevation",), "of a layer that has no seasons", np.positive, (0.0, 1.0)
)


def triangle() -> Grid:
    """A grid of which 6 x 5 tiles the area touches about half; a hole is one of them."""
    geobox = GeoBox.from_bbox((0, 0, 1700, 1500), crs="EPSG:32649", resolution=10)
    area = Polygon([(0, 0), (1700, 0), (0, 1500)]).difference(box(300, 200, 700, 560))
    return Grid(geobox, TILE, area)


def survey_of(folder: Path, **features: Any) -> Survey:
    return survey(
        store=str(folder),
        features=features,
        sources={"sentinel1": {}, "terrain": {}, "night_lights": {"path": "ntl.tif"}},
    )


def cube_values(its: Survey) -> np.ndarray:
    """Reflectance with gaps, backscatter, relief; 0.4 on top makes textures of it."""
    rng = np.random.default_rng(0)
    values = rng.random((len(cube_names(its)), *SHAPE)).astype(np.float32) / 2
    values[:, rng.random(SHAPE) < 0.05] = np.nan
    for layer in values[::5]:
        layer[rng.random(SHAPE) < 0.2] = np.nan
    return values


@pytest.fixture(scope="module", params=range(len(SETTINGS)))
def stored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ComputedFeatures, Layers]:
    """The same survey twice: computed when read, and written tile by tile."""
    folder = tmp_path_factory.mktemp("store")
    with registered(BSI, RELIEF):
        its = survey_of(folder, **SETTINGS[request.param])
        catalogue = its.feature_catalogue()
    grid, store = triangle(), Store(str(folder))
    values = cube_values(its)
    cube = store.create_layers("cube.zarr", grid, arrays_of_cube(its), {})
    written = store.create_layers("features.zarr", grid, [feature_array(catalogue.layers)], {})
    for tile in grid.tiles:
        cube.write_tile(grid, tile, values[:, *grid.window(tile).slices])
    with pytest.MonkeyPatch.context() as patch, registered(BSI, RELIEF):
        patch.setattr(features_stage, "survey_grid", lambda _: grid)
        job = FeaturesJob(store.url, its, "fingerprint", RANGE)
        for tile in grid.tiles:
            job(tile)
    assert 10 < len(grid.tiles) < 25
    return ComputedFeatures.of(catalogue, grid, cube, RANGE), written


@settings(max_examples=12, deadline=None)
@given(data=st.data(), mirror=st.booleans())
def test_any_window_of_any_layers(
    stored: tuple[ComputedFeatures, Layers], data: st.DataObject, mirror: bool
) -> None:
    computed, written = stored
    assert computed.names == written.names
    assert computed.shape == written.shape
    y0, x0 = data.draw(st.integers(-20, 149)), data.draw(st.integers(-20, 169))
    height, width = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 60))
    names = data.draw(st.lists(st.sampled_from(written.names), min_size=1, max_size=5, unique=True))
    window = Window(y0, y0 + height, x0, x0 + width)
    expected = written.read(window, names, mirror=mirror)
    assert_same_bits(computed.read(window, names, mirror=mirror), expected)


def test_the_whole_grid(stored: tuple[ComputedFeatures, Layers]) -> None:
    computed, written = stored
    whole = Window(0, SHAPE[0], 0, SHAPE[1])
    assert_same_bits(computed.read(whole), written.read(whole))
    assert np.isfinite(written.read(whole)).any(axis=(1, 2)).all()


@pytest.mark.parametrize("window", [1, 9])
def test_patches_around_points(stored: tuple[ComputedFeatures, Layers], window: int) -> None:
    computed, written = stored
    rng = np.random.default_rng(1)
    places = {"row": rng.integers(0, SHAPE[0], 60), "col": rng.integers(0, SHAPE[1], 60)}
    points = Points(pd.DataFrame(places), {})
    names = ["summer_B8", "summer_NDVI", "winter_GLCM_ENT", "slope", "summer_VV", "NTL"]
    expected = extract(points, written, window, names)
    assert_same_bits(extract(points, computed, window, names), expected)


def test_only_the_seasons_asked_for_are_read(
    stored: tuple[ComputedFeatures, Layers], monkeypatch: pytest.MonkeyPatch
) -> None:
    computed, _ = stored
    asked: list[str] = []
    read = Layers.read

    def counting(self: Layers, window: Window, names: Any = None, **options: Any) -> Any:
        asked.extend(names)
        return read(self, window, names, **options)

    monkeypatch.setattr(Layers, "read", counting)
    computed.read(Window(0, 5, 0, 5), ["summer_NDVI"])
    seasons = ["summer"]
    if computed.catalogue.settings.fill == "year":
        seasons.append("winter")
    assert set(asked) >= {f"{season}_{band}" for season in seasons for band in ("B04", "B08")}
    other = [name for name in asked if not name.startswith(tuple(seasons))]
    assert not other
    assert not [name for name in asked if name.endswith(("CLEAR", "VV"))]


def test_an_index_of_another_package_is_computed_in_every_season(
    stored: tuple[ComputedFeatures, Layers],
) -> None:
    computed, written = stored
    if "BSI" not in computed.catalogue.settings.indices:
        assert not [name for name in computed.names if "BSI" in name]
        return
    whole = Window(0, SHAPE[0], 0, SHAPE[1])
    for season in ("summer", "winter"):
        bands = [computed.cube.names.index(f"{season}_{band}") for band in BSI.bands]
        expected = BSI(computed.cube.read(whole)[bands])
        touched = np.isfinite(written.read(whole, [f"{season}_B8"])) & np.isfinite(expected)
        found = written.read(whole, [f"{season}_BSI"])
        assert_same_bits(found[touched], expected[touched])
        assert touched.sum() > 1000


def test_a_layer_may_be_wanted_twice(stored: tuple[ComputedFeatures, Layers]) -> None:
    computed, written = stored
    names = ["slope", "summer_NDVI", "slope"]
    window = Window(20, 50, 10, 60)
    assert_same_bits(computed.read(window, names), written.read(window, names))


def test_a_layer_that_is_none_is_named(stored: tuple[ComputedFeatures, Layers]) -> None:
    with pytest.raises(StoreError, match="features: no layer autumn_NDVI"):
        stored[0].read(Window(0, 5, 0, 5), ["autumn_NDVI"])


def test_they_are_opened_as_the_survey_keeps_them(tmp_path: Path) -> None:
    kept, not_kept = (survey_of(tmp_path, keep=keep) for keep in ("all", "none"))
    store = Store(str(tmp_path))
    with pytest.raises(StoreError, match=r"features\.zarr: not there"):
        open_features(store, kept)
    with pytest.raises(DataError, match="run `minecover features`"):
        open_features(store, not_kept)
