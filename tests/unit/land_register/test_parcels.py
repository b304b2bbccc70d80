"""Files of a register: polygons, days, states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pydantic import ValidationError

from minecover.errors import SurveyError
from minecover.geography.grid import Window
from minecover.land_register.parcels import Parcels, read_parcels
from minecover.land_register.register import read_register
from minecover.land_register.settings import LicenceSettings, ParcelSettings, RegisterSettings
from minecover.land_register.states import State, read_states
from small_map import grid

LEFT, TOP = 585_420.0, 5_648_240.0
DAYS = (("2019-01-01", "2019-12-31"), ("2023-01-01", "2023-12-31"))


def file_of(folder: Path, **columns: Any) -> str:
    """Four squares of 20 pixels: two on the area, one across its edge, one far from it."""
    shapes = [
        shapely.box(LEFT + x, TOP - 200 - y, LEFT + x + 200, TOP - y)
        for x, y in ((0, 0), (300, 300), (900, 100), (90_000, 0))
    ]
    table = {"name": ["b", "a", "b", "far"], **columns}
    frame = gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:32633").to_crs("EPSG:4326")
    path = folder / "register.gpkg"
    frame.to_file(path)
    return str(path)


def read(path: str, **settings: Any) -> Parcels:
    chosen = LicenceSettings(path=path, **settings)
    return read_parcels(chosen, grid((100, 100), 32), DAYS, "registers.licences")


def test_polygons_of_one_name_are_one_and_keep_their_attributes(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, holder=["One", "Two", "Three", "Four"], code=[7, 8, 7, 9]))
    assert found.names == ("a", "b")
    assert found.attributes.loc["b"].to_dict() == {
        "name": "b", "holder": "One; Three", "code": "7",
    }  # fmt: skip
    assert found.valid.all()
    masks = dict(found.over(grid((100, 100), 32), Window(0, 100, 0, 100)))
    expected = np.zeros((100, 100), dtype=bool)
    expected[30:50, 30:50] = True
    np.testing.assert_array_equal(masks[0], expected)
    assert masks[1].sum() == 400 + 200  # the third reaches over the area's edge


def test_a_licence_counts_in_periods_of_which_it_is_valid_on_a_day(tmp_path: Path) -> None:
    path = file_of(
        tmp_path,
        begins=["2010-01-01", "2019-12-31", "2030-01-01", None],
        ends=["2022-12-31", "2023-01-01", None, None],
    )
    found = read(path, granted="begins", expires="ends")
    assert found.valid.tolist() == [[True, True], [True, False]]


def test_of_a_licence_that_was_extended_each_polygon_counts_while_it_is_valid(
    tmp_path: Path,
) -> None:
    path = file_of(
        tmp_path, begins=["2010-01-01", "2010-01-01", "2023-06-01", None],
        ends=["2022-12-31", None, None, None],
    )  # fmt: skip
    found = read(path, granted="begins", expires="ends")
    assert found.valid.all()
    its_grid, whole = grid((100, 100), 32), Window(0, 100, 0, 100)
    masks = {(number, period): mask for number, period, mask in found.valid_over(its_grid, whole)}
    assert sorted(masks) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    np.testing.assert_array_equal(masks[0, 0], masks[0, 1])
    before, after = masks[1, 0], masks[1, 1]
    assert (before[:20, :20].all(), before.sum()) == (True, 400)
    assert (after[10:30, 90:].all(), after.sum()) == (True, 200)
    assert dict(found.over(its_grid, whole))[1].sum() == 600


def test_days_may_be_years_and_as_far_away_as_registers_write_for_ever(tmp_path: Path) -> None:
    path = file_of(tmp_path, begins=["0001-01-01", "2019", "2024", ""],
                   ends=["9999-12-31", "2023", "2299-01", ""])  # fmt: skip
    found = read(path, granted="begins", expires="ends")
    assert found.valid.tolist() == [[True, True], [True, True]]
    path = file_of(tmp_path, ends=["2018", "2018-12", "2018-12-31", None])
    assert not read(path, expires="ends").valid.any()
    path = file_of(tmp_path, ends=["2019-02-30", None, None, None])
    with pytest.raises(SurveyError, match="has ends: 2019-02-30; write days as YYYY-MM-DD"):
        read(path, expires="ends")


@pytest.mark.filterwarnings("ignore:invalid value encountered")  # of shapely, at no numbers
@pytest.mark.parametrize("nothing", [np.nan, np.inf])
def test_a_polygon_with_a_place_that_is_none_is_refused(tmp_path: Path, nothing: float) -> None:
    shape = shapely.from_wkt(f"POLYGON ((15 51, 15.1 51, {nothing} 51.1, 15 51))")
    path = tmp_path / "spoiled.gpkg"
    gpd.GeoDataFrame({"name": ["a"]}, geometry=[shape], crs="EPSG:4326").to_file(path)
    with pytest.raises(SurveyError, match=r"registers\.licences: a polygon has a coordinate that"):
        read(str(path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "nr"}, "registers.licences.name: .* has no attribute 'nr'; it has name, begins"),
        ({"granted": "since"}, "registers.licences.granted: .* has no attribute 'since'"),
        ({"granted": "begins"}, "registers.licences.granted: .* has begins: soon; write days as"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    path = file_of(tmp_path, begins=["2010-01-01", "soon", "", None])
    with pytest.raises(SurveyError, match=message):
        read(path, **settings)


def states_file(folder: Path, text: str) -> str:
    path = folder / "found.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_states_are_read_as_a_spreadsheet_saves_them(tmp_path: Path) -> None:
    path = states_file(
        tmp_path,
        '\ufeffsuspect,area_ha,state,note\nbeyond-1-A,3.2,Confirmed,"seen, 4 May"\n'
        "outside-2,1.0,,\n",
    )
    assert read_states(path) == {
        "beyond-1-A": State("confirmed", "seen, 4 May"), "outside-2": State(),
    }  # fmt: skip
    assert read_states(None) == {}
    path = states_file(
        tmp_path,
        "suspect;state;note;kind;parcel;lon;lat\n"
        "beyond-1-A;dismissed;seen, 4 May;beyond;A;111,5;-39,25\n"
        "outside-2;confirmed;;outside;;1.115.000;39,25\n",
    )
    assert read_states(path) == {
        "beyond-1-A": State("dismissed", "seen, 4 May", "beyond", "A", (111.5, -39.25)),
        "outside-2": State("confirmed", "", "outside"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("suspect,state\na,open\n", "line 2: 'open' is no state; write to check, confirmed"),
        ("suspect,state\na,\na,\n", "line 3: a is there twice"),
        ("name,state\na,\n", "has no column suspect; begin with a copy of suspects.csv"),
        ("", "cannot read"),
    ],
)
def test_states_that_are_none_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        read_states(states_file(tmp_path, text))


def test_a_register_needs_polygons(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="give `licences`, `protected` or `units`"):
        RegisterSettings(edge_m=5)
    path = file_of(tmp_path)
    its = read_register(
        RegisterSettings(units=ParcelSettings(path=path)), grid((100, 100), 32), DAYS
    )
    assert its.licences is None
    assert its.units is not None
    assert its.units.names == ("a", "b")
