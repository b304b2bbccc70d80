"""Models that vote: each as it is alone, their mean read as one, and what cannot vote refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from minecover.arrays import Float32Array
from minecover.engines.settings import EngineSettings
from minecover.errors import StoreError, SurveyError
from minecover.models import tuning
from minecover.models.classifier import Classifier
from minecover.models.data import ModelInputs, TrainingData
from minecover.models.lookup import (
    as_kind,
    fingerprint_settings,
    foreign_modules,
    kind_of,
    kinds_in,
    load_classifier,
    voters_of,
    window_of,
)
from minecover.models.registry import MODELS
from minecover.models.series import Place, SeriesLayout
from minecover.models.settings import ModelSettings
from minecover.models.training import train
from minecover.models.tuning import train_tuned, tune_and_train, tuned_by, tuning_facts
from minecover.models.vote import Vote
from minecover.storage.checksums import recording
from minecover.storage.store import Store
from minecover.survey.places import anchored
from read_in_parts import read_in_parts
from series_model import PROFILE

ENGINE = EngineSettings(training="local", workers=1, threads=1, checkpoint_seconds=0)
LAYERS = ("slope", "NDVI_spring", "NDVI_autumn", "VV_spring", "VV_autumn")
CHOSEN = ("VV_autumn", "slope", "NDVI_spring")
PLACES: tuple[Place, ...] = (
    (None, "slope"),
    ("spring", "NDVI"),
    ("autumn", "NDVI"),
    ("spring", "VV"),
    ("autumn", "VV"),
)
SERIES = SeriesLayout(PLACES, ("spring", "autumn"))
CODES = (1, 4, 9)
MODELS_THAT_VOTE = ["resnet50", {"kind": "seasons", "window": 5, "epochs": 2}, "nb"]
SETTINGS = ModelSettings(
    kind="voting", window=7, width=0.125, epochs=3, batch=16, seed=5,
    options={"models": MODELS_THAT_VOTE},
)  # fmt: skip


def data() -> TrainingData:
    rng = np.random.default_rng(1)
    labels = np.arange(48) % 3
    patches = rng.normal(0, 0.4, (48, 5, 7, 7)).astype(np.float32)
    patches[labels == 1, 1] += 1.0
    patches[labels == 2, 4] += 1.0
    codes = np.array(CODES)[labels].astype(np.int64)
    return TrainingData.labelled(
        patches, codes, ModelInputs(LAYERS, 7, SERIES, chosen=CHOSEN), CODES
    )


FOLDS = np.arange(48) // 3 % 4


def alone(number: int) -> tuple[ModelSettings, TrainingData]:
    """Settings and data of a model as a survey has them that maps with it alone."""
    whole = data()
    if number == 1:  # its window of 5 lies in the middle of 7
        series = TrainingData(whole.patches, whole.labels, LAYERS, CODES, series=SERIES)
        return SETTINGS.replace(kind="seasons", options={}, window=5, epochs=2), series.cropped(5)
    patches = whole.patches[:, [4, 0, 1]]
    chosen = TrainingData(patches, whole.labels, CHOSEN, CODES)
    kind = ("resnet50", "seasons", "nb")[number]
    return SETTINGS.replace(kind=kind, options={}), chosen


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Vote, list[dict[str, object]]]:
    """A vote that was tuned, and what was found of each model."""
    folder = tmp_path_factory.mktemp("vote")
    with recording() as objects:
        classifier, found, history = tune_and_train(SETTINGS, ENGINE, data(), FOLDS, folder)
    assert not objects  # what is kept for a resumed training is none of the stage
    assert not list(folder.iterdir())
    assert [record["model"] for record in history.records] == [0, 0, 0, 1, 1]
    assert isinstance(classifier, Vote)
    return classifier, tuning_facts(SETTINGS, found)["models"]


def block(height: int = 20, width: int = 23) -> Float32Array:
    rng = np.random.default_rng(7)
    out = rng.normal(0.3, 0.6, (5, height, width)).astype(np.float32)
    return out


def named(block: Float32Array, layers: tuple[str, ...], margin: int) -> Float32Array:
    """Layers of a block without some pixels at every side."""
    edge = slice(margin, -margin or None)
    return np.ascontiguousarray(block[[LAYERS.index(name) for name in layers], edge, edge])


def test_a_vote_is_the_mean_of_its_models_as_each_is_alone(
    tuned: tuple[Vote, list[dict[str, object]]], tmp_path: Path
) -> None:
    vote, facts = tuned
    x = block()
    assert (vote.layers, vote.halo, vote.classes) == (LAYERS, 3, CODES)
    parts = []
    for number in range(3):
        model, own = alone(number)
        classifier, found, _ = tune_and_train(model, ENGINE, own, FOLDS, tmp_path)
        assert {"kind": model.kind, **tuning_facts(model, found)} == facts[number]
        parts.append(classifier.predict(named(x, classifier.layers, 3 - classifier.halo)))
    np.testing.assert_array_equal(vote.predict(x), (parts[0] + parts[1] + parts[2]) / np.float32(3))
    assert facts[2] == {"kind": "nb"}


def test_a_vote_that_is_not_tuned_trains_for_all_epochs(tmp_path: Path) -> None:
    validation = np.asarray(FOLDS == 0)
    vote, history = train(SETTINGS, ENGINE, data(), validation, tmp_path)
    assert isinstance(vote, Vote)
    assert [(r["model"], r["epoch"]) for r in history.records] == [
        (0, 1), (0, 2), (0, 3), (1, 1), (1, 2),
    ]  # fmt: skip
    model, own = alone(0)
    other, _ = train(model, ENGINE, own, validation, tmp_path)
    x = named(block(), CHOSEN, 0)
    np.testing.assert_array_equal(vote.members[0].predict(x), other.predict(x))


def test_it_is_trained_again_as_it_was_found(
    tuned: tuple[Vote, list[dict[str, object]]], tmp_path: Path
) -> None:
    vote, facts = tuned
    found = tuned_by(SETTINGS, {"models": facts})
    again = train_tuned(SETTINGS, ENGINE, found, data(), tmp_path)
    np.testing.assert_array_equal(again.predict(block()), vote.predict(block()))


def test_models_that_were_trained_before_a_crash_are_not_trained_again(
    tuned: tuple[Vote, list[dict[str, object]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone_before, trained = tuning._tuned_alone, []

    def until(model: ModelSettings, *given: object) -> object:
        trained.append(model.kind)
        if model.kind == "seasons" and len(trained) == 2:
            raise KeyboardInterrupt
        return alone_before(model, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(tuning, "_tuned_alone", until)
    with pytest.raises(KeyboardInterrupt):
        tune_and_train(SETTINGS, ENGINE, data(), FOLDS, tmp_path)
    again, found, history = tune_and_train(SETTINGS, ENGINE, data(), FOLDS, tmp_path)
    assert trained == ["resnet50", "seasons", "seasons", "nb"]
    np.testing.assert_array_equal(again.predict(block()), tuned[0].predict(block()))
    assert tuning_facts(SETTINGS, found)["models"] == tuned[1]
    assert len(history.records) == 5
    assert not list(tmp_path.iterdir())


@given(row=st.integers(1, 13), column=st.integers(1, 16))
@settings(max_examples=8, deadline=None)
def test_it_is_read_in_parts_as_it_is_as_a_whole(
    tuned: tuple[Vote, list[dict[str, object]]], row: int, column: int
) -> None:
    vote = tuned[0]
    x = block()
    x[3, 9, 9] = np.nan
    whole = vote.predict(x)
    assert np.isnan(whole[:, 6, 6]).all()
    np.testing.assert_allclose(read_in_parts(vote, x, row, column), whole, atol=2e-6)
    np.testing.assert_allclose(np.nansum(whole, axis=0)[0], 1.0, atol=1e-6)


def test_it_survives_the_store_and_what_is_damaged_is_named(
    tuned: tuple[Vote, list[dict[str, object]]], tmp_path: Path
) -> None:
    store = Store(str(tmp_path))
    tuned[0].save(store)
    again = load_classifier(store)
    np.testing.assert_array_equal(again.predict(block()), tuned[0].predict(block()))
    assert (
        again.pixel_bytes
        == tuned[0].pixel_bytes
        > max(member.pixel_bytes for member in tuned[0].members)
    )
    store.write_json("model/members/2/model.json", {"kind": "voting", "members": 2})
    with pytest.raises(StoreError, match="damaged \\(a vote among its own models\\)"):
        load_classifier(store)
    store.remove("model/members/2/model.json")
    with pytest.raises(StoreError, match="damaged \\(member 2 is missing\\)"):
        load_classifier(store)


def test_models_of_other_classes_do_not_vote(tuned: tuple[Vote, list[dict[str, object]]]) -> None:
    class Other(Classifier):
        layers, classes = LAYERS, (1, 4)

        def predict_each(self, blocks: Float32Array) -> Float32Array:
            return blocks

        def save(self, store: Store, prefix: str = "model/") -> None:
            del store, prefix

    with pytest.raises(ValueError, match="2 models of different classes"):
        Vote.of("voting", [tuned[0], Other()])
    with pytest.raises(ValueError, match="0 models"):
        Vote.of("voting", [])
    with pytest.raises(ValueError, match="4 layers where those that vote read 5"):
        Vote.of("voting", tuned[0].members, LAYERS[1:])


def test_what_a_vote_is_follows_from_its_models() -> None:
    kind = kind_of(SETTINGS)
    assert (kind.reads, kind.tunes, kind.uses_gpu, kind.trains_on_ray) == ("series", *[True] * 3)
    assert (kind.weighted, kind.label) == (
        True,
        "vote of ResNet50 and season network and naive Bayes",
    )
    assert window_of(SETTINGS) == 7
    assert kinds_in(SETTINGS) == ("voting", "resnet50", "seasons", "nb")
    pixels = SETTINGS.replace(options={"models": ["rf", "knn"]})
    kind = kind_of(pixels)
    assert (kind.reads, kind.tunes, kind.uses_gpu, kind.weighted) == ("pixels", *[False] * 3)
    assert window_of(pixels) == 1
    assert kind.fewest == max(MODELS[name].fewest for name in ("rf", "knn"))
    # by default the two networks, each with the survey's settings
    first, second = voters_of(as_kind(ModelSettings(kind="rf", epochs=4), "voting"))
    assert (first.kind, second.kind, first.epochs, second.window) == ("resnet50", "seasons", 4, 17)
    assert ModelSettings(kind="voting").options == {
        "models": [{"kind": "resnet50"}, {"kind": "seasons"}]
    }
    # shares of the ground are followed by the vote, classes weigh in each
    shifted = SETTINGS.replace(
        prior_shift=0.5, class_weights="area", class_shares={1: 0.5, 4: 0.3, 9: 0.2}
    )
    assert [(m.prior_shift, m.class_weights) for m in voters_of(shifted)] == [(0.0, "area")] * 3


@pytest.mark.parametrize(
    ("models", "place", "text"),
    [
        (["rf"], "models", "at least 2 items"),
        (["rf", "forest"], "models.1.kind", "no kind of model 'forest'; there are resnet50"),
        (["rf", "voting"], "models.1", "a vote does not vote; list its models themselves"),
        (["rf", {"window": 7}], "models.1", "kind is missing"),
        (["rf", {"kind": "seasons", "window": 8}], "models.1", "window is 8; it must be odd"),
        (["rf", {"kind": "seasons", "depth": 8}], "models.1.depth", "Extra inputs"),
        (["rf", {"kind": "seasons", "options": {"hidden": 2}}], "models.1.options.hidden", "less"),
        (["rf", {"kind": "nb", "seed": 2}], "models.1", "seed: alike for all that vote"),
        (["rf", {"kind": "seasons", "pretraining": {}}], "models.1", "pretraining: not within"),
        (["rf", {"kind": "rf"}], "models", "rf is there twice"),
    ],
)
def test_what_cannot_vote_is_refused(models: list[object], place: str, text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ModelSettings(kind="voting", options={"models": models})
    mistake = caught.value.errors()[0]
    assert ".".join(map(str, mistake["loc"])) == f"options.{place}"
    assert text in mistake["msg"]


def test_settings_that_models_of_a_vote_cannot_share_are_refused() -> None:
    with pytest.raises(SurveyError, match=r"give them to one of\s+model\.options\.models"):
        kind_of(SETTINGS.replace(starting_weights="a.safetensors"))
    mixed = SETTINGS.replace(
        options={"models": ["rf", "knn"]}, class_weights="balanced", prior_shift=1.0,
        class_shares={1: 0.5, 4: 0.5},
    )  # fmt: skip
    with pytest.raises(SurveyError, match=r"prior_shift: with class_weights: balanced, which knn"):
        list(kind_of(mixed).check(mixed, 2))


def test_files_and_code_of_its_models_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("_added", "_known"):
        monkeypatch.setattr(MODELS, name, dict(getattr(MODELS, name)))
    MODELS.register("profile", PROFILE)
    parts = []
    for name, text in (("first", "a"), ("same", "a"), ("other", "b")):
        (tmp_path / name).write_text(text)
        models = ["rf", {"kind": "profile", "options": {"notes": name}}]
        raw = {"model": {"kind": "voting", "options": {"models": models}}}
        model = ModelSettings.model_validate(anchored(raw, tmp_path)["model"])
        assert voters_of(model)[1].options["notes"] == str(tmp_path / name)
        parts.append(fingerprint_settings(model))
    assert parts[0] == parts[1] != parts[2]
    assert foreign_modules(model) == (__name__,)
    gone = model.replace(
        options={"models": ["rf", {"kind": "profile", "options": {"notes": "gone"}}]}
    )
    with pytest.raises(
        SurveyError, match=r"model\.options\.models\.1\.options\.notes: cannot read"
    ):
        fingerprint_settings(gone)
