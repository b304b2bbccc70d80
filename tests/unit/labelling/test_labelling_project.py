"""Projects of points: what is asked, where answers go, and what comes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import box

from minecover.area_estimation.labelled_points import read_points, same_points
from minecover.area_estimation.workflow import POINTS
from minecover.errors import DataError, StoreError, SurveyError
from minecover.labelling.answers import NO_REVISION, Answer
from minecover.labelling.opening import begin_labelling, open_project
from minecover.labelling.project import Project, check_basemap, read_project
from minecover.labelling.result import standing, write_result
from minecover.samples.files import read_labels
from minecover.storage.store import Store
from minecover.survey import Survey
from small_labelling import points_file
from small_store import SmallStore, small_store

CODES = {"forest_and_grass": 2, "water": 3, "mine": 7}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return small_store(tmp_path_factory.mktemp("labelling"))


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def begin(made: SmallStore, tmp_path: Path, count: int = 4) -> Project:
    points = points_file(made, tmp_path / "points.gpkg", count)
    return open_project(made.survey, tmp_path / "project", points, None)


def say(project: Project, name: str, **labels: str | None) -> None:
    """Let somebody answer points p1, p2 and so on."""
    for point, label in labels.items():
        answer = Answer(label, label == "water", f"{name} on {point}", name)
        project.answers_of(name).answer(point.removeprefix("p"), answer, NO_REVISION)


def test_points_of_ones_own_become_samples(made: SmallStore, tmp_path: Path) -> None:
    project = begin(made, tmp_path)
    say(project, "ann", p1="water", p2="mine", p3=None)
    path = write_result(project, standing(project, CODES))
    samples = made.survey.samples.model_copy(update={"path": str(path)})
    [read] = read_labels(samples, CODES)
    assert read.frame["label"].tolist() == ["water", "mine", "", ""]
    table = gpd.read_file(path)
    assert table["id"].tolist() == ["p1", "p2", "p3", "p4"]
    assert table["in_doubt"].tolist() == [1, 0, 0, 0]
    assert table["labellers"].tolist() == ["ann", "ann", "ann", ""]
    assert table["comment"][2] == "ann on p3"
    assert table.geometry.geom_equals(project.points.geometry).all()


def test_where_labellers_differ_nothing_is_said_until_it_is_settled(
    made: SmallStore, tmp_path: Path
) -> None:
    project = begin(made, tmp_path)
    say(project, "ann", p1="water", p2="mine", p3="mine", p4=None)
    say(project, "bo", p1="water", p2="water", p3=None)
    now = standing(project, CODES)
    assert now.open == {"2": {"ann": "mine", "bo": "water"}}
    result = [now.result(question.key)[0] for question in project.questions]
    assert result == ["water", "", "mine", ""]
    work = begin_labelling(made.survey, project, "cy", settle=True)
    assert [item["name"] for item in work.document()["questions"]] == ["p2"]
    assert work.answers()["said"]["2"]["bo"]["comment"] == "bo on p2"
    work.answer({"question": "2", "label": "mine", "doubt": False, "comment": "", "seen": 0})
    settled = standing(project, CODES)
    assert (settled.open, settled.result("2")[0]) == ({}, "mine")
    assert settled.result("2")[1][0].by == "cy"


def test_nothing_to_settle_is_said(made: SmallStore, tmp_path: Path) -> None:
    project = begin(made, tmp_path)
    say(project, "ann", p1="water")
    with pytest.raises(SurveyError, match=r"--settle: the labellers of .* \(ann\) differ nowhere"):
        begin_labelling(made.survey, project, "ann", settle=True)


def test_a_class_that_the_file_gave_stays_where_nobody_answered(
    made: SmallStore, tmp_path: Path
) -> None:
    path = points_file(made, tmp_path / "points.gpkg", 3)
    gpd.read_file(path).assign(**{"class": ["7", "mine", "sand"], "note": "n"}).to_file(path)
    project = open_project(made.survey, tmp_path / "project", path, None)
    say(project, "ann", p1="water", p2=None)
    table = gpd.read_file(write_result(project, standing(project, CODES)))
    assert table["class"].tolist() == ["water", "mine", "sand"]
    assert table["note"].tolist() == ["n", "n", "n"]


def design(made: SmallStore, columns: tuple[str, ...]) -> dict[str, Any]:
    """Put a design into the store, as `minecover design` writes it."""
    places = [(20, 12), (3, 5), (60, 90)]
    x, y = zip(*(made.grid.geobox.affine @ (c + 0.5, r + 0.5) for r, c in places), strict=True)
    table = gpd.GeoDataFrame(
        {"id": [1, 2, 3], "stratum": "mine", "pixels": 100, "inclusion": 0.03, "weight": 33.3,
         **dict.fromkeys(columns, "")},
        geometry=gpd.points_from_xy(x, y), crs=made.grid.crs,
    )  # fmt: skip
    with made.store.writing_file(POINTS) as path:
        table.to_file(path, driver="GPKG", layer="design")
    points = [{"id": n, "row": r, "col": c, "stratum": "mine"}
              for n, (r, c) in enumerate(places, start=1)]  # fmt: skip
    return {"points": points, "strata": {"mine": {"pixels": 100}}}


def test_points_of_a_design_go_back_into_areas(made: SmallStore, tmp_path: Path) -> None:
    document = design(made, ("reference",))
    project = open_project(made.survey, tmp_path / "project", None, None)
    work = begin_labelling(made.survey, project, "ann")
    assert work.places.tolist() == [[20, 12], [3, 5], [60, 90]]
    assert [question.column for question in project.questions] == ["reference"] * 3
    for key, label in (("1", "mine"), ("2", "water"), ("3", "mine")):
        work.answer({"question": key, "label": label, "doubt": False, "comment": "", "seen": 0})
    path = work.write()["path"]
    table = read_points(Path(path), CODES, None, ("reference",))
    same = same_points(table, document, made.grid, path)
    assert same["reference"].tolist() == ["mine", "water", "mine"]


def of_periods(made: SmallStore) -> Survey:
    """Give the survey two periods."""
    given = made.survey.model_dump(mode="json", exclude_unset=True)
    del given["seasons"]
    periods = {year: {"seasons": {"summer": [f"{year}-06-01/{year}-08-31"]}}
               for year in ("2019", "2023")}  # fmt: skip
    return Survey.model_validate({**given, "periods": periods})


def test_points_of_ones_own_are_asked_in_their_period(made: SmallStore, tmp_path: Path) -> None:
    path, its = points_file(made, tmp_path / "points.gpkg", 3), of_periods(made)
    table = gpd.read_file(path)
    table.assign(period=["2019", "", None]).to_file(path)
    project = open_project(its, tmp_path / "project", path, None)
    assert [question.period for question in project.questions] == ["2019", "2023", "2023"]
    say(project, "ann", p1="mine")
    labelled = gpd.read_file(write_result(project, standing(project, CODES)))
    assert labelled["period"].tolist() == ["2019", "2023", "2023"]
    table.assign(date="2019-07-01").to_file(path)
    project = open_project(its, tmp_path / "dated", path, None)
    assert [question.period for question in project.questions] == ["2023"] * 3
    table.assign(period="2020").to_file(path)
    with pytest.raises(SurveyError, match="'2020'; the periods of the survey are: 2019, 2023"):
        open_project(its, tmp_path / "strange", path, None)


def test_a_design_of_periods_is_asked_period_by_period(made: SmallStore, tmp_path: Path) -> None:
    design(made, ("class_2019", "class_2023"))
    its = of_periods(made)
    project = open_project(its, tmp_path / "project", None, None)
    asked = [(item.key, item.name, item.period) for item in project.questions][:3]
    assert asked == [("1/class_2019", "1", "2019"), ("1/class_2023", "1", "2023"),
                     ("2/class_2019", "2", "2019")]  # fmt: skip
    answer = Answer("mine", by="ann")
    project.answers_of("ann").answer("1/class_2023", answer, NO_REVISION)
    table = gpd.read_file(write_result(project, standing(project, CODES)))
    assert table["class_2019"].fillna("").tolist() == ["", "", ""]
    assert table["class_2023"].fillna("").tolist() == ["mine", "", ""]


def test_a_project_keeps_its_points(made: SmallStore, tmp_path: Path) -> None:
    project = begin(made, tmp_path)
    again = read_project(project.folder)
    assert again is not None
    assert again.digest == project.digest
    other = points_file(made, tmp_path / "other.gpkg", 5)
    with pytest.raises(SurveyError, match=r"begun with other points.*--project"):
        open_project(made.survey, project.folder, other, None)
    kept = open_project(made.survey, project.folder, None, "https://map.example/{lat}/{lon}")
    assert kept.basemap == "https://map.example/{lat}/{lon}"
    assert open_project(made.survey, project.folder, None, None).basemap == kept.basemap
    document = project.folder / "project.json"
    document.write_text(document.read_text().replace("https://map.example", "javascript:alert"))
    with pytest.raises(SurveyError, match="--basemap"):
        open_project(made.survey, project.folder, None, None)
    (project.folder / "points.gpkg").write_bytes(other.read_bytes())
    with pytest.raises(StoreError):
        read_project(project.folder)


@pytest.mark.parametrize("name", ["", "../ann", "a/b", "a\0", ".ann", "ann ", "x" * 61, "con\n"])
def test_names_of_labellers_are_names_of_files(made: SmallStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(SurveyError, match="--labeller"):
        begin(made, tmp_path, 1).answers_of(name)


def test_what_cannot_be_labelled_is_refused(made: SmallStore, tmp_path: Path) -> None:
    made.store.delete(POINTS)
    with pytest.raises(StoreError, match="run `minecover design`, or name a file"):
        open_project(made.survey, tmp_path / "none", None, None)
    assert not (tmp_path / "none").exists()
    square = gpd.GeoDataFrame({"id": [1]}, geometry=[box(0, 0, 1, 1)], crs=made.grid.crs)
    square.to_file(tmp_path / "square.gpkg")
    with pytest.raises(DataError, match="every feature must be one point"):
        open_project(made.survey, tmp_path / "none", tmp_path / "square.gpkg", None)
    far = square.set_geometry(square.centroid.translate(1e5))
    far.to_file(tmp_path / "far.gpkg")
    project = open_project(made.survey, tmp_path / "far", tmp_path / "far.gpkg", None)
    with pytest.raises(SurveyError, match="1 of 1 points lie off the survey's grid"):
        begin_labelling(made.survey, project, "ann")


def test_without_a_cube_it_says_what_to_run(made: SmallStore, tmp_path: Path) -> None:
    project = begin(made, tmp_path)
    empty = Store(str(tmp_path / "store"))
    empty.write_json("survey.json", {"name": "small", "format": 4, "grid": {"crs": "EPSG:32649"}})
    bare = made.survey.replace(store=empty.url)
    with pytest.raises(StoreError, match="run `minecover cube SURVEY` first"):
        begin_labelling(bare, project, "ann")


def test_answers_of_no_class_are_named(made: SmallStore, tmp_path: Path) -> None:
    project = begin(made, tmp_path)
    say(project, "ann", p1="sand")
    with pytest.raises(DataError, match=r"ann\.jsonl: it says 'sand' of point '1'"):
        standing(project, CODES)


@pytest.mark.parametrize(
    "address", ["javascript:alert({lon},{lat})", "https://map.example/{lon}", "map/{lon}/{lat}"]
)
def test_addresses_of_maps_elsewhere(address: str) -> None:
    with pytest.raises(SurveyError, match="--basemap"):
        check_basemap(address)


def test_chips_are_what_the_cube_holds(made: SmallStore, tmp_path: Path) -> None:
    work = begin_labelling(made.survey, begin(made, tmp_path), "ann")
    data = work.chip({"question": "1", "edge": "33"})
    chip = np.frombuffer(data, "<f4").reshape(-1, 33, 33)
    values = made.values[f"cube:{work.chips.names[0]}"]
    np.testing.assert_array_equal(chip[0, 12:20, 10:20], values[16:24, 6:16])
    assert np.isnan(chip[0, :, 0]).all()  # the point is in column 12, and the chip begins at -4
    groups = [item["group"] for item in work.chips.pictures]
    assert [groups.count(name) for name in ("True colour", "False colour", "NDVI")] == [2, 2, 2]
