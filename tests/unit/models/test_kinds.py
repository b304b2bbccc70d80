"""Kinds of model: what the registry says of each, and one from outside that reads series."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from minecover.engines.settings import EngineSettings
from minecover.errors import StoreError, SurveyError
from minecover.models.data import TrainingData
from minecover.models.kind import ModelKind
from minecover.models.lookup import (
    as_kind,
    fingerprint_settings,
    foreign_modules,
    kind_of,
    load_classifier,
    window_of,
)
from minecover.models.registry import MODELS
from minecover.models.series import Place, SeriesLayout, whole_series
from minecover.models.settings import ModelSettings
from minecover.models.training import train
from minecover.settings import Section
from minecover.storage.store import Store
from series_model import PROFILE

ENGINE = EngineSettings(training="local", workers=1, threads=1)
CLASSES = (7, 2)
PLACES: dict[str, Place] = {
    "spring_NDVI": ("spring", "NDVI"),
    "spring_VV": ("spring", "VV"),
    "autumn_NDVI": ("autumn", "NDVI"),
    "autumn_VV": ("autumn", "VV"),
    "slope": (None, "slope"),
}


@pytest.fixture
def profile(monkeypatch: pytest.MonkeyPatch) -> ModelKind:
    for name in ("_added", "_known"):
        monkeypatch.setattr(MODELS, name, dict(getattr(MODELS, name)))
    return MODELS.register("profile", PROFILE)


def data(count: int = 60, layers: tuple[str, ...] = tuple(PLACES)) -> TrainingData:
    """One class is green in spring, the other in autumn: no layer alone tells both."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    patches = rng.normal(0, 0.1, (count, len(layers), 5, 5)).astype(np.float32)
    for number, name in enumerate(layers):
        if PLACES[name] == ("spring", "NDVI"):
            patches[labels == 0, number] += 1.0
        if PLACES[name] == ("autumn", "NDVI"):
            patches[labels == 1, number] += 1.0
    layout = SeriesLayout(tuple(PLACES[name] for name in layers), ("spring", "autumn"))
    return TrainingData(patches, labels.astype(np.int64), layers, CLASSES, series=layout)


def test_every_kind_says_what_it_is() -> None:
    for name in MODELS.own_names():
        settings = ModelSettings(kind=name, window=9)
        kind = kind_of(settings)
        reads = {"resnet50": "patches", "seasons": "series", "voting": "series"}
        assert (kind.name, kind.reads) == (name, reads.get(name, "pixels"))
        ours = name in ("seasons", "boosting", "voting")
        assert (kind.published_accuracy is None) == ours
        assert window_of(settings) == (9 if kind.tunes else 1)
    assert len({kind.label for kind in MODELS}) == len(MODELS.names())


def test_kinds_and_options_that_are_not_there_are_refused(profile: ModelKind) -> None:
    with pytest.raises(ValidationError, match=r"no kind of model 'forest'; there are resnet50"):
        ModelSettings(kind="forest")
    with pytest.raises(ValidationError) as caught:
        ModelSettings(kind="profile", options={"power": 0, "deep": 1})
    assert {item["loc"] for item in caught.value.errors()} == {
        ("options", "power"),
        ("options", "deep"),
    }
    with pytest.raises(ValidationError) as caught:
        ModelSettings(kind="rf", options={"power": 1})
    assert [item["loc"] for item in caught.value.errors()] == [("options", "power")]
    assert ModelSettings(kind="profile").options == {"power": 2, "notes": None}
    assert ModelSettings.model_json_schema()["properties"]["kind"]["enum"][-1] == profile.name


def test_options_and_code_of_a_kind_from_outside_are_in_its_fingerprint(
    profile: ModelKind,
) -> None:
    settings = ModelSettings(kind=profile.name, options={"power": 3})
    parts = fingerprint_settings(settings)
    assert parts["options"] == {"power": 3}
    assert foreign_modules(settings) == (__name__,)
    assert foreign_modules(ModelSettings()) == ()
    assert as_kind(settings, "rf").options == {}
    assert as_kind(as_kind(settings, "rf"), profile.name).options["power"] == 2
    assert as_kind(settings, profile.name) is settings


class Promising(type(PROFILE)):  # type: ignore[misc]
    """Says that it can be tuned, searched or trained by blocks, and brings nothing."""

    name, label = "promising", "a kind of promises"


@pytest.mark.parametrize(
    ("promise", "method"),
    [
        ({"tunes": True}, "calibrated"),
        ({"parameters": {"power": [1, 2]}}, "search"),
        ({"pretrains": True}, "pretrain"),
        ({"streams": True}, "fit_streamed"),
    ],
)
def test_a_kind_that_promises_more_than_it_brings_is_refused(
    profile: ModelKind, promise: dict[str, object], method: str
) -> None:
    del profile
    short = type("Short", (Promising,), promise)
    with pytest.raises(SurveyError, match=rf"'promising': Short has `.* and no method `{method}\("):
        MODELS.register("promising", short())
    assert "promising" not in MODELS
    whole = type("Whole", (short,), {method: lambda self, *given: given})
    assert MODELS.register("promising", whole()) is MODELS["promising"]


