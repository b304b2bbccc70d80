"""The training loop on the workers of Ray Train.

Every worker maps the samples from one folder, reads its share of each step and averages gradients
with the others (torch's `DistributedDataParallel`, gloo on CPUs, NCCL on GPUs). After each epoch
the first one hands the state to Ray Train; when a worker is lost, all start again from there.
"""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch

from minecover.engines.ray import ray_session
from minecover.errors import MinecoverError, TryAgainError
from minecover.models.ensemble import run_members
from minecover.models.epochs import Clock, Rows, State, Team, threads
from minecover.models.resnet50 import Architecture
from minecover.survey import Engine, Model

__all__ = ["run_on_ray"]

STATE = "state.pt"

MAX_FAILURES = 5
"""Losses of a worker after which the training gives up."""


@dataclass(frozen=True)
class _Task:
    """What a worker is told: small, the samples lie in `folder`."""

    architecture: Architecture
    settings: Model
    threads: int
    checkpoint_seconds: float
    folder: str


@dataclass(frozen=True)
class _RayTrain:
    """Keeps the state with Ray Train."""

    rank: int
    clock: Clock

    def restore(self) -> State | None:
        checkpoint = ray.train.get_checkpoint()
        return None if checkpoint is None else _read(checkpoint)

    def keep(self, state: State, record: dict[str, float], *, last: bool) -> None:
        if self.rank > 0 or not self.clock.due(last=last):
            ray.train.report(record)
            return
        with tempfile.TemporaryDirectory() as folder:
            torch.save(state, Path(folder) / STATE)
            ray.train.report(record, checkpoint=ray.train.Checkpoint.from_directory(folder))


def _read(checkpoint: ray.train.Checkpoint) -> State:
    with checkpoint.as_directory() as folder:
        state: State = torch.load(Path(folder) / STATE, weights_only=True, map_location="cpu")
    return state


def _work(config: dict[str, Any]) -> None:
    """Train as one of the workers."""
    task: _Task = config["task"]
    context = ray.train.get_context()
    team = Team(
        context.get_world_rank(),
        context.get_world_size(),
        str(ray.train.torch.get_device()),
    )
    rows = Rows.open(Path(task.folder) / "rows")
    keeper = _RayTrain(team.rank, Clock(task.checkpoint_seconds))
    with threads(task.threads):
        run_members(task.architecture, task.settings, rows, team, keeper)


def run_on_ray(
    architecture: Architecture, settings: Model, engine: Engine, rows: Rows, folder: Path
) -> State:
    """Run `run_members` on `engine.training_workers` workers of a Ray cluster.

    Parameters
    ----------
    architecture, settings, rows
        As for `run_members`.
    engine
        Workers, their threads, and the address of a running cluster.
    folder
        For samples and checkpoints; every worker must see it. A run that died there goes on.

    Raises
    ------
    TryAgainError
        Workers were lost again and again.
    """
    rows.save(folder / "rows")
    # its warnings about what a laptop cannot do are none of the user's business
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
    with ray_session(engine):
        task = _Task(
            architecture,
            settings,
            engine.training_threads,
            engine.checkpoint_seconds,
            str(folder),
        )
        trainer = ray.train.torch.TorchTrainer(
            _work,
            train_loop_config={"task": task},
            scaling_config=_scaling(engine),
            run_config=_run_config(folder),
        )
        try:
            result = trainer.fit()
        except (ray.train.WorkerGroupError, ray.train.ControllerError) as error:
            raise _cause(error) from error
        return _read(result.checkpoint)


def _scaling(engine: Engine) -> ray.train.ScalingConfig:
    gpu = ray.cluster_resources().get("GPU", 0) >= engine.training_workers
    return ray.train.ScalingConfig(
        num_workers=engine.training_workers,
        use_gpu=gpu,
        resources_per_worker={"CPU": engine.training_threads, **({"GPU": 1} if gpu else {})},
    )


def _run_config(folder: Path) -> ray.train.RunConfig:
    return ray.train.RunConfig(
        name="ray",
        storage_path=str(folder),
        failure_config=ray.train.FailureConfig(max_failures=MAX_FAILURES),
        checkpoint_config=ray.train.CheckpointConfig(num_to_keep=1),
    )


def _cause(error: Exception) -> MinecoverError:
    """Find an error of ours that a worker raised; a lost worker another try may overcome."""
    for failure in getattr(error, "worker_failures", {}).values():
        original = getattr(failure, "cause", failure)
        if isinstance(original, MinecoverError):
            return original
    return TryAgainError(
        f"training: Ray lost its workers more than {MAX_FAILURES} times: {error}; run the same "
        "command again, it goes on from the last epoch"
    )
