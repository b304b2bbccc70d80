"""The simulated district with a history: what may change, what is true of it, what is published."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pystac
import pytest
import rasterio
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize
from rasterio.transform import rowcol

from minecover.commands.app import main
from minecover.demo.calendar import OVERPASSES, Year
from minecover.demo.chronicle import Chronicle, write_chronicle
from minecover.demo.courses import COURSES, Dates, Form, Use
from minecover.demo.district import District, build_district
from minecover.demo.frame import SMALLEST, Frame
from minecover.demo.history import TRANSITIONS, History
from minecover.demo.licences import draw_licences, licence_table
from minecover.demo.materials import CLASSES, Land
from minecover.demo.mine_ids import identify_mines
from minecover.demo.years import draw_years
from minecover.errors import SurveyError
from minecover.survey import load

PERIODS = 4
NAMES = ("2017", "2019", "2021", "2023")


def draw(size: int, seed: int, periods: int) -> Chronicle:
    history = History(Frame(size), seed, draw_years(periods, seed))
    return Chronicle(history, draw_licences(history), history.truth())


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    """A small one with its images."""
    folder = tmp_path_factory.mktemp("history")
    return build_district(folder, size=SMALLEST, seed=1, points_scale=4, periods=PERIODS)


@pytest.fixture(scope="module")
def chronicle() -> Chronicle:
    """A larger one without images."""
    return draw(256, 1, PERIODS)


@pytest.fixture(scope="module")
def written(chronicle: Chronicle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truth")
    write_chronicle(chronicle, folder)
    return folder


def table(folder: Path, name: str) -> pd.DataFrame:
    kinds = {"period": str, "earlier": str, "later": str}
    return pd.read_csv(folder / f"{name}.csv", dtype=kinds, keep_default_na=False)


def test_land_turns_only_as_it_may(chronicle: Chronicle) -> None:
    for codes in (chronicle.codes, draw(96, 3, 6).codes):
        for before, after in itertools.pairwise(codes):
            pairs = {(int(a), int(b)) for a, b in zip(before.flat, after.flat, strict=True)}
            assert all(after in TRANSITIONS[before] for before, after in pairs)
        assert set(np.unique(codes)) == set(Land)


def test_what_was_mined_never_looks_untouched_again(chronicle: Chronicle) -> None:
    truth = chronicle.codes
    touched = np.isin(truth, (Land.MINING, Land.RESTORED))
    for earlier, later in ((0, 1), (0, 3), (1, 2), (2, 3)):
        natural = np.isin(truth[later], (Land.FOREST_GRASS, Land.BARE_LAND))
        assert not (touched[earlier] & natural).any()


def test_a_greened_pit_stays_restored_unless_it_is_dug_again_or_built_on(
    chronicle: Chronicle,
) -> None:
    truth = chronicle.codes
    restored = truth == Land.RESTORED
    for before, after in itertools.pairwise(truth):
        left = after[(before == Land.RESTORED) & (after != Land.RESTORED)]
        assert set(np.unique(left)) <= {Land.MINING, Land.BUILT_UP}
    assert (restored[1:] & restored[:-1]).sum() > 0.8 * restored[:-1].sum()


def test_every_kind_of_change_occurs(chronicle: Chronicle) -> None:
    truth = chronicle.codes
    steps = {
        (int(a), int(b))
        for before, after in itertools.pairwise(truth)
        for a, b in zip(before.flat, after.flat, strict=True)
    }
    wanted = {
        (Land.FOREST_GRASS, Land.MINING),  # opened
        (Land.MINING, Land.WATER),  # flooded
        (Land.MINING, Land.RESTORED),  # greened
        (Land.RESTORED, Land.MINING),  # dug again
        (Land.RESTORED, Land.BUILT_UP),  # built on
        (Land.FOREST_GRASS, Land.BUILT_UP),  # the town and the roads
    }
    assert wanted <= steps


def test_areas_and_transitions_add_up(chronicle: Chronicle, written: Path) -> None:
    truth = chronicle.codes
    areas = table(written, "areas").pivot(index="period", columns="class", values="hectares")
    assert areas.sum(axis=1).to_numpy() == pytest.approx(truth[0].size / 100)
    assert areas.loc["2021", "water"] == pytest.approx((truth[2] == Land.WATER).sum() / 100)
    turned = table(written, "transitions")
    for number, (earlier, later) in enumerate(itertools.pairwise(NAMES)):
        step = turned[(turned.earlier == earlier) & (turned.later == later)]
        begun = step.groupby("from_class").hectares.sum()
        ended = step.groupby("to_class").hectares.sum()
        assert begun.to_dict() == pytest.approx(areas.loc[earlier].to_dict())
        assert ended.to_dict() == pytest.approx(areas.loc[later].to_dict())
        changed = step[step.from_class != step.to_class].hectares.sum()
        assert changed == pytest.approx((truth[number] != truth[number + 1]).sum() / 100)


def test_licences_are_overrun_by_what_is_stated(chronicle: Chronicle, written: Path) -> None:
    truth, grid = chronicle.codes, chronicle.history.frame.district_grid
    register = licence_table(chronicle.licences, grid, 2017).set_index("licence")
    stated = table(written, "licences").set_index(["licence", "period"]).sort_index()
    transform = grid.transform
    mining = truth == Land.MINING
    for name, shape in register.geometry.items():
        inside = rasterize([shape], truth.shape[1:], transform=transform) > 0
        assert shape.area == 100 * inside.sum()  # no pixel is partly inside
        for period, mined in zip(NAMES, mining, strict=True):
            assert stated.loc[(name, period), "mining_inside"] == pytest.approx(
                (mined & inside).sum() / 100
            )
        assert register.hectares[name] == pytest.approx(inside.sum() / 100)
    every = rasterize(register.geometry, truth.shape[1:], transform=transform) > 0
    outside = stated.loc[""].mining_beyond
    assert outside.to_numpy() == pytest.approx((mining & ~every).sum(axis=(1, 2)) / 100)
    assert outside["2017"] < outside["2019"] < outside["2021"] < outside["2023"]
    beyond = stated.drop("", level="licence").mining_beyond.unstack()
    assert (beyond["2017"] == 0).all()
    facts = chronicle.facts()
    course = {mine["licence"]: mine["course"] for mine in facts["mines"] if mine["licence"]}
    overrun = {course[name] for name in beyond.index[beyond["2023"] > 0.3]}
    assert overrun == {"advancing", "merging"}
    kept = [name for name in course if course[name] in ("closing", "flooding", "splitting")]
    assert (beyond.loc[kept, "2023"] == 0).all()
    unused = register.index.difference(list(course))
    assert stated.loc[unused].disturbed_inside.sum() == 0


def test_mines_open_merge_split_and_end(chronicle: Chronicle, written: Path) -> None:
    truth = chronicle.codes
    with rasterio.open(written / "mines.tif") as file:
        ids = file.read()
    descents = table(written, "genealogy")
    assert {"new", "continued", "merged", "split", "ended"} <= set(descents.event)
    assert not (ids[truth != Land.MINING] > 0).any()
    # what is too small to be a mine is all that is left out
    assert (ids[truth == Land.MINING] == 0).mean() < 0.1
    for _, row in descents[descents.parent > 0].iterrows():
        number = NAMES.index(row.period)
        earlier, later = ids[number - 1] == row.parent, ids[number] == row.mine
        assert earlier.any()
        if row.event == "ended":
            assert not (ids[number] == row.parent).any()
        else:
            assert (earlier & later).sum() / 100 == pytest.approx(row.shared_hectares)
        if row.event == "merged":
            assert not (ids[number:] == row.parent).any()
        if row.event in ("new", "split"):
            assert not (ids[:number] == row.mine).any()
    counted = table(written, "mines").groupby(["period", "mine"]).hectares.sum()
    for number, name in enumerate(NAMES):
        found, pixels = np.unique(ids[number][ids[number] > 0], return_counts=True)
        assert counted[name].to_dict() == pytest.approx(dict(zip(found, pixels / 100, strict=True)))


def test_years_of_digging_and_greening_fit_the_classes(chronicle: Chronicle, written: Path) -> None:
    truth = chronicle.codes
    with rasterio.open(written / "years.tif") as file:
        dug, greened = file.read()
    natural = np.isin(truth, (Land.FOREST_GRASS, Land.BARE_LAND))
    for number, name in enumerate(NAMES):
        new = (truth[number] == Land.MINING) & natural[number - 1] if number else None
        if new is not None:
            # a pixel of 10 m turns when half of it is dug, a little after its first part is
            assert (dug[new] <= int(name)).all()
            assert (dug[new] >= int(NAMES[number - 1]) - 1).mean() > 0.95
        assert (greened[truth[number] == Land.RESTORED] <= int(name)).all()
    assert (dug[(truth == Land.RESTORED).any(axis=0)] > 0).all()
    assert not (dug[natural[-1] & (truth[0] == truth[-1])] > 2023).any()


def test_samples_are_of_every_period_but_one(district: District) -> None:
    points = gpd.read_file(district.samples)
    assert sorted(points.period.unique()) == ["2017", "2019", "2023"]
    assert (points.date.astype(str).str[:4] == points.period).all()
    with rasterio.open(district.truth) as file:
        assert file.descriptions == NAMES
        truth = file.read()
        moved = points.to_crs(file.crs)
        rows, columns = rowcol(file.transform, moved.geometry.x, moved.geometry.y)
    band = points.period.map({name: number for number, name in enumerate(NAMES)})
    names = np.array(["", *(name for name, _ in CLASSES.values())])
    codes = truth[band.to_numpy(), np.asarray(rows, int), np.asarray(columns, int)]
    assert (names[codes] == points["class"].to_numpy()).all()


def test_the_catalog_has_the_seasons_of_all_periods(district: District) -> None:
    loaded = load(district.survey)
    assert loaded.period_names == NAMES
    assert loaded.registers is not None
    assert loaded.change.transitions["mining -> forest_grass"] == 0
    survey = yaml.safe_load(district.survey.read_text())
    assert "seasons" not in survey
    catalog = pystac.Catalog.from_file(str(district.catalog))
    members = {c.id: list(c.get_items()) for c in catalog.get_children()}
    assert {name: len(items) for name, items in members.items()} == {
        "sentinel-2-l2a": 88, "sentinel-1-rtc": 32, "nasadem": 1, "luojia-1": 1,
    }  # fmt: skip
    for collection, least in (("sentinel-2-l2a", 4), ("sentinel-1-rtc", 2)):
        days = [item.datetime.date().isoformat() for item in members[collection] if item.datetime]
        for period in survey["periods"].values():
            for ranges in period["seasons"].values():
                begin, end = ranges[0].split("/")
                assert sum(begin <= day <= end for day in days) >= least
    platforms = {item.properties["platform"] for item in members["sentinel-2-l2a"]}
    assert platforms == {"Sentinel-2A", "Sentinel-2B"}
    baselines = {item.properties["s2:processing_baseline"] for item in members["sentinel-2-l2a"]}
    assert {"02.12", "03.01", "04.00", "05.09"} <= baselines
    ids = [item.id for items in members.values() for item in items]
    assert len(set(ids)) == len(ids)


def _summer_greenness(district: District, year: str, mask: npt.NDArray[np.bool_]) -> float:
    """Median NDVI of the western half in its June image."""
    folder = next((district.catalog.parent / "sentinel-2-l2a").glob(f"*L2A_{year}06*T49S*"))
    with rasterio.open(district.truth) as grid:
        left, top = grid.transform.c, grid.transform.f
    half = mask.shape[1] // 2

    def read(name: str) -> npt.NDArray[Any]:
        with rasterio.open(folder / f"{name}.tif") as file:
            column, row = (round(part) for part in ~file.transform * (left, top))
            window = ((row, row + mask.shape[0]), (column, column + half))
            return np.asarray(file.read(1, window=window), dtype=np.float64)

    offset = 1000 if "N0509" in folder.name else 0
    red, near = read("B04") - offset, read("B08") - offset
    index = (near - red) / (near + red)
    return float(np.median(index[mask[:, :half]]))


def test_a_drought_browns_what_did_not_change(district: District) -> None:
    with rasterio.open(district.truth) as file:
        grass = (file.read() == Land.FOREST_GRASS).all(axis=0)
    greenness = {name: _summer_greenness(district, name, grass) for name in NAMES}
    assert district.history is not None
    facts = json.loads((district.history / "history.json").read_text())
    assert (facts["dry"], facts["without_samples"]) == ("2019", "2021")
    dry = greenness.pop("2019")
    assert dry < min(greenness.values()) - 0.03


def test_what_the_truth_folder_holds_is_described(district: District, written: Path) -> None:
    assert district.history is not None
    names = {file.name for file in district.history.iterdir()}
    assert names == {file.name for file in written.iterdir()}
    text = (written / "README.md").read_text()
    assert all(f"`{name}`" in text for name in names - {"README.md"})
    assert district.licences is not None
    register = gpd.read_file(district.licences)
    assert register.crs == "EPSG:32649"
    assert register.licence.is_unique


def test_the_same_seed_gives_the_same_history_and_another_another(
    chronicle: Chronicle, written: Path, tmp_path: Path
) -> None:
    again = draw(256, 1, PERIODS)
    write_chronicle(again, tmp_path)
    for file in written.iterdir():
        assert file.read_bytes() == (tmp_path / file.name).read_bytes(), file.name
    last = chronicle.history.years[-1]
    one, two = chronicle.history.scene(last), again.history.scene(last)
    assert (one.material == two.material).all()
    assert (one.elevation == two.elevation).all()
    other = draw(256, 2, 2)
    assert (other.codes[-1] != chronicle.codes[-1]).mean() > 0.2
    assert other.history.years[0].overpasses != chronicle.history.years[0].overpasses


@pytest.mark.parametrize("periods", [-1, 0, 1, 10])
def test_an_impossible_number_of_periods_is_refused(tmp_path: Path, periods: int) -> None:
    with pytest.raises(SurveyError, match=f"history of {periods} periods cannot be simulated"):
        build_district(tmp_path / "no", size=96, periods=periods)
    assert not (tmp_path / "no").exists()


def test_the_command_refuses_one_period_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["minecover", "demo", str(tmp_path / "no"), "--periods=1"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert "history of 1 periods cannot be simulated: give 2 to 9" in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not printed.out
    assert not (tmp_path / "no").exists()


@given(st.integers(2, 9), st.integers(0, 2**31))
@settings(deadline=None, max_examples=30)
def test_every_date_lies_in_its_season_and_periods_follow_each_other(
    periods: int, seed: int
) -> None:
    years = draw_years(periods, seed)
    assert [year.number for year in years] == list(range(periods))
    usual = [Year.season_of(years[0], o.date) for o in years[0].overpasses]
    for year in years:
        assert [year.season_of(overpass.date) for overpass in year.overpasses] == usual
        assert len(year.overpasses) == len(OVERPASSES)
        dates = [overpass.date for overpass in year.overpasses]
        assert dates == sorted(set(dates))
        assert all(year.season_of(date) for date in year.radar_passes)
        assert all(0 < overpass.clouds <= 0.4 for overpass in year.overpasses)
    ends = [(y.seasons["spring"].split("/")[0], y.seasons["winter"].split("/")[1]) for y in years]
    assert all(one[1] < two[0] for one, two in itertools.pairwise(ends))
    dry = [year for year in years if year.vigour < 0.9]
    assert len(dry) == 1


@given(st.sampled_from(sorted(COURSES)), st.floats(0, 1), st.floats(0, 1), st.booleans())
@settings(deadline=None)
def test_a_use_never_goes_back(name: str, out: float, along: float, of_pit: bool) -> None:
    course = COURSES[name]
    plan = course.pit if of_pit or course.dump is None else course.dump
    form = Form(np.array([[out]], np.float32), np.array([[along]], np.float32))
    dates: Dates = plan(form)
    uses = [int(dates.use(moment)[0, 0]) for moment in np.linspace(-2, 1, 61)]
    assert uses == sorted(uses)
    assert uses[-1] > Use.NATURAL


def test_mines_keep_their_ids_through_growth_merging_splitting_and_gaps() -> None:
    mined = np.zeros((4, 12, 24), dtype=bool)
    mined[0, 2:5, 2:6] = True  # 1: grows, merges as the larger
    mined[0, 2:5, 14:17] = True  # 2: merges into 1
    mined[1, 2:5, 2:9] = True
    mined[1, 2:5, 14:18] = True
    mined[2, 2:5, 2:18] = True
    mined[3, 2:5, 2:8] = True  # splits: the larger part, 1, goes on
    mined[3, 2:5, 13:18] = True
    mined[3, 9:11, 2:7] = True  # a new one
    mined[3, 9, 20] = True  # too small
    ids, descents = identify_mines(mined, reach=1, least=2, least_share=0.1)
    rows = {(d.period, d.mine, d.parent, d.event, d.pixels) for d in descents}
    assert rows == {
        (0, 1, 0, "new", 0), (0, 2, 0, "new", 0),
        (1, 1, 1, "continued", 12), (1, 2, 2, "continued", 9),
        (2, 1, 1, "continued", 21), (2, 1, 2, "merged", 12),
        (3, 1, 1, "continued", 18), (3, 3, 1, "split", 15), (3, 4, 0, "new", 0),
    }  # fmt: skip
    assert set(np.unique(ids[3])) == {0, 1, 3, 4}


def test_of_even_parts_that_which_is_older_keeps_the_id() -> None:
    mined = np.zeros((3, 9, 50), dtype=bool)
    mined[0, 2:7, 30:40] = True  # in the east
    mined[1, 2:7, 10:40] = True
    mined[2, 2:7, 10:24] = True  # 70 pixels, all new in the second period
    mined[2, 2:7, 27:40] = True  # 65 pixels, 50 of which are as old as the mine
    ids, descents = identify_mines(mined, reach=1, least=2, least_share=0.1)
    assert (ids[2, 4, 12], ids[2, 4, 35]) == (2, 1)
    rows = {(d.mine, d.parent, d.event, d.pixels) for d in descents if d.period == 2}
    assert rows == {(1, 1, "continued", 65), (2, 1, "split", 70)}
    mined[2, 2:7, 27:30] = False  # much less than the other now
    ids, _ = identify_mines(mined, reach=1, least=2, least_share=0.1)
    assert (ids[2, 4, 12], ids[2, 4, 35]) == (1, 2)


def test_patches_a_road_apart_are_one_mine() -> None:
    mined = np.zeros((1, 9, 20), dtype=bool)
    mined[0, 2:7, 2:9] = mined[0, 2:7, 12:18] = True  # three pixels between them
    apart, _ = identify_mines(mined, reach=1, least=1, least_share=0.1)
    joined, _ = identify_mines(mined, reach=2, least=1, least_share=0.1)
    assert (int(apart.max()), int(joined.max())) == (2, 1)
