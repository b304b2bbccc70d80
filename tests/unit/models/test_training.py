"""The training loop: seeds, weights, symmetries, stopping and resuming."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from minecover.engines.settings import EngineSettings
from minecover.engines.threads import side_by_side, torch_threads
from minecover.errors import DataError, StoreError, SurveyError
from minecover.models.class_shares import sample_weights
from minecover.models.data import TrainingData
from minecover.models.lookup import load_classifier
from minecover.models.network import epochs
from minecover.models.network.architecture import Architecture, kernel_sizes
from minecover.models.network.augmentation import symmetric
from minecover.models.network.checkpoints import Clock
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.network.epochs import run_epochs
from minecover.models.network.optimiser import learning_rate
from minecover.models.network.rows import Rows, Team
from minecover.models.registry import MODELS
from minecover.models.settings import ModelSettings
from minecover.models.standardise import Standardiser
from minecover.models.training import train
from minecover.models.vote import Vote
from minecover.storage.store import Store

ENGINE = EngineSettings(training="local", workers=1, threads=1, checkpoint_seconds=0)
SETTINGS = ModelSettings(window=5, width=0.125, epochs=4, batch=16, learning_rate=5e-3)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As trainings run: small networks on several threads wait for each other most of the time."""
    with torch_threads(1):
        yield


