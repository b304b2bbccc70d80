"""The comparison: what is planned, that trials share their points, and that they are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from minecover.accuracy.blocks import random_folds, spatial_folds
from minecover.comparison.bench import Bench, lacks
from minecover.comparison.claim import claim
from minecover.comparison.document import comparison_document
from minecover.comparison.plan import SETS, Fold, LayerChoice, Options, Trial, plan
from minecover.comparison.schedule import Schedule
from minecover.comparison.search import inner_folds, search
from minecover.comparison.summary import Row, against, spread
from minecover.engines.settings import EngineSettings
from minecover.errors import DataError, SurveyError
from minecover.models.classical import ClassicalKind
from minecover.models.data import TrainingData
from minecover.models.kind import ModelKind
from minecover.models.registry import MODELS
from minecover.models.settings import ModelSettings
from minecover.models.task import TrainingTask
from minecover.models.training import train
from minecover.products.comparison import render_comparison
from minecover.samples.sample_set import SampleSet
from minecover.storage.raster_array import stacked
from minecover.storage.store import Store
from minecover.survey import Survey
from small_map import CODES, grid, survey

LAYERS = (
    "summer_B8",
    "summer_NDVI",
    "summer_GLCM_ENT",
    "winter_B8",
    "winter_NDVI",
    "elevation",
    "slope",
    "aspect",
)
SHAPE = (96, 96)
LABELS = {kind.name: kind.label for kind in MODELS}


def marked(model: str | None) -> str:
    del model
    return "mark"


def its_survey(**changes: Any) -> Survey:
    sections: dict[str, Any] = {
        "sources": {"terrain": {}},
        "selection": {"keep": 3, "trees": 10},
        "engine": {"tiles": "local", "workers": 1},
        "model": {"kind": "nb"},
        "samples": {"path": "samples.gpkg", "folds": 3},
    }
    return survey(**{**sections, **changes})


def points(count: int = 240, seed: int = 0) -> pd.DataFrame:
    """Points of three classes that two of the layers tell apart, the others being noise."""
    rng = np.random.default_rng(seed)
    code = rng.choice(CODES, count)
    place = rng.choice(SHAPE[0] * SHAPE[1], count, replace=False)
    table = pd.DataFrame(
        {"id": np.arange(count), "row": place // SHAPE[1], "col": place % SHAPE[1], "code": code}
    )
    table["region"] = ""
    table["block"] = spatial_folds(table, edge=16, folds=3, seed=0).block
    values = rng.normal(size=(count, len(LAYERS))).astype(np.float32)
    values[:, LAYERS.index("summer_NDVI")] += 2.0 * (code == 2)
    values[:, LAYERS.index("elevation")] += 2.0 * (code == 7)
    return pd.concat([table, pd.DataFrame(values, columns=list(LAYERS))], axis=1)


def lay(folder: Path, its: Survey | None = None) -> Bench:
    its = its or its_survey()
    samples = SampleSet(points(), LAYERS)
    store = Store(str(folder / "store"))
    its_grid = grid(SHAPE, 96)
    layers = store.create_layers("features.zarr", its_grid, [stacked(LAYERS)], {})
    values = np.random.default_rng(1).normal(size=(len(LAYERS), *SHAPE)).astype(np.float32)
    layers.write_tile(its_grid, its_grid.tiles[0], values)
    folds = {}
    for seed in (0, 1):
        folds["random", seed] = random_folds(samples.table, 3, seed)
        folds["block", seed] = spatial_folds(samples.table, edge=16, folds=3, seed=seed)
    complete = np.ones(len(samples.table), dtype=bool)
    complete[:5] = False
    return Bench(its, store, samples, folds, 5, complete, folder / "checkpoints")


def carried_out(bench: Bench, options: Options) -> tuple[Schedule, list[str]]:
    told: list[str] = []
    choices, trials = plan(options, bench.survey)
    schedule = Schedule(bench, marked, lambda done, of, what, note="": told.append(note))
    schedule.carry_out(choices, len(choices) + len(trials))
    schedule.carry_out(trials, len(choices) + len(trials))
    return schedule, [name for name in told if name]


SMALL = Options(seeds=2, models=("knn", "nb"), sets=("all", "relieff"), folds=1)


def test_the_whole_comparison_is_planned() -> None:
    choices, trials = plan(Options(ablation=False), its_survey())
    assert len(trials) == len(set(trials)) == 9 * 4 * 2 * 3
    assert len(choices) == 3 * 2 * 3
    assert [choice.curve for choice in choices].count(True) == 3
    assert len({task.name for task in (*choices, *trials)}) == len(choices) + len(trials)


def test_the_ablation_leaves_out_sources_and_seasons() -> None:
    _, trials = plan(replace(SMALL, ablation_model="rf"), its_survey())
    without = {trial.layers for trial in trials if trial.model == "rf"}
    assert without == {
        "all",
        "without-source-sentinel2",
        "without-source-terrain",
        "without-season-summer",
        "without-season-winter",
    }
    assert {trial.fold.split for trial in trials if trial.model == "rf"} == {"block"}


def test_a_single_source_is_not_left_out() -> None:
    _, trials = plan(SMALL, its_survey(sources={}))
    assert not [trial for trial in trials if "source" in trial.layers]


@pytest.mark.parametrize(
    ("layer", "name", "expected"),
    [
        ("summer_NDVI", "without-season-summer", True),
        ("winter_NDVI", "without-season-summer", False),
        ("elevation", "without-season-summer", False),
        ("elevation", "without-source-terrain", True),
        ("summer_VV", "without-source-sentinel1", True),
        ("summer_GLCM_ENT", "without-source-sentinel1", False),
        ("NTL", "without-source-night_lights", True),
    ],
)
def test_what_a_set_lacks(layer: str, name: str, expected: bool) -> None:
    sources = {"sentinel1": {}, "terrain": {}, "night_lights": {"path": "ntl.tif"}}
    features = its_survey(sources=sources).feature_catalogue()
    assert lacks(name, features, layer) is expected


@pytest.mark.parametrize(
    "wish",
    [
        {"models": ("rf", "cart")},
        {"models": ()},
        {"sets": ("both", "both")},
        {"seeds": 0},
        {"folds": 0},
        {"ablation_model": "forest"},
    ],
)
def test_bad_options(wish: dict[str, Any]) -> None:
    with pytest.raises(SurveyError, match="--"):
        Options(**wish)


def test_every_trial_of_a_fold_has_the_same_points(tmp_path: Path) -> None:
    bench = lay(tmp_path)
    schedule, _ = carried_out(bench, SMALL)
    _, trials = plan(SMALL, bench.survey)
    by_fold: dict[Fold, set[tuple[int, ...]]] = {}
    for trial in trials:
        document = schedule.documents[trial.name]
        by_fold.setdefault(trial.fold, set()).add(tuple(document["points"]))
        assert document["learnt"] == int(bench.holdout(trial.fold).training.sum())
    assert {len(sets) for sets in by_fold.values()} == {1}
    assert all(min(next(iter(sets))) >= 5 for sets in by_fold.values())  # incomplete points


def test_no_training_patch_meets_a_test_patch_in_blocks(tmp_path: Path) -> None:
    bench = lay(tmp_path)
    fold = Fold("block", 1, 0)
    places = bench.samples.table[["row", "col"]].to_numpy()
    holdout = bench.holdout(fold)
    learnt, tested = places[holdout.training], places[holdout.test]
    distance = np.abs(learnt[:, None] - tested[None]).max(axis=-1)
    assert distance.min() >= bench.buffer


def test_a_choice_knows_only_its_training_points(tmp_path: Path) -> None:
    """Labels of the tested fold do not change what is chosen."""
    bench = lay(tmp_path)
    choice = LayerChoice("both", Fold("block", 0, 0))
    before = bench.choose(choice)
    table = bench.samples.table.copy()
    tested = bench.holdout(choice.fold).test
    table.loc[tested, "code"] = np.roll(table.loc[tested, "code"].to_numpy(), 1)
    after = replace(bench, samples=SampleSet(table, LAYERS)).choose(choice)
    assert before == after
    assert len(before["layers"]) == 3
    assert {"summer_NDVI", "elevation"} <= set(before["layers"])
    assert before["curve"] == []


def test_a_curve_reaches_from_one_layer_to_all(tmp_path: Path) -> None:
    found = lay(tmp_path).choose(LayerChoice("relieff", Fold("block", 0, 0), curve=True))
    numbers = [point[0] for point in found["curve"]]
    assert (numbers[0], numbers[-1]) == (1, len(LAYERS))
    assert len(found["layers"]) == 3


def test_a_stopped_comparison_goes_on_where_it_was(tmp_path: Path) -> None:
    bench = lay(tmp_path)
    choices, trials = plan(SMALL, bench.survey)

    def stop(done: int, of: int, what: str, note: str = "") -> None:
        if done == 9:
            raise InterruptedError

    interrupted = Schedule(bench, marked, stop)
    interrupted.carry_out(choices, 0)
    with pytest.raises(InterruptedError):
        interrupted.carry_out(trials, 0)
    kept = {name: bench.store.read(name) for name in bench.store.names("comparison/mark")}
    assert len(kept) == 9
    _, told = carried_out(bench, SMALL)
    assert len(told) == len(choices) + len(trials) - 9
    assert all(bench.store.read(name) == data for name, data in kept.items())


def test_a_trial_measures_speed_and_size(tmp_path: Path) -> None:
    document = lay(tmp_path).test(Trial("nb", "all", Fold("random", 0, 1)), LAYERS)
    assert document["pixels_per_second"] > 0
    assert document["bytes"] > 1000
    assert document["threads"] == 1
    assert document["parameters"] is None


def test_a_network_is_tried_the_same_however_it_is_read(tmp_path: Path) -> None:
    documents = []
    for reading in ("dense", "patch"):
        model = {"window": 5, "width": 0.125, "epochs": 2, "batch": 16, "reading": reading}
        engine = {"tiles": "local", "training": "local", "workers": 1}
        bench = lay(tmp_path / reading, its_survey(model=model, engine=engine))
        fold = Fold("block", 0, 0)
        documents.append(bench.test(Trial("resnet50", "all", fold), LAYERS))
    dense, patch = documents
    assert dense["mapped"] == patch["mapped"]
    assert all(document["pixels_per_second"] > 0 for document in documents)
    assert (dense["parameters"], dense["layers"]) == (None, list(LAYERS))


def test_models_of_a_vote_are_trained_once_for_their_trials_and_its(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = {"window": 5, "width": 0.125, "epochs": 1, "batch": 64}
    shares = {"class_shares": {2: 0.5, 3: 0.3, 7: 0.2}, "prior_shift": 1.0}
    bench = lay(tmp_path, its_survey(model={**model, **shares}))
    trained: list[str] = []

    def counted(settings: ModelSettings, *others: Any) -> Any:
        trained.append(settings.kind)
        return train(settings, *others)

    monkeypatch.setattr("minecover.comparison.bench.train", counted)
    fold = Fold("block", 0, 0)
    together = {
        kind: bench.test(Trial(kind, "all", fold), LAYERS)
        for kind in ("resnet50", "voting", "seasons")
    }
    assert trained == ["resnet50", "seasons"]
    seconds = {kind: document["training_seconds"] for kind, document in together.items()}
    assert seconds["voting"] == pytest.approx(seconds["resnet50"] + seconds["seasons"], abs=0.002)
    for kind, document in together.items():
        alone = replace(bench, recent={}).test(Trial(kind, "all", fold), LAYERS)
        for measured in ("training_seconds", "pixels_per_second"):
            document.pop(measured), alone.pop(measured)
        assert document == alone
    bench.test(Trial("seasons", "all", replace(fold, fold=1)), LAYERS)
    assert trained[2:] == ["resnet50", "resnet50", "seasons", "seasons", "seasons"]


def search_task(kind: str, threads: int, folder: Path) -> TrainingTask:
    table = points()
    labels = np.searchsorted(CODES, table["code"].to_numpy())
    patches = table[list(LAYERS)].to_numpy(np.float32)[:, :, None, None]
    data = TrainingData(patches, labels.astype(np.int64), LAYERS, CODES)
    engine = EngineSettings(training="local", workers=threads)
    return TrainingTask.of(ModelSettings(kind=kind), engine, data, folder)


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind.parameters])
def test_parameters_are_those_of_the_estimators(kind: ModelKind, tmp_path: Path) -> None:
    assert isinstance(kind, ClassicalKind)
    estimator = kind.estimator(search_task(kind.name, 1, tmp_path))
    part = getattr(estimator, kind.searched_part) if kind.searched_part else estimator
    assert set(kind.parameters) <= set(part.get_params())


@pytest.mark.parametrize(("kind", "threads"), [("knn", 1), ("svm", 2), ("nb", 1)])
def test_a_search_finds_what_suits(kind: str, threads: int, tmp_path: Path) -> None:
    task = search_task(kind, threads, tmp_path)
    blocks = points()["block"].to_numpy(np.int64)
    classifier, best = search(task, blocks)
    assert all(value in MODELS[kind].parameters[name] for name, value in best.items())
    again, same = search(search_task(kind, 1, tmp_path), blocks)
    assert same == best
    block = task.data.patches[:40, :, 0].transpose(1, 2, 0).copy()
    np.testing.assert_allclose(classifier.predict(block), again.predict(block), atol=1e-6)
    assert classifier.predict(block).shape == (3, 1, 40)


def test_inner_folds_keep_blocks_whole() -> None:
    table = points()
    blocks = table["block"].to_numpy(np.int64)
    fold = inner_folds(table["code"].to_numpy(np.int64), blocks, 0)
    assert set(fold) == {0, 1, 2}
    assert all(len(set(fold[blocks == block])) == 1 for block in set(blocks))
    with pytest.raises(DataError, match="one spatial block"):
        inner_folds(table["code"].to_numpy(np.int64), np.zeros_like(blocks), 0)


def row(model: str, rights: list[int], split: str = "block", of: int = 100) -> Row:
    """A model that gets so many of the points right, by seed; the first ones."""
    reference = np.resize(np.array(CODES), of)
    seeds = {}
    for seed, right in enumerate(rights):
        mapped = np.where(np.arange(of) < right, reference, np.roll(reference, 1))
        seeds[seed] = [
            {
                "points": list(range(of)),
                "reference": reference.tolist(),
                "mapped": mapped.tolist(),
                "layers": list(LAYERS),
                "learnt": 200,
                "training_seconds": 1.0,
                "pixels_per_second": 10.0,
                "bytes": 5,
                "threads": 1,
                "parameters": None,
            }
        ]
    codes = {"forest_and_grass": 2, "water": 3, "mine": 7}
    return Row(model, "both", split, seeds, codes)


def test_a_row_is_the_mean_and_deviation_of_its_seeds() -> None:
    told = row("rf", [80, 90, 85]).to_dict()["overall_accuracy"]
    assert told["mean"] == pytest.approx(0.85)
    assert told["deviation"] == pytest.approx(0.05)
    assert row("rf", [80]).to_dict()["overall_accuracy"]["deviation"] is None
    assert spread([0.5, None]) is None


def test_a_map_costs_what_it_takes_on_all_threads() -> None:
    of_two = row("rf", [80, 90])
    of_two.seeds[0][0] |= {"threads": 2, "pixels_per_second": 40.0}
    # 2 threads at 40 and 1 at 10 pixels a second: 0.05 and 0.1 core-seconds a pixel
    assert of_two.core_seconds(100) == pytest.approx(7.5)


def test_mcnemar_is_of_the_median_seed() -> None:
    """90 against 80 and 82 against 80 of 100 points, all gains one-sided: p = 2^-9 and 0.5."""
    told = against(row("rf", [90, 82, 80]), row("nb", [80, 80, 80]))
    assert told["p_value"] == pytest.approx(0.5)
    assert (told["only_first"], told["only_second"]) == (2, 0)
    assert told["difference"]["seeds"] == pytest.approx([0.1, 0.02, 0.0])


@pytest.mark.parametrize(
    ("network", "reached", "said"),
    [
        ([90, 90], True, "ahead of the best classical model, random forest, by 4.50 points"),
        ([86, 86], False, "ahead of the best classical model, random forest, by 0.50 points"),
        ([80, 81], False, "behind the best classical model, random forest, by 5.00 points"),
    ],
)
def test_the_claim(network: list[int], reached: bool, said: str) -> None:
    told = claim([row("resnet50", network), row("rf", [85, 86]), row("nb", [50, 50])])
    assert told["reached"] is reached
    assert said in told["statement"]
    assert ("not the 1.28 points that it leads in the paper" in told["statement"]) is not reached
    assert ("There were 200 points to learn from" in told["statement"]) is not reached


def test_the_claim_is_of_blocks_alone() -> None:
    rows = [row("resnet50", [80]), row("rf", [85]), row("resnet50", [99], "random")]
    assert not claim(rows)["reached"]


def test_no_claim_without_both() -> None:
    assert claim([row("rf", [85])])["lead"] is None
    assert "ResNet50 was not part" in claim([row("rf", [85])])["statement"]
    assert "No classical model was part" in claim([row("resnet50", [85])])["statement"]


def test_document_and_page(tmp_path: Path) -> None:
    bench = lay(tmp_path)
    schedule, _ = carried_out(bench, SMALL)
    groups = {name: (name.partition("_")[0], "band") for name in LAYERS}
    ranks = {name: rank for rank, name in enumerate(LAYERS, start=1)}
    selection = {"names": list(LAYERS), "chosen": list(LAYERS[:3]), "ranks": ranks, "scores": {}}
    document = comparison_document(bench, SMALL, schedule.documents, groups, selection)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert len(document["rows"]) == 2 * 2 * 2
    assert all(item["core_seconds_km2"] > 0 for item in document["rows"])
    best = [item for item in document["rows"] if item["best"]]
    assert {item["split"] for item in best} == {"block", "random"}
    assert all(item["against_best"] for item in document["rows"] if not item["best"])
    assert {item["left_out"] for item in document["ablation"]["without"]} == {
        "sentinel2", "terrain", "summer", "winter",
    }  # fmt: skip
    counted = sum(
        cell["chosen"] for line in document["table_4"]["cells"].values() for cell in line.values()
    )
    assert counted == pytest.approx(3)
    page = render_comparison(document, LABELS, SETS)
    for title in ("Table 3", "Table 4", "Table 5", "Figure 5", "Figure 6", "Figure 7"):
        assert f"<h2>{title}" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "regions together" not in page
    assert "SIMULATED" not in page


def test_the_page_tells_that_regions_are_not_told_apart(tmp_path: Path) -> None:
    bench = lay(tmp_path)
    bench.samples.table["region"] = np.where(bench.samples.table["row"] < 48, "North", "South")
    options = Options(seeds=1, models=("nb",), sets=("all",), folds=1, ablation=False)
    schedule, _ = carried_out(bench, options)
    selection = {"names": list(LAYERS), "chosen": [], "ranks": {}, "scores": {}}
    groups = dict.fromkeys(LAYERS, (None, "band"))
    document = comparison_document(
        bench, options, schedule.documents, groups, selection, ["An optical sensor"]
    )
    page = render_comparison(document, LABELS, SETS)
    assert "on the points of all 2 regions together" in page
    assert "<strong>SIMULATED DATA</strong> <span>An optical sensor.</span>" in page


def test_a_comparison_of_all_layers_alone_has_no_choice_to_count(tmp_path: Path) -> None:
    bench = lay(tmp_path)
    bench = replace(bench, survey=bench.survey.replace(model__class_weights="balanced"))
    options = Options(seeds=1, models=("knn",), sets=("all",), folds=1, ablation=False)
    schedule, _ = carried_out(bench, options)
    groups = dict.fromkeys(LAYERS, (None, "band"))
    selection = {"names": list(LAYERS), "chosen": [], "ranks": {}, "scores": {}}
    document = comparison_document(bench, options, schedule.documents, groups, selection)
    assert document["table_4"] is None
    assert document["ablation"] is None
    page = render_comparison(document, LABELS, SETS)
    assert "no choice was compared" in page
    assert "k nearest neighbours learned from points alone, whatever they weigh" in page
