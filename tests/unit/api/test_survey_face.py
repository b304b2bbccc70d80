"""A survey in Python: made of objects, checked, planned and carried out as by the command line."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import yaml
from shapely.geometry import box

import minecover as mc
from minecover.engines.base import Outcome
from minecover.errors import BudgetError, StoreError, SurveyError
from minecover.geography.settings import AreaSettings
from minecover.ledger.steps import Step
from minecover.models.settings import ModelSettings
from minecover.planning import guard
from minecover.planning.plan import Plan, StagePlan
from minecover.planning.prices import Prices
from minecover.samples.points import read_points
from minecover.storage.store import Store
from minecover.survey import load
from minecover.survey.grid import survey_grid
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.stage import Workspace
from minecover.workflow.store_owner import take_store
from survey_in_memory import CRS, area, made, outline, points

FITS = guard.refuse_what_cannot_fit


def inputs(store: Path) -> list[str]:
    return sorted(path.name for path in (store / "inputs").iterdir())


def test_what_is_in_memory_is_what_is_in_files(tmp_path: Path) -> None:
    area().to_file(tmp_path / "area.gpkg")
    points().to_file(tmp_path / "points.gpkg")
    memory = made(tmp_path / "store")
    files = made(tmp_path / "other", area=tmp_path / "area.gpkg", samples=tmp_path / "points.gpkg")
    assert files.samples.path == str(tmp_path / "points.gpkg")
    first, second = survey_grid(memory), survey_grid(files)
    assert first.geobox == second.geobox
    assert first.area.equals(second.area)
    frames = [
        read_points(survey.samples, survey.classes, survey_grid(survey)).frame
        for survey in (memory, files)
    ]
    assert frames[0].equals(frames[1])


def test_equal_content_is_one_file_with_the_bytes_it_was_first_written_with(
    tmp_path: Path,
) -> None:
    made(tmp_path / "store")
    names = inputs(tmp_path / "store")
    before = {path: path.read_bytes() for path in (tmp_path / "store" / "inputs").iterdir()}
    made(tmp_path / "store", area=gpd.GeoSeries([outline()], crs=CRS))
    assert inputs(tmp_path / "store") == names
    assert before == {path: path.read_bytes() for path in before}
    made(tmp_path / "store", samples=points(10))
    assert len(inputs(tmp_path / "store")) == len(names) + 1 == 3


def test_columns_that_the_survey_names_are_kept_and_no_others(tmp_path: Path) -> None:
    several = gpd.GeoDataFrame(
        {"province": ["Shanxi", "Hebei"], "held": [object(), object()]},
        geometry=[outline(), outline().buffer(5000)],
        crs=CRS,
    )
    labelled = points().rename(columns={"class": "kind"}).assign(kind=lambda f: [3, 7] * 6)
    survey = made(
        tmp_path / "store",
        area={"path": several, "where": {"province": "Shanxi"}},
        samples={"path": labelled.assign(who="a"), "column": "kind", "folds": 2},
    )
    assert survey_grid(survey).area.area == pytest.approx(outline().area)
    kept = gpd.read_parquet(survey.samples.path)
    assert list(kept.columns) == ["kind", "geometry"]
    assert kept["kind"].tolist() == [3, 7] * 6
    assert survey.samples.folds == 2


@pytest.mark.parametrize(
    "given",
    [
        (16.0, 50.0, 16.1, 50.1),
        [16.0, 50.0, 16.1, 50.1],
        AreaSettings(bbox=(16.0, 50.0, 16.1, 50.1)),
        {"bbox": (16.0, 50.0, 16.1, 50.1)},
        box(16.0, 50.0, 16.1, 50.1),
    ],
    ids=["tuple", "list", "object", "mapping", "geometry"],
)
def test_an_area_is_given_in_many_ways(tmp_path: Path, given: object) -> None:
    survey = made(tmp_path / "store", area=given, grid={"tile": 64})
    west, south, east, north = survey_grid(survey).wgs84_bounds()
    assert np.allclose((west, south, east, north), (16.0, 50.0, 16.1, 50.1), atol=1e-3)


def test_relative_paths_are_taken_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    survey = made(Path("here"), samples="points.csv", catalog="catalog.json")
    assert survey.store == str(tmp_path / "here")
    assert survey.samples.path == str(tmp_path / "points.csv")
    assert survey.catalog.url == str(tmp_path / "catalog.json")
    moved = survey.replace(store="there", samples__path="others.csv")
    assert (moved.store, moved.samples.path) == tuple(
        str(tmp_path / name) for name in ("there", "others.csv")
    )
    assert mc.Survey.model_fields["store"].default == "store"


def test_a_survey_moved_to_another_store_takes_its_inputs_along(tmp_path: Path) -> None:
    first = made(tmp_path / "first")
    second = first.replace(store=tmp_path / "second", model__kind="rf")
    assert inputs(tmp_path / "first") == inputs(tmp_path / "second")
    assert Path(second.samples.path).parent == tmp_path / "second" / "inputs"
    assert Path(str(second.area.path)).read_bytes() == Path(str(first.area.path)).read_bytes()
    third = second.replace(samples=points(10))
    assert third.samples.path != second.samples.path
    assert third.model.kind == "rf"


def test_inputs_do_not_make_a_store_anothers(tmp_path: Path) -> None:
    survey = made(tmp_path / "store")
    assert take_store(Workspace(survey, number_stages()))
    Store(survey.store).write("holiday.jpg", b"")
    Store(survey.store).remove("survey.json")
    with pytest.raises(StoreError, match="not empty and no store"):
        take_store(Workspace(survey, number_stages()))


def test_sections_are_objects_or_mappings_and_the_caller_keeps_his(tmp_path: Path) -> None:
    samples = {"path": "points.csv", "folds": 3}
    survey = made(tmp_path / "s", samples=samples, model=ModelSettings(kind="rf", window=9))
    assert samples == {"path": "points.csv", "folds": 3}
    assert (survey.model.kind, survey.model.window, survey.samples.folds) == ("rf", 9, 3)
    assert pickle.loads(pickle.dumps(survey)) == survey
    assert mc.Survey(**survey.model_dump(exclude_unset=True)) == survey


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"kind": "transformer"}}, r"^model\['kind'\]: no kind of model 'transformer'"),
        ({"features": {"texture_window": 8}}, "^features: texture_window is 8; it must be odd"),
        ({"modle": {}}, "^modle: unknown"),
        ({"area": {}}, r"^area\['path'\]|^area: give either"),
        ({"area": area().set_crs(None, allow_override=True)}, "^area: it has no CRS"),
        ({"area": {"path": area(), "where": {"county": "x"}}}, "^area: it has no column 'county'"),
        ({"samples": points().drop(columns="class")}, "^samples: it has no column 'class'; it has"),
        ({"store": "s3://bucket/prefix"}, "^area: what is in memory is kept beside the results"),
        ({"classes": [{"code": 1}]}, r"^classes\[0\]\['name'\]: required, but missing"),
    ],
)
def test_a_mistake_is_named_by_its_argument(
    tmp_path: Path, sections: dict[str, Any], message: str
) -> None:
    with pytest.raises(SurveyError, match=message):
        made(tmp_path / "store", **sections)
    assert not (tmp_path / "store").exists()


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(SurveyError, match=r"^area: required, but missing\nseasons: required"):
        mc.Survey(name="district")


def test_a_survey_file_is_the_same_survey(tmp_path: Path) -> None:
    path = tmp_path / "survey.yaml"
    stubs = tile_survey(str(tmp_path / "store"), 1, 2)
    path.write_text(yaml.safe_dump(stubs.model_dump(mode="json")))
    opened = mc.open_survey(path)
    assert opened.model_dump() == load(path).model_dump()
    assert mc.open_survey(str(path), store=tmp_path / "b").store == str(tmp_path / "b")
    with pytest.raises(SurveyError, match=r"no\.yaml: cannot read the survey file"):
        mc.open_survey(tmp_path / "no.yaml")
    changed = opened.replace(model__kind="rf")
    assert isinstance(changed, mc.Survey)
    with pytest.raises(SurveyError, match=r"^model__kind: no kind of model 'transformer'"):
        opened.replace(model__kind="transformer")
    with pytest.raises(SurveyError, match=r"^features__texture_window: texture_window is 6"):
        opened.replace(features__texture_window=6)


def test_a_saved_survey_is_the_same(tmp_path: Path) -> None:
    survey = made(tmp_path / "store", sources={"sentinel2": {}}, model={"kind": "rf"})
    survey.save(tmp_path / "survey.yaml")
    opened = mc.open_survey(tmp_path / "survey.yaml")
    assert opened == survey
    assert opened.model_fields_set == survey.model_fields_set
    with pytest.raises(SurveyError, match=r"^path: cannot write"):
        survey.save(tmp_path / "no" / "survey.yaml")


def test_a_survey_shows_what_was_said_of_it(tmp_path: Path) -> None:
    survey = made(tmp_path / "store", model={"kind": "rf"})
    assert "  model:\n    kind: rf\n" in repr(survey)
    assert "knn" not in repr(survey)
    assert "<pre>name: district\n" in survey._repr_html_()


class Recorder:
    """Progress that remembers, and can be interrupted."""

    def __init__(self, interrupted: bool = False) -> None:
        self.interrupted = interrupted
        self.stages: list[str] = []
        self.tiles: list[str] = []

    def started(self, stage: str, tiles: int | None, done: int) -> None:
        self.stages.append(stage)

    def tile(self, outcome: Outcome) -> None:
        self.tiles.append(outcome.tile.name)
        if self.interrupted:
            raise KeyboardInterrupt

    def step(self, stage: str, step: Step) -> None:
        pass

    def finished(self, stage: str, facts: dict[str, Any], seconds: float) -> None:
        self.stages.append(f"{stage} done")

    def already_complete(self, stage: str) -> None:
        self.stages.append(f"{stage} complete")


Stubs = Callable[[], mc.Survey]


@pytest.fixture
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stubs:
    """A survey of three stages of numbers on six tiles, planned as nothing."""
    for place in ("workflow.run", "api.register"):
        monkeypatch.setattr(f"minecover.{place}.stages_of", lambda survey: number_stages())
    for name in ("plan_survey", "refuse_what_cannot_fit", "keep_plan"):
        monkeypatch.setattr(f"minecover.planning.guard.{name}", lambda *given: None)
    plain = tile_survey(str(tmp_path / "store"), 2, 3)
    return lambda: mc.Survey(**plain.model_dump())


def test_a_run_goes_as_far_as_it_is_told_and_gives_results(stubs: Stubs) -> None:
    survey, seen = stubs(), Recorder()
    results = survey.run(until="cube", progress=seen)
    assert isinstance(results, mc.Results)
    assert results.survey is survey
    assert seen.stages == ["catalog", "catalog done", "cube", "cube done"]
    assert len(seen.tiles) == 6
    again = Recorder()
    survey.run(progress=again)
    assert again.stages[:2] == ["catalog complete", "cube complete"]
    assert again.stages[-1] == "features done"
    over = Recorder()
    survey.run(until="cube", again=True, progress=over)
    assert len(over.tiles) == 6


def test_an_interrupted_run_gives_its_tiles_back_and_goes_on(stubs: Stubs) -> None:
    survey, stopped, rest = stubs(), Recorder(interrupted=True), Recorder()
    with pytest.raises(KeyboardInterrupt):
        survey.run(until="cube", progress=stopped)
    assert len(stopped.tiles) == 1
    survey.run(until="cube", progress=rest)
    assert len(rest.tiles) == 5
    assert not set(rest.tiles) & set(stopped.tiles)


def test_errors_of_a_run_speak_of_arguments(stubs: Stubs, tmp_path: Path) -> None:
    survey = stubs()
    with pytest.raises(SurveyError, match="no stage 'publsh'; it has catalog, cube, features"):
        survey.run(until="publsh", progress="none")
    with pytest.raises(SurveyError, match=r"^progress: 'lines'; give 'auto', 'none', or an object"):
        survey.run(progress="lines")
    with pytest.raises(SurveyError, match=r"^`budget`: money needs a price list; .* `prices`$"):
        survey.run(budget=3)
    with pytest.raises(SurveyError, match=r"^`prices` .*no\.yaml: cannot read it"):
        survey.run(prices=tmp_path / "no.yaml")
    with pytest.raises(SurveyError, match=r"^prices\['core'\]: unknown.*core_hour, gpu_hour"):
        survey.run(prices={"core": 1})
    survey.run(until="catalog", progress="none")
    with pytest.raises(StoreError, match="differs in name; give another store with `store`"):
        survey.replace(name="other").run(progress="none")
    assert not issubclass(BudgetError, StoreError)


def test_what_cannot_fit_is_refused_as_by_the_command_line(
    stubs: Stubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = [
        StagePlan(name, tiles, 0, 0, 0, 1e9, 1, 0, 1, "shipped")
        for name, tiles in (("catalog", None), ("cube", 6), ("features", 6), ("predict", 6))
    ]
    survey, seen = stubs(), Recorder()
    monkeypatch.setattr(guard, "plan_survey", lambda *given: Plan(tuple(stages)))
    monkeypatch.setattr(guard, "refuse_what_cannot_fit", FITS)
    with pytest.raises(SurveyError, match=r"MiB; lower engine__workers or grid__tile$"):
        survey.run(until="features", progress=seen)
    assert seen.stages == ["catalog", "catalog done"]


def test_results_of_a_survey_that_was_not_begun_are_refused(stubs: Stubs) -> None:
    with pytest.raises(StoreError, match="no survey was begun here; run it first, or give "):
        stubs().results()


def test_a_plan_shows_itself_and_has_numbers(tmp_path: Path) -> None:
    survey, prices = made(tmp_path / "store"), {"core_hour": 2.0, "currency": "EUR"}
    planned = survey.plan(prices=prices)
    assert repr(survey.plan(prices=Prices(**prices))) == repr(planned)  # type: ignore[arg-type]
    assert "peak memory of a worker" in repr(planned)
    assert "<th" in planned._repr_html_()
    assert planned.frame.loc["cube", "tiles"] == 12
    assert (planned.frame["money"] >= 0).all()
    assert planned.plan.currency == "EUR"
    assert inputs(tmp_path / "store") == sorted(p.name for p in (tmp_path / "store").rglob("*.p*"))


def test_a_check_names_what_is_wrong_by_its_argument(tmp_path: Path) -> None:
    survey = made(tmp_path / "store", catalog=tmp_path / "none.json")
    with pytest.raises(SurveyError, match="catalog__url"):
        survey.check()
