"""How long a model is trained is found on a fold, and what is trained beside that is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from minecover.engines.settings import EngineSettings
from minecover.models import tuning
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.settings import ModelSettings
from minecover.models.task import Tuning
from minecover.models.tuning import tune_and_train

SETTINGS = ModelSettings(window=5, width=0.125, epochs=3, batch=16)
ONE, TWO = (
    EngineSettings(training="local", workers=1, threads=threads, checkpoint_seconds=0)
    for threads in (1, 2)
)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = np.random.default_rng(3)
    labels = (np.arange(60) % 3).astype(np.int64)
    patches = rng.normal(0, 0.3, (60, 2, 5, 5)).astype(np.float32)
    patches[labels == 1, 0] += 1.0
    patches[labels == 2, 1] += 1.0
    return TrainingData(patches, labels, ("a", "b"), (1, 2, 3))


FOLDS = np.arange(60) // 3 % 4


def weights(model: Classifier) -> dict[str, torch.Tensor]:
    assert isinstance(model, NetworkClassifier)
    return dict(model.weights)


@pytest.mark.parametrize("best", [3, 2])
def test_a_training_begun_beside_the_tuning_is_the_same_or_given_up(
    data: TrainingData, best: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune, told = tuning._tune, []

    def found(*arguments: object) -> object:
        known, history = tune(*arguments)  # type: ignore[arg-type]
        return Tuning(best, known.temperature), history

    def report(done: int, of: int, what: str, note: str = "") -> None:
        told.append(what)

    monkeypatch.setattr(tuning, "_tune", found)
    alone, first, _ = tune_and_train(SETTINGS, ONE, data, FOLDS, tmp_path / "alone")
    beside, second, history = tune_and_train(SETTINGS, TWO, data, FOLDS, tmp_path / "two", report)
    assert first == second
    assert [one.epochs for one in second] == [best]
    assert len(history.records) == 3
    assert all(
        torch.equal(values, weights(beside)[name]) for name, values in weights(alone).items()
    )
    assert not list((tmp_path / "two").iterdir())
    # what is told of one training does not mix with what is told of the other
    changes = [what for i, what in enumerate(told) if i == 0 or told[i - 1] != what]
    assert changes in (["epochs of the tuning", "epochs"], ["epochs of the tuning"])


def test_nothing_is_tuned_without_a_fold(data: TrainingData, tmp_path: Path) -> None:
    _, tuned, history = tune_and_train(SETTINGS, TWO, data, None, tmp_path)
    assert tuned == (Tuning(3, 1.0),)
    assert history.records == ()


@pytest.mark.parametrize(
    ("count", "batch", "epochs", "patience"),
    [
        (1152, 64, 30, 10),  # 18 steps an epoch, 540 in all
        (2870, 64, 30, 10),
        (256, 64, 135, 45),  # 4 steps an epoch
        (150, 37, 135, 45),
        (40, 16, 270, 90),  # 2.5 steps, as 2
    ],
)
def test_few_samples_are_shown_more_often(
    count: int, batch: int, epochs: int, patience: int
) -> None:
    found = ModelSettings().for_samples(count)
    assert (found.batch, found.epochs, found.patience) == (batch, epochs, patience)
    given = ModelSettings(epochs=3)
    assert given.for_samples(count) is given
    careful = ModelSettings(batch=8, patience=100).for_samples(count)
    assert (careful.batch, careful.patience) == (8, 100)


def test_epochs_that_are_left_to_the_samples_are_those_that_are_given(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minecover.models.settings.USUAL_EPOCHS", 1)
    monkeypatch.setattr("minecover.models.settings.USUAL_STEPS", 7)
    left, given = SETTINGS.replace(epochs=None), SETTINGS.replace(epochs=2)
    ours, first, _ = tune_and_train(left, ONE, data, FOLDS, tmp_path / "left")
    theirs, second, _ = tune_and_train(given, ONE, data, FOLDS, tmp_path / "given")
    assert first == second
    assert all(torch.equal(a, weights(theirs)[name]) for name, a in weights(ours).items())
