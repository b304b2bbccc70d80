"""Training a network, or several, where the survey wants it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minecover.engines.report import Report
from minecover.engines.threads import torch_threads
from minecover.models.classifier import Classifier
from minecover.models.lookup import fingerprint_settings
from minecover.models.network.architecture import Shape
from minecover.models.network.checkpoints import Clock, FolderCheckpoints, State
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.network.device import compute_device
from minecover.models.network.members import finished_members, run_members
from minecover.models.network.rows import Rows, Team
from minecover.models.network.season_shape import SeasonShape
from minecover.models.network.season_start import pretrained_start, season_start
from minecover.models.network.starting import RANDOM, Start, read_weights, starting_weights
from minecover.models.settings import ModelSettings
from minecover.models.task import History, TrainingTask
from minecover.models.vote import Vote
from minecover.storage.store import Store

__all__ = ["fit"]


@dataclass(frozen=True)
class _SharedTraining:
    """A training whose samples and starting weights every worker maps from one folder.

    Attributes
    ----------
    shape, settings
        Of the network.
    folder
        Where they are, and the state.
    seconds
        Between two states that are kept.
    """

    shape: Shape
    settings: ModelSettings
    folder: str
    seconds: float

    def run(self, team: Team, report: Report) -> None:
        """See `TeamWork.run`."""
        folder = Path(self.folder)
        rows, start = Rows.open(folder / "rows"), Start.open(folder / "start")
        checkpoints = FolderCheckpoints(folder, Clock(self.seconds), team.rank)
        run_members(self.shape, self.settings, rows, team, checkpoints, start, report)


def fit(task: TrainingTask, shape: Shape) -> tuple[Classifier, History]:
    """Train a network of a shape, or several, on standardised patches."""
    settings, data = task.settings, task.data
    start = _start(task, shape)
    rows = Rows(
        task.standardiser.apply(data.patches, axis=1),
        data.labels,
        task.weights,
        np.flatnonzero(task.training),
        np.flatnonzero(~task.training),
    )
    members = finished_members(_trained(shape, task, rows, start))
    networks = tuple(
        NetworkClassifier(
            kind=settings.kind,
            layers=data.layers,
            classes=data.classes,
            architecture=shape,
            weights={name: values.cpu() for name, values in member["best"].items()},
            standardiser=task.standardiser,
            precision=settings.precision,
            reading=settings.reading,
        )
        for member in members
    )
    history = _history(members, {} if start is RANDOM else start.facts())
    return networks[0] if len(networks) == 1 else Vote.of(settings.kind, networks), history


def _start(task: TrainingTask, shape: Shape) -> Start:
    """Take the weights of the pre-training on the same ground, those of a file, or random ones."""
    place, file = task.data.pretrained, task.settings.starting_weights
    if isinstance(shape, SeasonShape):
        if place is not None:
            return pretrained_start(Store(place), shape)
        if file is not None:
            return season_start(read_weights(file), shape, f"model.starting_weights: {file}")
    return RANDOM if file is None else starting_weights(file, shape)


def _history(members: list[State], facts: Mapping[str, Any]) -> History:
    records = [
        {"member": number, **record}
        for number, member in enumerate(members)
        for record in member["records"]
    ]
    first = members[0]
    return History(tuple(records), int(first["best_epoch"]), int(first["good_epoch"]), facts)


def _trained(shape: Shape, task: TrainingTask, rows: Rows, start: Start) -> State:
    """Run the loop here or on Ray, in a folder named for what goes in."""
    settings, engine = task.settings, task.engine
    folder = task.folder / f"training-{_key(shape, task, rows, start)}"
    folder.mkdir(parents=True, exist_ok=True)
    if engine.trains_on_ray:
        from minecover.models.network.ray_train import run_on_ray

        rows.save(folder / "rows")
        start.save(folder / "start")
        work = _SharedTraining(shape, settings, str(folder), engine.checkpoint_seconds)
        run_on_ray(work, engine, folder, task.report)
        kept = FolderCheckpoints(folder, Clock(0)).restore()
        assert kept is not None  # the workers keep the last state before they report the end
        state = kept
    else:
        team = Team(device=compute_device())
        checkpoints = FolderCheckpoints(folder, Clock(engine.checkpoint_seconds))
        with torch_threads(engine.training_threads):
            state = run_members(shape, settings, rows, team, checkpoints, start, task.report)
    shutil.rmtree(folder)
    return state


def _key(shape: Shape, task: TrainingTask, rows: Rows, start: Start) -> str:
    described = f"{shape}{fingerprint_settings(task.settings)}"
    digest = hashlib.blake2b(described.encode(), digest_size=8)
    for values in [*vars(rows).values(), *(tensor.numpy() for tensor in start.weights.values())]:
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
