"""Mines against a register, as it is published."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from mine_story import FOREST, SHAPE, story, timeline
from minecover.land_register.register import read_register
from minecover.land_register.settings import LicenceSettings, ParcelSettings, RegisterSettings
from minecover.mine_history.settings import MineSettings
from minecover.products.mine_history import MINE_HISTORY
from minecover.products.product import Publication
from minecover.products.register import REGISTER
from small_map import SIMULATED, grid, small_map, written

LEFT, TOP = 585_420.0, 5_648_240.0


def square(y0: float, y1: float, x0: float, x1: float) -> shapely.Polygon:
    return shapely.box(LEFT + 10 * x0, TOP - 10 * y1, LEFT + 10 * x1, TOP - 10 * y0)


def parcels(folder: Path, name: str, **shapes: shapely.Geometry) -> str:
    table = {"name": list(shapes), "mine": [f"holder of <{key}>" for key in shapes]}
    path = folder / f"{name}.gpkg"
    gpd.GeoDataFrame(table, geometry=list(shapes.values()), crs="EPSG:3035").to_file(path)
    return str(path)


def published(folder: Path, states: str | None = None, **changes: Any) -> Publication:
    folder.mkdir(parents=True, exist_ok=True)
    its_grid = grid(SHAPE, 64, crs="EPSG:3035")
    maps = timeline(story(), its_grid, ("2019", "2021", "2023"))
    settings = RegisterSettings(
        licences=LicenceSettings(path=parcels(folder, "licences", L1=square(5, 45, 5, 45))),
        protected=ParcelSettings(path=parcels(folder, "parks", Park=square(78, 90, 95, 110))),
        units=ParcelSettings(
            path=parcels(folder, "counties", North=square(0, 50, 0, 120),
                         South=square(50, 100, 0, 120))
        ),
        states=states,
    )  # fmt: skip
    publication = small_map(folder, np.full(SHAPE, FOREST, np.float32), its_grid).publication(
        timeline=maps, mines=MineSettings(restored=("water",)),
        register=read_register(settings, its_grid, maps.days), **changes,
    )  # fmt: skip
    return written(publication, folder / "out", MINE_HISTORY, REGISTER)


@pytest.fixture(scope="module")
def its(tmp_path_factory: pytest.TempPathFactory) -> Publication:
    return published(tmp_path_factory.mktemp("register"), sources=SIMULATED)


def table(its: Publication, name: str) -> pd.DataFrame:
    return pd.read_csv(its.paths[name], dtype={"period": str, "since": str, "until": str})


def test_licences_and_units_by_period(its: Publication) -> None:
    licences = table(its, "licences.csv").fillna({"licence": ""}).set_index(["licence", "period"])
    assert licences.loc["L1", "inside_ha"].tolist() == pytest.approx([9, 10.5, 10.5])
    assert licences.loc["L1", "beyond_ha"].tolist() == pytest.approx([0, 4.5, 4.5])
    assert licences.loc["L1", "beyond_new_ha"].tolist()[1:] == pytest.approx([2.5, 0])
    # mines 2 and 3 in the first period, mine 4 in the last
    assert licences.loc["", "outside_ha"].tolist() == pytest.approx([3, 0, 0.2])
    units = table(its, "units.csv").set_index(["unit", "period"])
    assert units.loc["North", "mined_ha"].tolist() == pytest.approx([11, 15, 15])
    assert units.loc["South", "mined_ha"].tolist() == pytest.approx([1, 0, 0.2])
    assert units.loc["South", "mine"].tolist() == ["holder of <South>"] * 3


def test_intervals_of_a_design_stand_beside_what_is_counted(
    its: Publication, tmp_path: Path
) -> None:
    def of(value: float) -> dict[str, Any]:
        area = {"mine": {"value": value, "low": value - 1, "high": value + 1}}
        return {"periods": {"2019": {"area_ha": area}}}

    beyond = {"periods": {"2021": {"points": 3, "area_ha": {"value": 4, "low": 2, "high": 7}}}}
    areas = {"change": {"licences": {"L1": of(9.5), "outside all": of(3.5)},
                        "beyond": {"L1": beyond}}}  # fmt: skip
    again = published(tmp_path, sources=SIMULATED, areas=areas)
    found = table(again, "licences.csv")
    assert found["estimate_ha"].fillna(-1).tolist() == [9.5, -1, -1, 3.5, -1, -1]
    assert found["high_ha"].fillna(-1).tolist() == [10.5, -1, -1, 4.5, -1, -1]
    assert "estimate_ha" not in table(again, "units.csv")
    assert found["beyond_high_ha"].fillna(-1).tolist() == [-1, 7, -1, -1, -1, -1]
    ends = [
        f"{prefix}{end}_ha" for prefix in ("", "beyond_") for end in ("estimate", "low", "high")
    ]
    counted = found.drop(columns=ends)
    pd.testing.assert_frame_equal(counted, table(its, "licences.csv"))


def test_suspects_are_listed_with_their_outlines(its: Publication) -> None:
    suspects = table(its, "suspects.csv")
    assert suspects["suspect"].tolist() == [
        "beyond-1-L1", "outside-4", "protected-4-Park", "outside-2", "outside-3",
    ]  # fmt: skip
    assert suspects["area_ha"].tolist() == pytest.approx([4.5, 0.2, 0.2, 2, 1])
    assert suspects["now"].tolist() == [True, True, True, False, False]
    assert set(suspects["state"]) == {"to check"}
    assert suspects["register_mine"][0] == "holder of <L1>"
    frame = gpd.read_file(its.paths["suspects.gpkg"])
    assert (frame.geometry.area / 1e4).tolist() == pytest.approx(suspects["area_ha"].tolist())
    expected = square(10, 40, 45, 60)
    assert frame.geometry[0].symmetric_difference(expected).area == pytest.approx(0, abs=1e-3)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.sections = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sections += tag == "section"
        if tag == "img":
            self.pictures.append(str(dict(attrs)["alt"]))


def test_every_suspect_has_a_sheet_with_pictures_before_and_after(its: Publication) -> None:
    text = its.paths["suspects.html"].read_text()
    page = Page()
    page.feed(text)
    assert page.sections == 6
    assert [re.sub("the ground in ", "", alt) for alt in page.pictures] == [
        "2021", "2023", "2021", "2023", "2021", "2023", "2019", "2019",
    ]  # fmt: skip
    assert "SIMULATED DATA" in text
    assert "holder of &lt;L1&gt;" in text


def test_what_people_found_survives_the_next_run(its: Publication, tmp_path: Path) -> None:
    suspects = table(its, "suspects.csv")
    suspects["note"] = suspects["note"].fillna("")
    suspects.loc[1, ["state", "note"]] = ["dismissed", "a quarry for the road"]
    suspects.to_csv(tmp_path / "found.csv", index=False)
    again = published(tmp_path / "again", str(tmp_path / "found.csv"), sources=SIMULATED)
    told = table(again, "suspects.csv")
    assert told["suspect"].tolist() == suspects["suspect"].tolist()
    assert told.loc[1, ["state", "note"]].tolist() == ["dismissed", "a quarry for the road"]
    for name in ("licences.csv", "units.csv"):
        assert again.paths[name].read_bytes() == its.paths[name].read_bytes()


def test_what_people_found_follows_the_ground_where_ids_change(
    its: Publication, tmp_path: Path
) -> None:
    suspects = table(its, "suspects.csv")
    suspects["note"] = ["", "", "", "second", "third"]
    suspects["state"] = ["to check", "to check", "to check", "dismissed", "confirmed"]
    # as if mines 2 and 3 had had each other's ids, and another mine the first id
    suspects["suspect"] = ["beyond-7-L1", "outside-4", "protected-4-Park", "outside-3", "outside-2"]
    gone = {"suspect": "outside-9", "state": "dismissed", "note": "=gravel; for roads",
            "kind": "outside", "lon": 0.0, "lat": 50.0}  # fmt: skip
    pd.concat([suspects, pd.DataFrame([gone])]).to_csv(tmp_path / "found.csv", index=False)
    again = published(tmp_path / "again", str(tmp_path / "found.csv"), sources=SIMULATED)
    told = table(again, "suspects.csv").set_index("suspect")
    assert told.loc["outside-2", ["state", "note"]].tolist() == ["dismissed", "second"]
    assert told.loc["outside-3", ["state", "note"]].tolist() == ["confirmed", "third"]
    # what is of no suspect stays at the end of the list, for the next copy of it
    assert told.index.tolist() == [*table(its, "suspects.csv")["suspect"], "outside-9"]
    assert told.loc["outside-9", ["state", "kind"]].tolist() == ["dismissed", "outside"]
    assert "Findings without a suspect" in again.paths["suspects.html"].read_text()
    assert len(gpd.read_file(again.paths["suspects.gpkg"])) == 5
    again.paths["suspects.csv"].replace(tmp_path / "next.csv")
    third = published(tmp_path / "third", str(tmp_path / "next.csv"), sources=SIMULATED)
    assert third.paths["suspects.csv"].read_bytes() == (tmp_path / "next.csv").read_bytes()


def test_equal_maps_give_equal_bytes(its: Publication, tmp_path: Path) -> None:
    again = published(tmp_path, sources=SIMULATED)
    for file in REGISTER.files(its):
        assert again.paths[file.name].read_bytes() == its.paths[file.name].read_bytes()


def test_without_licences_and_without_findings_there_is_little(tmp_path: Path) -> None:
    its_grid = grid(SHAPE, 64, crs="EPSG:3035")
    maps = timeline(np.full((1, *SHAPE), FOREST, np.uint8), its_grid, ("2023",))
    path = parcels(tmp_path, "parks", Park=square(78, 90, 95, 110))
    for settings, names in (
        (RegisterSettings(protected=ParcelSettings(path=path)),
         ["suspects.csv", "suspects.gpkg", "suspects.html"]),
        (RegisterSettings(units=ParcelSettings(path=path)), ["units.csv"]),
    ):  # fmt: skip
        its_map = small_map(tmp_path, np.full(SHAPE, FOREST, np.float32), its_grid)
        publication = its_map.publication(
            timeline=maps, register=read_register(settings, its_grid, maps.days)
        )
        assert [file.name for file in REGISTER.files(publication)] == names
        done = written(publication, tmp_path / "out", MINE_HISTORY, REGISTER)
        assert done.result(REGISTER) == ()
    assert REGISTER.files(its_map.publication()) == ()
