"""A comparison of a simulated district, from nothing to its page, and again from what stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Recorder  # type: ignore[import-not-found]
from minecover.comparison.driver import compare
from minecover.comparison.plan import Options
from minecover.stages.registry import stages_of
from minecover.survey import Survey
from minecover.workflow.run import Run

pytestmark = [
    pytest.mark.alone,
    pytest.mark.integration,
    pytest.mark.timeout(600),
    # of Ray's own settings, when Ray copies them to its controller
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*will be deprecated:DeprecationWarning"),
]

OPTIONS = Options(seeds=1, models=("rf", "knn", "nb"), folds=1)


SMALLEST = {"kind": "nb", "window": 5, "width": 0.125, "epochs": 2}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compared") / "store"


def tasks_of(recorder: Recorder) -> list[str]:
    """Names of the tasks of a comparison, as they were done."""
    return [step.note for stage, step in recorder.steps if stage == "compare" and step.note]


def test_a_district_is_compared(make_survey: Callable[..., Survey], store: Path) -> None:
    survey = make_survey(store, samples={"folds": 3, "block": 250.0}, model=SMALLEST)
    recorder = Recorder()
    document = compare(Run(survey, stages_of(survey), recorder), OPTIONS)
    done = tasks_of(recorder)
    # two splits: three choices each, three models on four sets; the ablation adds four sources
    # and two seasons to the all-layers trial that is there already
    assert len(done) == 2 * 3 + 2 * 12 + 6
    products = store / "products"
    assert json.loads((products / "comparison.json").read_bytes()) == document
    page = (products / "comparison.html").read_text()
    assert "SIMULATED" in page
    by_chance = 1 / len(survey.classes)
    assert all(row["overall_accuracy"]["mean"] > by_chance for row in document["rows"])
    ranked = {row["model"]: row["overall_accuracy"]["mean"] for row in document["rows"]
              if (row["split"], row["layers"]) == ("random", "both")}  # fmt: skip
    assert ranked["rf"] > ranked["nb"]
    names = {item["left_out"] for item in document["ablation"]["without"]}
    assert names == {*survey.sources, *survey.seasons}

    recorder = Recorder()
    assert compare(Run(survey, stages_of(survey), recorder), OPTIONS) == document
    assert not tasks_of(recorder)


def test_networks_on_ray_are_compared_with_searched_models_on_dask(
    make_survey: Callable[..., Survey], store: Path
) -> None:
    survey = make_survey(
        store,
        samples={"folds": 3, "block": 250.0},
        model=SMALLEST,
        engine={"tiles": "dask", "prediction": "local", "training": "ray", "workers": 1},
    )
    options = Options(
        seeds=1, models=("resnet50", "knn"), sets=("all",), folds=1, ablation=False, search=True
    )
    recorder = Recorder()
    document = compare(Run(survey, stages_of(survey), recorder), options)
    assert len(tasks_of(recorder)) == 4
    rows = {(row["model"], row["split"]): row for row in document["rows"]}
    assert all(row["training_seconds"] > 0 for row in rows.values())
    assert set(rows["knn", "block"]["parameters"][0]) == {"n_neighbors", "weights"}
    assert rows["resnet50", "block"]["parameters"] == []
    # the same points for both, and the network's claim is held against the other
    assert rows["knn", "block"]["points"] == rows["resnet50", "block"]["points"]
    assert document["claim"]["classical"] == "knn"
    page = (store / "products" / "comparison.html").read_text()
    assert document["claim"]["statement"].split(":")[0] in page.replace("&#39;", "'")