def textures(n: int = 96, window: int = 5, seed: int = 0) -> TrainingData:
    """Three classes: two by their level, the third by a checkerboard that one pixel hides."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    patches = rng.normal(0, 0.2, (n, 2, window, window)).astype(np.float32)
    patches[labels == 1, 0] += 1.0
    checks = np.indices((window, window)).sum(axis=0) % 2
    patches[labels == 2, 0] += checks.astype(np.float32)
    return TrainingData(patches, labels.astype(np.int64), ("a", "b"), (1, 4, 9))


def third(data: TrainingData) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.arange(len(data.labels)) % 4 == 0


def weights(model: object) -> dict[str, torch.Tensor]:
    assert isinstance(model, NetworkClassifier)
    return dict(model.weights)


def test_a_network_learns_what_a_pixel_hides(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"epochs": 14})
    model, history = train(settings, ENGINE, textures(180), None, tmp_path)
    unseen = textures(60, seed=1)
    assert isinstance(model, NetworkClassifier)
    found = model.probabilities(unseen.patches)[:, :, 0, 0].argmax(axis=1)
    assert (found == unseen.labels).mean() > 0.9
    assert len(history.records) == 14
    assert not list(tmp_path.iterdir())


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path: Path) -> None:
    data = textures()
    first, again = (train(SETTINGS, ENGINE, data, third(data), tmp_path)[0] for _ in range(2))
    assert all(torch.equal(a, weights(again)[name]) for name, a in weights(first).items())
    other, _ = train(SETTINGS.model_copy(update={"seed": 1}), ENGINE, data, third(data), tmp_path)
    assert not torch.equal(weights(first)["stem.conv.weight"], weights(other)["stem.conv.weight"])


def test_neither_threads_nor_trainings_beside_it_change_a_weight(tmp_path: Path) -> None:
    data, settings = textures(64), SETTINGS.replace(width=0.5, epochs=2)

    def trained(engine: EngineSettings, seed: int = 0) -> dict[str, torch.Tensor]:
        own = settings.replace(seed=seed)
        return weights(train(own, engine, data, third(data), tmp_path / f"{seed}")[0])

    alone = trained(ENGINE)
    more = trained(ENGINE.replace(workers=2, threads=2))
    beside = side_by_side(lambda seed: trained(ENGINE, seed), [1, 0], 2)
    for name, values in alone.items():
        assert torch.equal(values, more[name])
        assert torch.equal(values, beside[1][name])
    assert not torch.equal(alone["stem.conv.weight"], beside[0]["stem.conv.weight"])


class _StopError(Exception):
    pass


class _Memory:
    """Keeps states in memory; raises after the epoch `until`."""

    def __init__(self, until: int = 99, state: dict[str, Any] | None = None) -> None:
        self.until, self.state = until, state

    def restore(self) -> dict[str, Any] | None:
        return self.state

    def keep(self, state: dict[str, Any], *, last: bool) -> None:
        del last
        self.state = {**state, "network": {k: v.clone() for k, v in state["network"].items()}}
        if state["epoch"] == self.until:
            raise _StopError


def rows_of(data: TrainingData) -> Rows:
    numbers = np.arange(len(data.labels))
    ones = np.ones(len(numbers), dtype=np.float32)
    kept = third(data)
    return Rows(data.patches, data.labels, ones, numbers[~kept], numbers[kept])


def test_a_resumed_training_ends_in_the_same_weights(tmp_path: Path) -> None:
    rows, architecture = rows_of(textures()), Architecture(2, 3, kernel_sizes(5), 0.125)
    reports: list[tuple[int, int, str, str]] = []

    def report(done: int, of: int, what: str, note: str = "") -> None:
        reports.append((done, of, what, note))

    whole = run_epochs(architecture, SETTINGS, rows, Team(), _Memory(), report=report)
    assert [done for done, *_ in reports] == list(range(len(whole["records"]) + 1))
    assert {(of, what) for _, of, what, _ in reports} == {(SETTINGS.epochs, "epochs")}
    last = whole["records"][-1]
    told = f"loss {last['training_loss']:.4f}, held out {last['validation_loss']:.4f}"
    assert (reports[0][3], reports[-1][3]) == ("", told)
    stopped = _Memory(until=2)
    with pytest.raises(_StopError):
        run_epochs(architecture, SETTINGS, rows, Team(), stopped)
    file = tmp_path / "state.pt"
    torch.save(stopped.state, file)
    resumed = _Memory(state=torch.load(file, weights_only=True))
    ended = run_epochs(architecture, SETTINGS, rows, Team(), resumed)
    assert ended["best_epoch"] == whole["best_epoch"]
    assert all(torch.equal(values, ended["best"][name]) for name, values in whole["best"].items())
    assert [r["training_loss"] for r in ended["records"]] == [
        r["training_loss"] for r in whole["records"]
    ]


def test_a_training_that_died_goes_on_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, whole = textures(), train(SETTINGS, ENGINE, textures(), None, tmp_path)[0]
    true_epoch, calls = epochs._epoch, []

    def dying(*arguments: Any) -> dict[str, float]:
        calls.append(arguments[-1])
        if len(calls) == 3:
            raise _StopError
        return true_epoch(*arguments)

    monkeypatch.setattr(epochs, "_epoch", dying)
    with pytest.raises(_StopError):
        train(SETTINGS, ENGINE, data, None, tmp_path)
    resumed, _ = train(SETTINGS, ENGINE, data, None, tmp_path)
    assert calls == [0, 1, 2, 2, 3]
    assert all(torch.equal(a, weights(resumed)[name]) for name, a in weights(whole).items())


def test_members_differ_and_a_lost_training_goes_on_at_the_member_it_was_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, settings = textures(48), SETTINGS.model_copy(update={"members": 2, "epochs": 3})
    reported: list[tuple[int, int]] = []

    def report(done: int, of: int, what: str, note: str = "") -> None:
        reported.append((done, of))

    whole, history = train(settings, ENGINE, data, None, tmp_path, report)
    assert reported == [(done, 6) for done in (0, 1, 2, 3, 3, 4, 5, 6)]  # of both members
    assert isinstance(whole, Vote)
    alone, _ = train(SETTINGS.model_copy(update={"epochs": 3}), ENGINE, data, None, tmp_path)
    first, second = (weights(member) for member in whole.members)
    assert all(torch.equal(values, first[name]) for name, values in weights(alone).items())
    assert not torch.equal(first["stem.conv.weight"], second["stem.conv.weight"])
    assert [(r["member"], r["epoch"]) for r in history.records] == [
        (member, epoch) for member in (0, 1) for epoch in (1, 2, 3)
    ]
    true_epoch, calls = epochs._epoch, []

    def dying(*arguments: Any) -> dict[str, float]:
        calls.append(arguments[-1])
        if len(calls) == 5:
            raise _StopError
        return true_epoch(*arguments)

    monkeypatch.setattr(epochs, "_epoch", dying)
    with pytest.raises(_StopError):
        train(settings, ENGINE, data, None, tmp_path)
    resumed, _ = train(settings, ENGINE, data, None, tmp_path)
    assert calls == [0, 1, 2, 0, 1, 1, 2]
    assert isinstance(resumed, Vote)
    for ours, theirs in zip(whole.members, resumed.members, strict=True):
        assert all(torch.equal(a, weights(theirs)[name]) for name, a in weights(ours).items())


def test_an_ensemble_is_the_mean_of_its_members_and_survives_the_store(tmp_path: Path) -> None:
    data, settings = textures(48), SETTINGS.model_copy(update={"members": 3, "epochs": 1})
    model, _ = train(settings, ENGINE, data, None, tmp_path / "work")
    model = MODELS["resnet50"].calibrated(model, 0.7)
    assert isinstance(model, Vote)
    temperatures = [member.temperature for member in model.members]  # type: ignore[attr-defined]
    assert temperatures == [0.7] * 3
    block = np.random.default_rng(1).normal(size=(2, 9, 10)).astype(np.float32)
    block[1, 4, 4] = np.nan
    mean = np.mean([member.predict(block) for member in model.members], axis=0)
    np.testing.assert_allclose(model.predict(block), mean, atol=1e-6)
    store = Store(str(tmp_path / "store"))
    model.save(store)
    read = load_classifier(store)
    np.testing.assert_array_equal(read.predict(block), model.predict(block))
    assert (read.layers, read.classes, read.halo) == (model.layers, model.classes, 2)
    store.delete("model/members/1/model.json")
    with pytest.raises(StoreError, match="member 1 is missing"):
        load_classifier(store)


def test_training_stops_when_the_validation_loss_no_longer_falls(tmp_path: Path) -> None:
    data = textures()
    rng = np.random.default_rng(0)
    labels = data.labels.copy()
    labels[third(data)] = rng.integers(0, 3, third(data).sum())  # nothing to be learnt about them
    noisy = TrainingData(data.patches, labels, data.layers, data.classes)
    settings = SETTINGS.model_copy(update={"epochs": 40, "patience": 2})
    _, history = train(settings, ENGINE, noisy, third(data), tmp_path)
    assert len(history.records) == history.good_epoch + 2
    assert history.good_epoch >= history.best_epoch
    best = history.records[history.best_epoch - 1]
    bound = best["validation_loss"] + best["validation_error"]
    good = [r["epoch"] for r in history.records if r["validation_loss"] <= bound]
    assert max(good) == history.good_epoch
    losses = [record["validation_loss"] for record in history.records]
    assert int(np.argmin(losses)) + 1 == history.best_epoch


def test_checkpoints_are_far_apart_but_the_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    clock, kept = Clock(20.0), []
    for epoch in range(1, 9):
        now[0] += 7.0
        if clock.due(last=epoch == 8):
            kept.append(epoch)
    assert kept == [3, 6, 8]


def test_symmetries_are_the_eight_of_the_square() -> None:
    patch = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3).repeat(8, axis=0)
    shown = symmetric(patch, np.arange(8))
    assert len({tuple(one.ravel()) for one in shown}) == 8
    assert (shown[:, 0, 1, 1] == 4).all()
    np.testing.assert_array_equal(shown[0], patch[0])


def test_class_weights_make_classes_count_alike() -> None:
    data = textures(9)
    labels = np.array([0] * 6 + [1, 1, 2])
    uneven = TrainingData(data.patches, labels, data.layers, data.classes)
    every = np.ones(9, dtype=bool)
    found = sample_weights(ModelSettings(class_weights="balanced"), uneven, every)
    sums = np.bincount(labels, weights=found)
    np.testing.assert_allclose(sums, 3.0, rtol=1e-6)
    np.testing.assert_allclose(sample_weights(ModelSettings(), uneven, every), 1.0)


def test_points_are_read_as_the_survey_says(tmp_path: Path) -> None:
    data = textures(60, window=7)
    patchwise = SETTINGS.model_copy(update={"reading": "patch", "members": 2, "epochs": 2})
    model, _ = train(patchwise, ENGINE, data, None, tmp_path)
    assert isinstance(model, Vote)
    assert {member.reading for member in model.members} == {"patch"}
    patches = data.cropped(5).patches
    told = model.predict_centres(patches)
    assert told.shape == (60, 3)
    dense = model.with_reading("dense").predict_centres(patches)
    np.testing.assert_allclose(told, dense, atol=1e-4)


def test_a_class_without_training_samples_is_named(tmp_path: Path) -> None:
    data = textures()
    with pytest.raises(DataError, match="no training sample of class 9"):
        train(SETTINGS, ENGINE, data, data.labels == 2, tmp_path)
    assert not list(tmp_path.iterdir())


def test_patches_are_cropped_to_the_window_or_refused(tmp_path: Path) -> None:
    wide = textures(window=7)
    cropped = wide.cropped(5)
    np.testing.assert_array_equal(cropped.patches, wide.patches[:, :, 1:-1, 1:-1])
    np.testing.assert_array_equal(cropped.centres, wide.centres)
    with pytest.raises(SurveyError, match="draw the samples again"):
        train(SETTINGS.model_copy(update={"window": 9}), ENGINE, wide, None, tmp_path)


def test_too_few_samples_for_the_workers_are_refused() -> None:
    with pytest.raises(SurveyError, match="batch norm needs two each"):
        run_epochs(
            Architecture(2, 3, kernel_sizes(5), 0.125),
            SETTINGS,
            rows_of(textures()),
            Team(size=9),
            _Memory(),
        )


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [learning_rate(SETTINGS, done) for done in np.linspace(0, 1, 101)]
    top = int(np.argmax(rates))
    assert top == 15
    assert rates[top] == pytest.approx(SETTINGS.learning_rate)
    assert all(a < b for a, b in itertools.pairwise(rates[: top + 1]))
    assert all(a > b for a, b in itertools.pairwise(rates[top:]))


def test_standardised_layers_ignore_the_tails_and_nodata() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(5.0, 2.0, (5000, 2)).astype(np.float32)
    values[:, 1] *= np.float32(1e-10)  # night lights: radiance in W m-2 sr-1 um-1
    spoilt = values.copy()
    spoilt[:10, 0] = 1e6
    spoilt[10:20] = np.nan
    clean, robust = (Standardiser.fit(x, ("a", "b")) for x in (values, spoilt))
    assert robust.mean[0] == pytest.approx(clean.mean[0], abs=0.05)
    assert robust.deviation[0] == pytest.approx(2.0, rel=0.05)
    applied = robust.apply(spoilt, axis=1)
    assert np.abs(applied).max() <= 6.0
    assert (applied[10:20] == 0).all()
    assert applied[20:, 1].std() == pytest.approx(1.0, rel=0.06)


def test_a_constant_layer_is_kept_and_an_empty_one_named() -> None:
    values = np.full((4, 2), 3.0, dtype=np.float32)
    assert (Standardiser.fit(values, ("a", "b")).apply(values, axis=1) == 0).all()
    values[:, 1] = np.nan
    with pytest.raises(DataError, match="winter_NDVI: nodata at every sample"):
        Standardiser.fit(values, ("a", "winter_NDVI"))