def test_a_file_among_the_options_counts_by_its_content(profile: ModelKind, tmp_path: Path) -> None:
    first, same, other = (tmp_path / name for name in ("first", "same", "other"))
    for path, text in ((first, "a"), (same, "a"), (other, "b")):
        path.write_text(text)
    parts = [
        fingerprint_settings(ModelSettings(kind=profile.name, options={"notes": str(path)}))
        for path in (first, same, other)
    ]
    assert parts[0] == parts[1] != parts[2]
    with pytest.raises(SurveyError, match=r"model\.options\.notes: cannot read"):
        fingerprint_settings(ModelSettings(kind=profile.name, options={"notes": "gone"}))


def test_a_kind_whose_options_must_be_given_is_not_guessed(
    monkeypatch: pytest.MonkeyPatch, profile: ModelKind
) -> None:
    class Demanding(Section):
        depth: int

    monkeypatch.setattr(type(profile), "options_type", Demanding)
    with pytest.raises(SurveyError, match=r"profile has options without a default: depth"):
        as_kind(ModelSettings(), profile.name)


def test_a_series_is_the_seasons_of_each_feature_in_order() -> None:
    layout = SeriesLayout(tuple(reversed(PLACES.values())), ("spring", "autumn"))
    assert layout.features == ("VV", "NDVI")
    series = layout.of(np.arange(5, dtype=np.float32)[None])
    # the layers come slope, autumn VV, autumn NDVI, spring VV, spring NDVI
    np.testing.assert_array_equal(series.values, [[[3, 4], [1, 2]]])
    np.testing.assert_array_equal(series.static, [[0]])
    assert SeriesLayout.from_json(layout.to_json()) == layout
    lacking = SeriesLayout(layout.places[:3], layout.seasons)
    np.testing.assert_array_equal(lacking.of(np.ones((1, 3), np.float32)).values[0, 0], [0, 0])


def test_a_feature_that_was_chosen_for_a_season_is_read_for_all() -> None:
    assert whole_series(("slope", "autumn_VV", "spring_VV"), PLACES) == (
        "slope",
        "spring_VV",
        "autumn_VV",
    )


def test_a_kind_from_outside_is_trained_kept_and_read(profile: ModelKind, tmp_path: Path) -> None:
    settings, samples = ModelSettings(kind=profile.name, window=5), data()
    classifier, history = train(settings, ENGINE, samples, None, tmp_path)
    assert (history.records, classifier.halo, classifier.classes) == ((), 0, CLASSES)
    told = classifier.predict_each(samples.centres[:, :, None, None])[:, :, 0, 0]
    assert (told.argmax(axis=1) == samples.labels).all()

    store = Store(str(tmp_path / "store"))
    classifier.save(store)
    again = load_classifier(store)
    rng = np.random.default_rng(3)
    tile = rng.normal(0.5, 0.5, (len(PLACES), 6, 7)).astype(np.float32)
    tile[1, 2, 3] = np.nan
    block = again.predict(tile)
    np.testing.assert_array_equal(block, classifier.predict(tile))
    one_by_one = again.predict_each(tile.reshape(len(PLACES), -1).T[:, :, None, None])
    np.testing.assert_allclose(block.reshape(2, -1).T, one_by_one[:, :, 0, 0], atol=1e-6)
    assert np.isnan(block).any(axis=0).sum() == 1
    np.testing.assert_allclose(np.nansum(block, axis=0)[0], 1.0, atol=1e-6)


def test_the_order_of_layers_is_nothing_to_a_series(profile: ModelKind, tmp_path: Path) -> None:
    settings, samples = ModelSettings(kind=profile.name), data()
    layout = SeriesLayout(tuple(reversed(PLACES.values())), ("spring", "autumn"))
    layers, patches = tuple(reversed(PLACES)), samples.patches[:, ::-1]
    turned = replace(samples, patches=patches, layers=layers, series=layout)
    first, _ = train(settings, ENGINE, samples, None, tmp_path)
    other, _ = train(settings, ENGINE, turned, None, tmp_path)
    pixel = np.random.default_rng(4).normal(0, 1, (len(PLACES), 1, 1)).astype(np.float32)
    np.testing.assert_allclose(first.predict(pixel), other.predict(pixel[::-1]), rtol=1e-5)


def test_a_model_of_a_kind_that_is_gone_is_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_json("model/model.json", {"kind": "gone"})
    with pytest.raises(StoreError, match="model of kind 'gone'"):
        load_classifier(store)


PREDICT = """
import sys
import numpy as np
from minecover.commands.app import app
from minecover.models.lookup import load_classifier
from minecover.prediction.blocks import predict_blocks
from minecover.planning.plan import plan_survey
from minecover.planning.check import check_survey
from minecover.stages.registry import STAGES
from minecover.storage.store import Store
assert [stage.name for stage in STAGES][-1] == "publish"
classifier = load_classifier(Store(sys.argv[1]))
read = predict_blocks(classifier, np.zeros((2, 40, 50), np.float32), 2**20)
assert read.shape == (3, 40, 50)
for library in ("torch", "ray", "dask_ml"):
    assert library not in sys.modules, f"{library} was imported"
"""


def test_predicting_with_a_forest_imports_nothing_that_it_does_without(tmp_path: Path) -> None:
    labels = (np.arange(30) % 3).astype(np.int64)
    patches = np.random.default_rng(0).normal(0, 1, (30, 2, 1, 1)).astype(np.float32)
    samples = TrainingData(patches, labels, ("a", "b"), (1, 2, 3))
    forest, _ = train(ModelSettings(kind="rf"), ENGINE, samples, None, tmp_path)
    forest.save(Store(str(tmp_path / "store")))
    script = [sys.executable, "-W", "error::ImportWarning", "-c", PREDICT, tmp_path / "store"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
