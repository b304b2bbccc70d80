"""The overview of the cube and the indices: bytes that give their values back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from minecover.geography.grid import Window
from minecover.products import overview
from minecover.products.overview import OVERVIEW, step_of
from minecover.products.product import Shown
from minecover.storage.raster_array import RasterArray
from small_map import SIMULATED, SmallMap, draw_codes, grid, small_map, written

SHAPE = (46, 70)

COLOURS = ("red", "green", "blue")


@pytest.fixture
def made(tmp_path: Path) -> SmallMap:
    return small_map(tmp_path, draw_codes(SHAPE), grid(SHAPE, 32))


def shown(made: SmallMap) -> tuple[Shown, ...]:
    """Three bands, the first of them as an index, too; the second was not seen in 8 rows."""
    rows, columns = np.indices(SHAPE).astype(np.float32)
    values = np.stack([rows / 50, columns / 50 + 1, -columns])
    values[1, :8] = np.nan
    arrays = (RasterArray("bands", COLOURS, {"band": COLOURS}),)
    cube = made.store.create_layers("cube.zarr", made.grid, arrays, {})
    for tile in made.grid.tiles:
        cube.write_tile(made.grid, tile, values[:, *made.grid.window(tile).slices])
    return (
        Shown("True colour", "True colour, summer", "summer", "cube", cube, COLOURS),
        Shown("Indices", "NDVI, summer", "summer", "features", cube, ("red",)),
    )


@pytest.mark.parametrize("step", [1, 4])
def test_bytes_are_steps_between_dark_and_bright(
    made: SmallMap, tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "WHOLE", 70 // step + 1)
    pictures = shown(made)
    publication = made.publication(shown=pictures, sources=SIMULATED)
    entries = written(publication, tmp_path / "out", OVERVIEW).result(OVERVIEW)
    whole = pictures[0].raster.read(Window(0, 46, 0, 70))
    with rasterio.open(tmp_path / "out" / "overview_summer.tif") as file:
        assert file.descriptions == ("red", "green", "blue", "red")
        assert file.tags()["SIMULATED"] == "YES"
        assert file.res == (10 * step, 10 * step)
        assert (file.bounds.left, file.bounds.top) == (585_420.0, 5_648_240.0)
        pixels, scales, offsets = file.read(), file.scales, file.offsets
    assert pixels.shape == (4, -(-46 // step), -(-70 // step))
    for band, layer in enumerate((0, 1, 2, 0)):
        wanted = whole[layer, step // 2 :: step, step // 2 :: step]
        found = pixels[band, : wanted.shape[0], : wanted.shape[1]]
        np.testing.assert_array_equal(found == 0, np.isnan(wanted))
        low, high = offsets[band] + scales[band], offsets[band] + 255 * scales[band]
        values = offsets[band] + scales[band] * found.astype(float)
        near = np.abs(values - np.clip(wanted, low, high)) <= 0.51 * scales[band]
        assert near[found > 0].all()
    true, index = entries
    assert (true["id"], true["bands"], true["step"]) == ("true.red", [1, 2, 3], step)
    assert (index["id"], index["bands"], index["kind"]) == ("indices.red", [4], "ramp")
    ends = [offsets[2] + steps * scales[2] for steps in (1, 255)]
    assert [true["low"][2], true["high"][2]] == pytest.approx(ends)
    assert index["scale"] == [scales[3]]


def test_without_anything_to_look_at_there_is_no_file(made: SmallMap) -> None:
    assert OVERVIEW.files(made.publication()) == ()


@pytest.mark.parametrize(("edge", "step"), [(90, 1), (512, 1), (513, 2), (4097, 8), (40_000, 8)])
def test_how_many_pixels_it_shows_one_of(edge: int, step: int) -> None:
    its = grid((64, 64), 64)
    geobox = GeoBox((64, edge), its.geobox.affine, its.geobox.crs)
    assert step_of(type(its)(geobox, 64, its.area)) == step
