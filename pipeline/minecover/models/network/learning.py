"""Training a network, or several, where the survey wants it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np

from minecover.engines.threads import torch_threads
from minecover.models.classifier import Classifier
from minecover.models.lookup import fingerprint_settings
from minecover.models.network.architecture import Shape
from minecover.models.network.checkpoints import Clock, FolderCheckpoints, State
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.network.device import compute_device
from minecover.models.network.ensemble import Ensemble
from minecover.models.network.members import finished_members, run_members
from minecover.models.network.rows import Rows, Team
from minecover.models.network.starting import RANDOM, Start, starting_weights
from minecover.models.task import History, TrainingTask

__all__ = ["fit"]


def fit(task: TrainingTask, shape: Shape) -> tuple[Classifier, History]:
    """Train a network of a shape, or several, on standardised patches."""
    settings, data = task.settings, task.data
    rows = Rows(
        task.standardiser.apply(data.patches, axis=1),
        data.labels,
        task.weights,
        np.flatnonzero(task.training),
        np.flatnonzero(~task.training),
    )
    file = settings.starting_weights
    start = RANDOM if file is None else starting_weights(file, shape)
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
    history = _history(members, {} if file is None else start.facts())
    return networks[0] if len(networks) == 1 else Ensemble.of(networks), history


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
    folder = task.folder / f"training-{_key(shape, task, rows)}"
    folder.mkdir(parents=True, exist_ok=True)
    if engine.trains_on_ray:
        from minecover.models.network.ray_train import run_on_ray

        state = run_on_ray(shape, settings, engine, rows, start, folder, task.report)
    else:
        team = Team(device=compute_device())
        checkpoints = FolderCheckpoints(folder, Clock(engine.checkpoint_seconds))
        with torch_threads(engine.training_threads):
            state = run_members(shape, settings, rows, team, checkpoints, start, task.report)
    shutil.rmtree(folder)
    return state


def _key(shape: Shape, task: TrainingTask, rows: Rows) -> str:
    described = f"{shape}{fingerprint_settings(task.settings)}"
    digest = hashlib.blake2b(described.encode(), digest_size=8)
    for values in vars(rows).values():
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
