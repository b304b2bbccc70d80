"""Outlines of classes of a map in memory or on Dask, against those of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rioxarray  # noqa: F401
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.api.polygons import polygons
from minecover.errors import DataError, SurveyError
from minecover.products.landuse import LANDUSE
from minecover.products.mines import MINES
from small_map import draw_codes, grid, small_map, written

SHAPE = (70, 90)
NAMED = {"flag_values": [2, 3, 7], "flag_meanings": "forest_and_grass water mine"}


def landuse(codes: Any = None, **attrs: Any) -> xr.DataArray:
    codes = draw_codes(SHAPE) if codes is None else codes
    height, width = codes.shape
    coords = {"y": 5_648_235 - 10.0 * np.arange(height), "x": 585_425 + 10.0 * np.arange(width)}
    array = xr.DataArray(codes, coords, ("y", "x"), attrs=attrs or NAMED)
    return array.rio.write_crs("EPSG:32633")


def test_they_are_those_of_a_run(tmp_path: Path) -> None:
    area = small_map(tmp_path, draw_codes(SHAPE), grid(SHAPE, 32))
    folder = tmp_path / "products"
    written(area.publication(), folder, LANDUSE, MINES)
    expected = gpd.read_file(folder / "mines.gpkg", layer="mines")
    found = polygons(landuse(), ["mine"], min_area_ha=0.1)
    assert found.crs == expected.crs
    assert (found["class"] == "mine").all()
    np.testing.assert_array_equal(found["id"], expected["id"])
    assert found.geometry.geom_equals(expected.geometry).all()
    np.testing.assert_allclose(found["area_ha"], expected["area_ha"], atol=1e-4)


@settings(deadline=None, max_examples=8)
@given(
    rows=st.lists(st.integers(2, 30), min_size=1, max_size=5),
    columns=st.lists(st.integers(2, 30), min_size=1, max_size=5),
)
def test_any_chunks_give_the_same_outlines(rows: list[int], columns: list[int]) -> None:
    array = landuse(draw_codes((sum(rows), sum(columns))))
    whole = polygons(array, [7, 2], min_area_ha=0.02)
    cut = polygons(array.chunk(y=tuple(rows), x=tuple(columns)), [7, 2], min_area_ha=0.02)
    assert whole.equals(cut)
    assert whole.attrs == cut.attrs


@pytest.mark.parametrize(
    "codes", [[2, 3], [2, 3, 7, 7], [2, 3, float("nan")], [2, 3, 7.5], [2, [3], 7], "237", None]
)
def test_each_name_has_a_code(codes: object) -> None:
    odd = landuse(flag_values=codes, flag_meanings=NAMED["flag_meanings"])
    with pytest.raises(DataError, match=r"flag_values .* of flag_meanings; give one whole number"):
        polygons(odd, ["mine"])


def test_classes_are_named_coded_or_both() -> None:
    array = landuse()
    named = polygons(array, ["water", "mine"], 0.0)
    assert named.equals(polygons(array, {"water": 3, "mine": 7}, 0.0))
    assert named.equals(polygons(array, [3, 7], 0.0))
    assert set(polygons(array.drop_attrs(deep=False), [3], 0.0)["class"]) == {"3"}
    assert list(named["id"]) == list(range(1, len(named) + 1))
    pixels = int(np.isin(array, [3, 7]).sum())
    assert named["area_ha"].sum() == pytest.approx(pixels / 100, rel=2e-3)


def test_small_patches_are_left_out_and_counted() -> None:
    everything, large = (polygons(landuse(), [7], least) for least in (0.0, 0.1))
    assert everything.attrs == {"left_out": 0, "hectares_left_out": 0.0}
    assert large.attrs["left_out"] == len(everything) - len(large) > 0
    lost = everything["area_ha"].sum() - large["area_ha"].sum()
    assert large.attrs["hectares_left_out"] == pytest.approx(lost, rel=1e-4)
    none = polygons(landuse(), {"road": 9})
    assert len(none) == 0
    assert none.crs == large.crs


@pytest.mark.parametrize(
    ("given", "classes", "how", "message"),
    [
        (
            landuse(),
            ["road"],
            {},
            "'road' is no class of the map: its classes are",
        ),
        (landuse(nothing=1), ["mine"], {}, "it does not name any; give its code"),
        (landuse(), "mine", {}, "classes='mine': give a list"),
        (landuse(), [], {}, "give a list"),
        (landuse(), [7], {"min_area_ha": -1}, "min_area_ha=-1"),
        (landuse().expand_dims("time"), [7], {}, r"a DataArray \(y, x\)"),
        (landuse().drop_vars("spatial_ref").drop_encoding(), [7], {}, "no CRS"),
        (landuse().drop_vars(["x", "y"]), [7], {}, "no grid can be made out|no CRS"),
    ],
)
def test_other_maps_and_classes_are_refused(
    given: Any, classes: Any, how: dict[str, Any], message: str
) -> None:
    with pytest.raises((DataError, SurveyError), match=f"^mc.polygons: .*({message})"):
        polygons(given, classes, **how)
