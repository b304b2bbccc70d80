"""The network that reads all periods together learns from a map of them.

Crops are cut from a few blocks that are drawn for every round of steps, so memory does not grow
with the area.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from minecover.arrays import BoolArray
from minecover.engines.threads import torch_threads
from minecover.errors import DataError
from minecover.models.network.checkpoints import Clock, State, StoreCheckpoints, only_state
from minecover.models.network.device import compute_device
from minecover.models.network.drawn_borders import Crop, Crops
from minecover.models.network.epochs import seeded
from minecover.models.network.optimiser import adamw, learning_rate
from minecover.models.network.period_network import PeriodNetwork
from minecover.models.network.period_reader import PeriodReader
from minecover.models.network.period_shape import PeriodShape
from minecover.models.network.rounds import in_rounds
from minecover.models.period_task import BLOCKS, EDGE, ROUND, PeriodTask
from minecover.models.standardise import Standardiser
from minecover.models.task import History

__all__ = ["learn_periods"]

KEPT = "checkpoints/periods/"
"""Folder of the store for the state of an attempt."""

MEASURED, MEASURED_EDGE = 24, 32
"""Blocks from which the layers are standardised, and the edge of each in pixels."""

SMOOTHING = 0.05
"""Of the labels: a map that is learned from is not right everywhere."""

LONGEST = 1.0
"""Gradients are cut to this length."""


def learn_periods(task: PeriodTask) -> tuple[PeriodReader, History]:
    """Learn from a map of all periods, from the state that an earlier attempt left.

    Raises
    ------
    DataError
        No layer has a value, or no pixel a class, where it was looked.
    """
    settings, store = task.settings, task.store
    layers, sharp, standardiser = _measured(task)
    shape = PeriodShape(len(layers), len(task.classes), settings.channels)
    key = only_state(store, KEPT, task.fingerprint)
    checkpoints = StoreCheckpoints(store, key, Clock(task.engine.checkpoint_seconds))
    learning = _Learning(task, layers, sharp, standardiser, shape)
    with torch_threads(task.engine.training_threads):
        state = learning.carried_out(checkpoints)
    store.remove(key)
    weights = {name: tensor.cpu() for name, tensor in state["network"].items()}
    reader = PeriodReader(layers, task.classes, shape, standardiser, weights)
    records = state["records"]
    facts: dict[str, Any] = {
        "steps": state["step"],
        "layers": len(layers),
        "loss": round(records[-1]["loss"], 6),
    }
    return reader, History(tuple(records), facts=facts)


@dataclass(frozen=True, eq=False)
class _Learning:
    """A training under way.

    Attributes
    ----------
    task
        What is learned from, and how.
    layers, sharp, standardiser
        Of `task`, those that have values, and their scales.
    shape
        Of the network.
    """

    task: PeriodTask
    layers: tuple[str, ...]
    sharp: BoolArray
    standardiser: Standardiser
    shape: PeriodShape

    def carried_out(self, checkpoints: StoreCheckpoints) -> State:
        """Learn until all steps are done.

        Returns
        -------
        The last state: `step`, `network` (weights) and `records`, one dictionary a round.
        """
        settings, report, device = self.task.settings, self.task.report, compute_device()
        with seeded(settings.seed):
            network = PeriodNetwork(self.shape).to(device)
        optimiser = adamw(network, settings)
        network.train()
        learn = partial(self._round, network, optimiser, device)
        return in_rounds(network, optimiser, settings.steps, checkpoints, report, learn)

    def _round(
        self, network: nn.Module, optimiser: torch.optim.Optimizer, device: str, step: int
    ) -> dict[str, float]:
        """Learn from crops of a few blocks."""
        settings = self.task.settings
        rng = np.random.default_rng([settings.seed, step])
        crops, last, total = self._crops(rng), min(step + ROUND, settings.steps), 0.0
        for number in range(step, last):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(settings, number / settings.steps)
            loss = _loss(network, crops.draw(rng), device)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), LONGEST)
            optimiser.step()
            total += loss.item()
        return {"step": last, "loss": total / (last - step)}

    def _crops(self, rng: np.random.Generator) -> Crops:
        settings = self.task.settings
        blocks = [self.task.ground.block(rng, EDGE, self.layers) for _ in range(BLOCKS)]
        layers = np.stack([self.standardiser.apply(b.layers, axis=1) for b in blocks])
        drawn = settings.drawn_borders if settings.reference is None else 0.0
        places, sure = np.stack([b.places for b in blocks]), np.stack([b.sure for b in blocks])
        crops = Crops(layers, places, sure, self.sharp, drawn)
        if not crops.known:
            raise DataError(
                f"change.network: no pixel of {BLOCKS} blocks of the area has a class to learn "
                "from; give a change.network.reference that lies on the area, or leave "
                "change.network out"
            )
        return crops


def _loss(network: nn.Module, crop: Crop, device: str) -> torch.Tensor:
    """Weighted cross entropy of the pixels of a crop in all periods."""
    layers, places, weights = (
        torch.from_numpy(part).to(device) for part in (crop.layers, crop.places, crop.weights)
    )
    each = cross_entropy(
        network(layers), places, reduction="none", label_smoothing=SMOOTHING, ignore_index=-1
    )
    mean: torch.Tensor = (each * weights).sum() / weights.sum().clamp(min=1)
    return mean


def _measured(task: PeriodTask) -> tuple[tuple[str, ...], BoolArray, Standardiser]:
    """Measure the layers that have values, as blocks show that are drawn over the whole area."""
    rng = np.random.default_rng(task.settings.seed)
    blocks = [task.ground.block(rng, MEASURED_EDGE, task.layers).layers for _ in range(MEASURED)]
    pixels = np.moveaxis(np.stack(blocks), 2, -1).reshape(-1, len(task.layers))
    there = np.asarray(np.isfinite(pixels).any(axis=0))
    if not there.any():
        raise DataError(
            f"change.network: no layer has a value in {MEASURED} blocks of the area; give the "
            "seasons more items, or leave change.network out"
        )
    layers = tuple(name for name, known in zip(task.layers, there, strict=True) if known)
    return layers, task.sharp[there], Standardiser.fit(pixels[:, there], layers)
