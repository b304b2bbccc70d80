"""Mined ground inside, outside and beyond of polygons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float32Array
from minecover.geography.grid import Grid, Window
from minecover.land_register.findings import NOWHERE, Finding, Key, Search
from minecover.land_register.ground import Inside, Maps, measure_inside
from minecover.land_register.parcels import Parcels
from minecover.land_register.states import State
from minecover.land_register.tables import licence_table, suspects_of, unit_table
from small_map import grid

SHAPE = (100, 120)
LEFT, TOP = 585_420.0, 5_648_240.0
PIXEL = 100 * 10**6
"""Square millimetres of a pixel of 10 m."""

Ids = npt.NDArray[np.int64]


def rectangle(y0: float, y1: float, x0: float, x1: float) -> shapely.Polygon:
    """Pixels of the grid, half open."""
    return shapely.box(LEFT + 10 * x0, TOP - 10 * y1, LEFT + 10 * x1, TOP - 10 * y0)


def parcels(valid: Mapping[str, list[bool]], **shapes: shapely.Geometry) -> Parcels:
    attributes = pd.DataFrame({"holder": [f"{name} Ltd" for name in shapes]}, index=list(shapes))
    return Parcels(
        tuple(shapes), np.array(list(shapes.values()), dtype=object), attributes,
        np.array([
            [shape if then else shapely.Polygon() for then in valid.get(name, [True, True])]
            for name, shape in shapes.items()
        ], dtype=object),
    )  # fmt: skip


def maps_of(ids: Ids, its_grid: Grid) -> Maps:
    def probability(window: Window, period: int) -> Float32Array:
        return np.where(ids[period][window.slices] > 0, 0.8, 0.1).astype(np.float32)

    return Maps(
        its_grid, lambda w: ids[(slice(None), *w.slices)],
        lambda w: np.full(w.shape, PIXEL, dtype=np.int64), probability,
    )  # fmt: skip


def searched(
    ids: Ids, its_grid: Grid, licences: Parcels | None, protected: Parcels | None = None,
    units: Parcels | None = None, edge: float = 10.0,
) -> tuple[Inside, Mapping[Key, Finding], Search]:  # fmt: skip
    maps = maps_of(ids, its_grid)
    inside = measure_inside(maps, licences, protected, units)
    search = Search(maps, licences, protected, inside, 10 * PIXEL, edge)
    return inside, search.findings(), search


def story() -> Ids:
    """Mine 1 grows to the east, mine 2 stays as it is."""
    ids = np.zeros((2, *SHAPE), dtype=np.int64)
    ids[0, 10:40, 10:40] = 1
    ids[1, 10:40, 10:60] = 1
    ids[:, 60:70, 10:20] = 2
    return ids


def test_a_mine_that_grows_over_the_edge_of_its_licence() -> None:
    licences = parcels({"C": [True, False]}, A=rectangle(5, 45, 10, 50), C=rectangle(55, 75, 5, 25))
    inside, found, _ = searched(story(), grid(SHAPE, 32), licences)
    table = licence_table(licences, inside, found, ("2019", "2023")).set_index(
        ["licence", "period"]
    )
    assert table.loc[("A", "2019"), "inside_ha"] == pytest.approx(9)
    assert table.loc[("A", "2023"), "inside_ha"] == pytest.approx(12)
    assert table.loc[("A", "2023"), "inside_new_ha"] == pytest.approx(3)
    assert table.loc[("A", "2019"), "beyond_ha"] == 0
    assert table.loc[("A", "2023"), "beyond_ha"] == pytest.approx(3)
    assert table.loc[("A", "2023"), "beyond_new_ha"] == pytest.approx(3)
    assert table.loc[("A", "2023"), "holder"] == "A Ltd"
    # mine 2 has a licence in the first period alone
    assert table.loc[("C", "2019"), "inside_ha"] == pytest.approx(1)
    assert table.loc[("C", "2023"), "inside_ha"] == 0
    assert table.loc[("", "2019"), "outside_ha"] == 0
    assert table.loc[("", "2023"), "outside_ha"] == pytest.approx(1)
    assert table.loc[("", "2023"), "outside_new_ha"] == 0
    assert table.loc[("", "2023"), "mines"] == "2"
    assert np.isnan(table.loc[("A", "2019"), "inside_new_ha"])


def test_suspects_have_a_confidence_and_a_state() -> None:
    licences = parcels({}, A=rectangle(5, 45, 10, 50))
    _, found, search = searched(story(), grid(SHAPE, 32), licences)
    one, other = suspects_of(found, licences, None, ("2019", "2023"), least=10 * PIXEL)
    assert (one.key, one.since, one.until, one.now) == ("beyond-1-A", "2023", "2023", True)
    assert (one.hectares, one.fresh) == (pytest.approx(3), pytest.approx(3))
    # of ten columns the first lies 5 m from the edge, and is no evidence
    assert one.confidence == pytest.approx(0.8 * 9 / 10)
    assert one.level == "high"
    assert one.box == (10, 50, 39, 59)
    assert (other.key, other.since, other.state) == ("outside-2", "2019", State())
    assert other.confidence == pytest.approx(0.8)
    pixels = search.pixels(one.found, Window(0, 100, 0, 120))
    assert pixels.sum() == 300
    assert pixels[10:40, 50:60].all()


def test_a_strip_along_the_edge_is_no_evidence() -> None:
    licences = parcels({}, A=rectangle(5, 45, 10, 59))
    _, found, _ = searched(story(), grid(SHAPE, 32), licences)
    one, *_ = (
        suspect
        for suspect in suspects_of(found, licences, None, ("2019", "2023"), least=1)
        if suspect.kind == "beyond"
    )
    assert (one.hectares, one.confidence, one.level) == (pytest.approx(0.3), 0.0, "low")


def test_what_is_no_more_is_told_with_its_last_period() -> None:
    ids = story()
    ids[1, 60:70] = 0
    licences = parcels({}, A=rectangle(5, 45, 10, 60))
    _, found, _ = searched(ids, grid(SHAPE, 32), licences)
    (gone,) = suspects_of(found, licences, None, ("2019", "2023"), least=10 * PIXEL)
    assert (gone.key, gone.since, gone.until, gone.now) == ("outside-2", "2019", "2019", False)
    assert np.isnan(gone.fresh)


def test_ground_between_two_licences_goes_to_the_nearer() -> None:
    licences = parcels({}, A=rectangle(5, 45, 10, 30), B=rectangle(5, 45, 50, 60))
    _, found, _ = searched(story(), grid(SHAPE, 32), licences)
    beyond = {
        n: f.ground.mined // PIXEL for (k, n, m, p), f in found.items() if p and k == "beyond"
    }
    assert beyond == {0: 300, 1: 300}  # columns 30 to 39, and 40 to 49
    # a licence of which the mine has too little does not count
    licences = parcels({}, A=rectangle(5, 45, 10, 30), B=rectangle(5, 11, 55, 60))
    _, found, _ = searched(story(), grid(SHAPE, 32), licences)
    assert {n for k, n, _, _ in found if k == "beyond"} == {0}


def test_mining_in_a_protected_area_has_its_own_list() -> None:
    protected = parcels({}, P=rectangle(0, 15, 10, 20))
    _, found, _ = searched(story(), grid(SHAPE, 32), None, protected)
    first, second = (found["protected", 0, 1, period] for period in (0, 1))
    assert first.ground.mined == second.ground.mined == 50 * PIXEL
    # pixels whose centre is 10 m from the outline: not its first and last columns, nor its last row
    assert second.sure == 800 * 4 * 8 * PIXEL
    assert set(found) == {("protected", 0, 1, 0), ("protected", 0, 1, 1)}


def test_units_add_up() -> None:
    licences = parcels({}, A=rectangle(5, 45, 10, 50))
    units = parcels({}, north=rectangle(0, 30, 0, 120), south=rectangle(30, 100, 0, 120))
    inside, _, _ = searched(story(), grid(SHAPE, 32), licences, None, units)
    table = unit_table(units, inside, ("2019", "2023"), licensed=True)
    table = table.set_index(["unit", "period"])
    assert table.loc[("north", "2023"), "mined_ha"] == pytest.approx(10)
    assert table.loc[("north", "2023"), "mined_new_ha"] == pytest.approx(4)
    assert table.loc[("north", "2023"), "unlicensed_ha"] == pytest.approx(2)
    assert table.loc[("south", "2023"), "mined_ha"] == pytest.approx(6)
    assert table.loc[("south", "2023"), "unlicensed_ha"] == pytest.approx(2)
    assert "unlicensed_ha" not in unit_table(units, inside, ("2019", "2023"), licensed=False)


@st.composite
def shapes(draw: st.DrawFn) -> shapely.Geometry:
    corners = [draw(st.tuples(st.integers(0, 120), st.integers(0, 100))) for _ in range(3)]
    points = [(LEFT + 10 * x, TOP - 10 * y) for x, y in corners]
    return shapely.convex_hull(shapely.MultiPoint(points)).buffer(30)


@settings(max_examples=12, deadline=None)
@given(st.lists(shapes(), min_size=2, max_size=4), st.integers(0, 2**31))
def test_findings_are_the_same_however_the_grid_is_cut(
    drawn: list[shapely.Geometry], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 4, (2, 10, 12)) * (rng.random((2, 10, 12)) < 0.4)
    ids = np.kron(coarse, np.ones((1, 10, 10), dtype=np.int64))
    first, *rest = drawn
    licences = parcels({}, **{f"L{number}": shape for number, shape in enumerate(rest)})
    results = []
    for tile in (32, 128):
        inside, found, _ = searched(ids, grid(SHAPE, tile), licences, parcels({}, P=first))
        results.append((inside.licences, inside.protected, dict(found)))
    assert results[0] == results[1]
    licensed = np.zeros(SHAPE, dtype=bool)
    for _, mask in licences.over(grid(SHAPE, 128), Window(0, 100, 0, 120)):
        licensed |= mask
    for period in (0, 1):
        free = sum(
            f.ground.mined for (k, _, _, p), f in found.items() if p == period and k != "protected"
        )
        assert free == PIXEL * ((ids[period] > 0) & ~licensed).sum()
        assert all(n == NOWHERE for k, n, _, _ in found if k == "outside")
