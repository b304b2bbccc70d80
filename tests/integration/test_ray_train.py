"""Training on the workers of Ray Train, one of which is killed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from drawn_ground import task
from minecover.engines import absence
from minecover.engines.report import Report, unreported
from minecover.engines.session import cluster_cpus, ray_session
from minecover.engines.settings import EngineSettings
from minecover.errors import SurveyError, TryAgainError
from minecover.models.data import TrainingData
from minecover.models.network import ray_train
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.network.ray_train import training_session
from minecover.models.registry import MODELS
from minecover.models.settings import ModelSettings
from minecover.models.task import History
from minecover.models.training import train
from minecover.models.tuning import tune_and_train
from minecover.storage.store import Store

pytestmark = [
    pytest.mark.alone,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    # of Ray's own settings, when Ray copies them to its controller
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*will be deprecated:DeprecationWarning"),
]

ENGINE = EngineSettings(
    training="ray", workers=2, threads=1, training_workers=2, checkpoint_seconds=0
)
TESTS = Path(__file__).parents[1]
SETTINGS = ModelSettings(window=5, width=0.25, epochs=12, batch=16, learning_rate=5e-3)


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        # workers import `drawn_ground`
        patch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)
        with ray_session(ENGINE):
            yield


def data() -> TrainingData:
    rng = np.random.default_rng(0)
    labels = (np.arange(120) % 3).astype(np.int64)
    patches = rng.normal(0, 0.5, (120, 4, 5, 5)).astype(np.float32)
    patches[:, 0] += labels[:, None, None]
    return TrainingData(patches, labels, ("a", "b", "c", "d"), (1, 2, 3))


def trained(
    engine: EngineSettings, folder: Path, seed: int = 0, report: Report = unreported
) -> tuple[dict[str, torch.Tensor], History]:
    watched = np.arange(120) % 5 == 0
    settings = SETTINGS.model_copy(update={"seed": seed})
    model, history = train(settings, engine, data(), watched, folder, report)
    assert isinstance(model, NetworkClassifier)
    return dict(model.weights), history


def voted(engine: EngineSettings, folder: Path) -> dict[str, bytes | None]:
    """Give the objects of a vote, one of whose models is trained on Ray."""
    settings = SETTINGS.replace(kind="voting", options={"models": ["resnet50", "nb"]}, epochs=2)
    model, _, _ = tune_and_train(settings, engine, data(), np.arange(120) % 5, folder / "trained")
    store = Store(str(folder))
    model.save(store)
    return {key: store.read(key) for key in store.names("model/")}


def test_a_killed_worker_changes_nothing(tmp_path: Path) -> None:
    killed: list[int] = []
    killer = threading.Thread(target=kill_one, args=(tmp_path / "killed", killed))
    epochs: list[tuple[int, int]] = []

    def report(done: int, of: int, what: str, note: str = "") -> None:
        assert (what, bool(note)) == ("epochs", done > 0)
        epochs.append((done, of))

    with training_session(ENGINE):
        whole, expected = trained(ENGINE, tmp_path / "whole", report=report)
        assert epochs == sorted(set(epochs))
        assert epochs[-1] == (len(expected.records), SETTINGS.epochs)
        # an error of ours is told, and costs no worker
        with pytest.raises(SurveyError, match="batch norm needs two each"):
            train(SETTINGS.model_copy(update={"batch": 3}), ENGINE, data(), None, tmp_path / "few")
        killer.start()
        resumed, history = trained(ENGINE, tmp_path / "killed")
        killer.join()
        without_labels = [
            MODELS["seasons"].pretrain(replace(task(tmp_path / name), engine=ENGINE))[0]
            for name in ("once", "again")
        ]
    assert without_labels[0] == without_labels[1]
    assert killed, "no worker was killed: the training was over before"
    assert all(torch.equal(values, resumed[name]) for name, values in whole.items())
    for mine, theirs in zip(history.records, expected.records, strict=True):
        assert mine["validation_loss"] == theirs["validation_loss"]
    assert not list((tmp_path / "killed").iterdir())
    assert not list((tmp_path / "whole").iterdir())


def kill_one(folder: Path, killed: list[int]) -> None:
    """Kill a training worker with SIGKILL once the first epoch is kept."""
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline:
        workers = training_workers() if any(folder.glob("training-*/state.pt")) else []
        if workers:
            killed.append(workers[0].pid)
            workers[0].kill()
            return
        time.sleep(0.01)


def training_workers() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if is_training_worker(p)]


def is_training_worker(process: psutil.Process) -> bool:
    try:
        return process.name().startswith("ray::") and "RayTrainWorker" in " ".join(
            process.cmdline()
        )
    except psutil.NoSuchProcess:  # it ended meanwhile; a zombie has no command line
        return False


def test_a_session_keeps_its_worker_which_gives_what_this_process_gives(tmp_path: Path) -> None:
    alone = ENGINE.model_copy(update={"training_workers": 1})
    mine = alone.model_copy(update={"training": "local"})
    seen = []
    with training_session(alone):
        for seed in (0, 1):
            on_ray, _ = trained(alone, tmp_path / "ray", seed)
            local, _ = trained(mine, tmp_path / "local", seed)
            assert all(torch.equal(values, on_ray[name]) for name, values in local.items())
            seen.append([process.pid for process in training_workers()])
        without_labels = [
            MODELS["seasons"].pretrain(replace(task(tmp_path / name), engine=engine))[0]
            for name, engine in (("ray", alone), ("local", mine))
        ]
        votes = [voted(engine, tmp_path / f"vote-{engine.training}") for engine in (alone, mine)]
    assert votes[0] == votes[1]
    assert len(votes[0]) > 3
    assert len(seen[0]) == 1
    assert seen[0] == seen[1]
    assert without_labels[0] == without_labels[1]
    assert not training_workers()


def test_a_cluster_without_room_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray Train itself waits for ever, and says nothing."""
    assert cluster_cpus() == ENGINE.cores
    monkeypatch.setattr(absence, "PATIENCE", 0.0)
    monkeypatch.setattr(ray_train, "EVERY", 0.0)
    fits, too_large = (
        ray_train._Group(ENGINE.model_copy(update={"training_workers": workers}))
        for workers in (2, 3)
    )
    for group in (fits, fits, too_large):
        group.check()
    with pytest.raises(TryAgainError, match=r"too few CPUs for the training .* it takes 3 "):
        too_large.check()
