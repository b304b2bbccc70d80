"""Weights of a season network that start another: found by names, or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from minecover.engines.settings import EngineSettings
from minecover.errors import DataError, StoreError, SurveyError
from minecover.models.data import TrainingData
from minecover.models.lookup import as_kind, fingerprint_settings
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.network.networks import network_of
from minecover.models.network.season_shape import SeasonShape
from minecover.models.network.season_start import (
    checked_description,
    described_weights,
    read_description,
    season_start,
)
from minecover.models.network.seasons import SeasonNetwork
from minecover.models.registry import MODELS
from minecover.models.series import Place, SeriesLayout
from minecover.models.settings import ModelSettings
from minecover.models.standardise import Standardiser
from minecover.models.training import train
from minecover.storage.names import PRETRAINED_FILE
from minecover.storage.store import Store

WINDOW, WIDTH = 5, 0.25


def layout(features: str, seasons: str, static: str = "") -> SeriesLayout:
    """Features and seasons of one letter each."""
    places: list[Place] = [(season, name) for name in features for season in seasons]
    return SeriesLayout((*places, *((None, name) for name in static)), tuple(seasons))


def shape(features: str = "abc", seasons: str = "st", static: str = "x") -> SeasonShape:
    return SeasonShape(layout(features, seasons, static), 3, WINDOW, WIDTH)


def network(its: SeasonShape, seed: int = 0) -> SeasonNetwork:
    torch.manual_seed(seed)
    made = network_of(its)
    assert isinstance(made, SeasonNetwork)
    with torch.no_grad():
        made.place.normal_()
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return made.eval()


def file_of(its: SeasonShape, made: SeasonNetwork, **changes: object) -> bytes:
    count = len(its.series.places)
    scales = Standardiser(tuple(map(float, range(count))), (2.0,) * count)
    about = {"kind": "seasons", **its.to_json(), "standardise": scales.to_json(), **changes}
    return described_weights(made.state_dict(), about)


Values = dict[Place, torch.Tensor]


def judged(made: SeasonNetwork, its: SeasonShape, values: Values) -> torch.Tensor:
    """What the head is given for values by season and feature; 0 for any that is not there."""
    zero = torch.zeros(1, WINDOW, WINDOW)
    x = torch.stack([values.get(place, zero) for place in its.series.places], dim=1)
    found: list[torch.Tensor] = []
    made.dropout.register_forward_hook(lambda module, given, out: found.append(out))
    made(x)
    return found[-1]


def drawn(its: SeasonShape) -> Values:
    torch.manual_seed(5)
    return {place: torch.randn(1, WINDOW, WINDOW) for place in its.series.places}


@pytest.mark.parametrize(
    ("features", "seasons", "static"),
    [("abc", "st", "x"), ("cab", "ts", "x"), ("cadb", "st", "yx"), ("c", "st", "")],
)
def test_a_start_sees_what_the_other_network_saw(features: str, seasons: str, static: str) -> None:
    """Whatever the order of features and seasons, and whatever else is read here."""
    there, here = shape(), shape(features, seasons, static)
    donor, own = network(there), network(here, seed=1)
    start = season_start(file_of(there, donor), here, "file")
    head = own.classifier.weight.clone()
    start.apply(own)
    values = drawn(there)
    read = {place: values[place] for place in here.series.places if place in values}
    torch.testing.assert_close(judged(own, here, read), judged(donor, there, read))
    assert torch.equal(own.classifier.weight, head)
    assert start.fresh == tuple(
        f"feature {name}" for name in sorted({*features, *static} - {*"abcx"})
    )
    lost = sorted({*"abcx"} - {*features, *static})
    assert [*start.left_out] == ["classifier", *(f"feature {name}" for name in lost)]


def test_a_season_that_is_new_adds_nothing_before_it_is_trained() -> None:
    there, here = shape(seasons="st"), shape(seasons="sut")
    start = season_start(file_of(there, network(there)), here, "file")
    assert start.fresh == ("season u",)
    place, judge = start.weights["place"], start.weights["judge.conv.weight"]
    assert not place[1].any()
    assert place[[0, 2]].all()
    codes = judge.unflatten(1, (4, here.channels))
    assert not codes[:, 2].any()  # the mean, then s, u and t
    assert codes[:, [0, 1, 3]].any(dim=(0, 2)).all()


def test_a_feature_of_no_season_is_not_one_of_a_season() -> None:
    """Slope as an own band of every season is something else than the slope."""
    there, here = shape("ab", "st", "x"), shape("abx", "st")
    start = season_start(file_of(there, network(there)), here, "file")
    assert not start.weights["encoder.stem.conv.weight"][:, 2].any()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "other"}, "model.kind other where this survey has seasons"),
        ({"window": 9}, "model.window 9 where this survey has 5"),
        ({"width": 0.5, "window": 7}, "window 7 .*, model.width 0.5 where this survey has 0.25"),
        ({"series": {"places": 3}}, "damaged"),
    ],
)  # fmt: skip
def test_weights_of_another_network_are_refused(changes: dict[str, object], said: str) -> None:
    data = file_of(shape(), network(shape()), **changes)
    with pytest.raises(SurveyError, match=f"^file.*{said}"):
        season_start(data, shape(), "file")


@pytest.mark.parametrize(
    ("here", "said"),
    [(shape("de", "st", ""), "none of the features here, but a, b, c, x"),
     (shape("ab", "uv"), "none of the seasons here, but s, t")],
)  # fmt: skip
def test_weights_of_nothing_that_is_read_here_are_refused(here: SeasonShape, said: str) -> None:
    with pytest.raises(SurveyError, match=said):
        season_start(file_of(shape(), network(shape())), here, "file")


def test_files_that_say_nothing_or_are_damaged_are_refused() -> None:
    made = network(shape())
    whole = file_of(shape(), made)
    silent = described_weights(made.state_dict(), {"kind": "seasons"})
    with pytest.raises(SurveyError, match="does not say of which features"):
        read_description(silent, "file")
    for data in (b"", b"text", whole[:-100], b"\xff" * 40):
        with pytest.raises(SurveyError, match="damaged"):
            season_start(data, shape(), "file")
    made.place.data[0] = torch.nan
    with pytest.raises(SurveyError, match="not finite"):
        season_start(file_of(shape(), made), shape(), "file")


def training_data(its: SeasonShape, pretrained: str | None = None) -> TrainingData:
    rng = np.random.default_rng(0)
    patches = rng.normal(size=(24, len(its.series.places), WINDOW, WINDOW)).astype(np.float32)
    names = tuple("_".join(filter(None, place)) for place in its.series.places)
    labels = np.arange(24) % 3
    return TrainingData(patches, labels, names, (1, 2, 3), None, its.series, pretrained)


MODEL = ModelSettings(kind="seasons", window=WINDOW, width=WIDTH, epochs=1, learning_rate=1e-9)
ENGINE = EngineSettings(training="local", workers=1, threads=1)


@pytest.mark.parametrize("series", [5, {}, [[1]], {"places": ["s"], "seasons": [1]}])
def test_a_check_refuses_a_description_that_is_damaged(tmp_path: Path, series: object) -> None:
    path = tmp_path / "start.safetensors"
    path.write_bytes(file_of(shape(), network(shape()), series=series))
    with pytest.raises(SurveyError, match=r"start\.safetensors: damaged"):
        checked_description(str(path), WINDOW, WIDTH)


def test_a_check_refuses_a_file_that_was_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "start.safetensors"
    path.write_bytes(file_of(shape(), network(shape()))[:-4])
    with pytest.raises(SurveyError, match=r"start\.safetensors: damaged"):
        checked_description(str(path), WINDOW, WIDTH)


def test_training_starts_from_another_survey_s_model(tmp_path: Path) -> None:
    """A trained model says what it was made of, so its weights travel alone."""
    trained, _ = train(MODEL, ENGINE, training_data(shape()), None, tmp_path / "checkpoints")
    assert isinstance(trained, NetworkClassifier)
    trained.save(Store(str(tmp_path)))
    path = str(tmp_path / "model" / "weights.safetensors")
    here = shape("bad", "st")
    model = MODEL.replace(starting_weights=path)
    started, history = train(model, ENGINE, training_data(here), None, tmp_path / "checkpoints")
    assert isinstance(started, NetworkClassifier)
    stem, theirs = (one.weights["encoder.stem.conv.weight"] for one in (started, trained))
    torch.testing.assert_close(stem[:, [1, 0]], theirs[:, [0, 1]], atol=1e-5, rtol=0)
    assert history.facts["starting_weights"]["fresh"] == ["feature d"]
    assert history.facts["fresh"] == 1
    (line,) = MODELS["seasons"].check(model, 3)
    assert line == "starting weights: a, b, c, x in s, t"
    with pytest.raises(SurveyError, match=r"model\.window 5 where this survey has 7"):
        [*MODELS["seasons"].check(model.replace(window=7), 3)]


def test_training_starts_from_what_was_learned_without_labels(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    store.write(PRETRAINED_FILE, file_of(shape(), network(shape())))
    data = training_data(shape(), store.url)
    started, history = train(MODEL, ENGINE, data, None, tmp_path)
    assert isinstance(started, NetworkClassifier)
    theirs = network(shape()).state_dict()["attention.weight"]
    torch.testing.assert_close(started.weights["attention.weight"], theirs, atol=1e-5, rtol=0)
    assert history.facts["not_taken"] == 1
    store.write(PRETRAINED_FILE, b"cut")
    with pytest.raises(StoreError, match="damaged; run `minecover pretrain --again`"):
        train(MODEL, ENGINE, data, None, tmp_path)
    store.remove(PRETRAINED_FILE)
    with pytest.raises(DataError, match="missing; run `minecover pretrain`"):
        train(MODEL, ENGINE, data, None, tmp_path)


def test_only_kinds_that_can_learn_without_labels() -> None:
    with pytest.raises(ValidationError, match="kind rf learns from labels alone; take one of seas"):
        ModelSettings(kind="rf", pretraining={})
    with pytest.raises(ValidationError, match="a model that is carried"):
        ModelSettings(kind="seasons", pretraining={}, carried_from="there")
    given = ModelSettings(kind="seasons", pretraining={"steps": 5})
    assert as_kind(given, "resnet50").pretraining is None
    assert fingerprint_settings(given) == fingerprint_settings(given.replace(pretraining=None))


def test_the_description_is_the_only_metadata() -> None:
    """The order of several keys is not kept, and bytes would differ."""
    data = file_of(shape(), network(shape()))
    length = int.from_bytes(data[:8], "little")
    assert [*json.loads(data[8 : 8 + length])["__metadata__"]] == ["minecover"]
    assert replace(shape(), classes=0) == SeasonShape.from_json(0, read_description(data, "file"))
