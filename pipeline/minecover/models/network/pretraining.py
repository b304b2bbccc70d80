"""The season network learns from ground that nobody labelled, before it is given labels.

Seasons and features of crops are hidden from it, and it learns to tell what they hold at every
pixel (as masked autoencoders do; He et al. 2022, arXiv:2111.06377). Its head, which gives a number
for each feature of each season then, is left out of what is kept.

Crops are cut from a few blocks that are drawn for every round of steps, so memory does not grow
with the area.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import smooth_l1_loss

from minecover.arrays import BoolArray, Float32Array
from minecover.engines.report import Report
from minecover.engines.threads import torch_threads
from minecover.errors import DataError
from minecover.models.network.augmentation import symmetric
from minecover.models.network.checkpoints import (
    CheckpointStore,
    Clock,
    State,
    StoreCheckpoints,
    only_state,
)
from minecover.models.network.device import compute_device
from minecover.models.network.epochs import initial_network, mean_statistics
from minecover.models.network.optimiser import adamw, learning_rate
from minecover.models.network.rounds import in_rounds
from minecover.models.network.rows import Team
from minecover.models.network.season_shape import SeasonShape
from minecover.models.network.season_start import described_weights, season_start
from minecover.models.network.starting import RANDOM, Start, read_weights
from minecover.models.network.work import CROPS, SEEN
from minecover.models.pretraining import BLOCKS, EDGE, ROUND, Ground, PretrainingTask
from minecover.models.series import SeriesLayout
from minecover.models.settings import ModelSettings, PretrainingSettings
from minecover.models.standardise import Standardiser
from minecover.models.task import History
from minecover.storage.canonical_json import Json
from minecover.storage.store import Store

__all__ = ["Hiding", "Pretraining", "pretrain", "read_edge"]

KEPT = "checkpoints/pretraining/"
"""Folder of the store for the state of an attempt."""

MEASURED, MEASURED_EDGE = 24, 32
"""Blocks from which the layers are standardised, and the edge of each in pixels."""


LAST = 4
"""Rounds over which the loss at the end is taken."""


def read_edge(window: int) -> int:
    """Edge of a crop in pixels, as it is read by a network of a window."""
    return SEEN + 2 * (window // 2)


@dataclass(frozen=True)
class Hiding:
    """What is hidden of crops.

    Attributes
    ----------
    series
        Which layer is which season of which feature.
    settings
        Shares of the seasons and of the features that are hidden.
    """

    series: SeriesLayout
    settings: PretrainingSettings

    @property
    def told(self) -> list[int]:
        """Layers that can be hidden and are told: those of a season."""
        return [n for n, (season, _) in enumerate(self.series.places) if season is not None]

    def draw(self, rng: np.random.Generator, crops: int) -> BoolArray:
        """Draw (crop, layer) whether it is hidden, of the layers that are `told`.

        At least one season is hidden and at least one is not; of a single one, a feature.
        """
        seasons, features = self.series.seasons, self.series.features
        drawn = rng.random((crops, len(seasons)))
        hidden = drawn < self.settings.hidden_seasons
        hidden |= drawn == drawn.min(axis=1, keepdims=True)
        hidden &= drawn < drawn.max(axis=1, keepdims=True)
        feature = rng.random((crops, len(features)))
        without = feature < self.settings.hidden_features
        if len(seasons) == 1:
            without |= feature == feature.min(axis=1, keepdims=True)
        places = [self.series.places[number] for number in self.told]
        of_season = [seasons.index(season) for season, _ in places if season is not None]
        of_feature = [features.index(feature) for _, feature in places]
        found: BoolArray = hidden[:, of_season] | without[:, of_feature]
        return found


@dataclass(frozen=True, eq=False)
class Pretraining:
    """All that a worker needs.

    Attributes
    ----------
    shape
        Of the network; its classes are the layers that are told.
    settings
        Of the model.
    layers, standardiser, ground
        Names of the layers of the shape, their scales, and where they are drawn.
    start
        What the network starts from.
    store, key
        Where its state is kept.
    seconds
        Between two states that are kept.
    """

    shape: SeasonShape
    settings: ModelSettings
    layers: tuple[str, ...]
    standardiser: Standardiser
    ground: Ground
    start: Start
    store: Store
    key: str
    seconds: float

    @property
    def hiding(self) -> Hiding:
        """What is hidden of crops."""
        assert self.settings.pretraining is not None  # else nothing is pre-trained
        return Hiding(self.shape.series, self.settings.pretraining)

    @property
    def steps(self) -> int:
        """How many there are."""
        return self.hiding.settings.steps

    def checkpoints(self, rank: int = 0) -> StoreCheckpoints:
        """Where the state is kept by a worker."""
        return StoreCheckpoints(self.store, self.key, Clock(self.seconds), rank)

    def run(self, team: Team, report: Report) -> None:
        """Learn until all steps are done; the last state is kept."""
        self.learn(team, self.checkpoints(team.rank), report)

    def learn(self, team: Team, checkpoints: CheckpointStore, report: Report) -> State:
        """Learn until all steps are done.

        Returns
        -------
        The last state: `step`, `network` (weights) and `records`, one dictionary a round.
        """
        network = initial_network(self.shape, self.settings.seed)
        self.start.apply(network)
        network = network.to(team.device)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = adamw(network, self.settings)
        wrapped = nn.parallel.DistributedDataParallel(network) if team.size > 1 else network
        wrapped.train()
        learn = partial(self._round, wrapped, optimiser, team)
        return in_rounds(network, optimiser, self.steps, checkpoints, report, learn)

    def _round(
        self, network: nn.Module, optimiser: torch.optim.Optimizer, team: Team, step: int
    ) -> dict[str, float]:
        """Learn from crops of a few blocks."""
        rng = np.random.default_rng([self.settings.seed, step, team.rank])
        blocks = self._blocks(rng, max(1, BLOCKS // team.size), EDGE)
        last = min(step + ROUND, self.steps)
        sums = torch.zeros(3, dtype=torch.float64)
        for number in range(step, last):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(self.settings, number / self.steps)
            losses = self._step(network, blocks, rng, team)
            optimiser.zero_grad(set_to_none=True)
            (losses[0] / losses[2].clamp(min=1)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            sums += losses.detach().double().cpu()
        mean_statistics(network, team)
        loss, of_mean, count = team.total(sums).tolist()
        return {"step": last, "loss": loss / max(count, 1), "loss_of_mean": of_mean / max(count, 1)}

    def _blocks(self, rng: np.random.Generator, count: int, edge: int) -> Float32Array:
        """Draw blocks, standardised, NaN where nodata."""
        edge = max(edge, read_edge(self.shape.window))
        blocks = np.stack([self.ground.block(rng, edge, self.layers) for _ in range(count)])
        values = self.standardiser.apply(blocks, axis=1)
        values[~np.isfinite(blocks)] = np.nan
        return values

    def _step(
        self, network: nn.Module, blocks: Float32Array, rng: np.random.Generator, team: Team
    ) -> torch.Tensor:
        """Loss of what is hidden, that of the mean of each layer, and how many values these are."""
        crops = self._crops(blocks, rng, max(1, CROPS // team.size))
        told, halo = self.hiding.told, self.shape.halo
        hidden = self.hiding.draw(rng, len(crops))
        truth = torch.from_numpy(crops[:, told, halo:-halo, halo:-halo])
        asked = truth.isfinite() & torch.from_numpy(hidden)[:, :, None, None]
        shown = np.nan_to_num(crops, copy=True, nan=0.0)
        rows, layers = np.nonzero(hidden)
        shown[rows, np.array(told)[layers]] = 0.0
        x = torch.from_numpy(shown).to(team.device, memory_format=torch.channels_last)
        low = self.settings.precision == "bfloat16"
        with torch.autocast(team.device.split(":")[0], dtype=torch.bfloat16, enabled=low):
            found = network(x)
        truth, asked = truth.nan_to_num().to(team.device), asked.to(team.device)
        losses = smooth_l1_loss(found.float(), truth, reduction="none")[asked].sum()
        of_mean = smooth_l1_loss(torch.zeros_like(truth), truth, reduction="none")[asked].sum()
        return torch.stack([losses, of_mean, asked.sum().float()])

    def _crops(self, blocks: Float32Array, rng: np.random.Generator, count: int) -> Float32Array:
        """Cut crops from blocks, each turned in one of eight ways."""
        edge, size = blocks.shape[-1], read_edge(self.shape.window)
        numbers = rng.integers(0, len(blocks), count)
        corners = rng.integers(0, edge - size + 1, (count, 2))
        cut = [
            blocks[number, :, y : y + size, x : x + size]
            for number, (y, x) in zip(numbers, corners, strict=True)
        ]
        return symmetric(np.stack(cut), rng.integers(0, 8, count))


def pretrain(task: PretrainingTask, shape: SeasonShape) -> tuple[bytes, History]:
    """Learn without labels, here or on Ray.

    Parameters
    ----------
    task
        What is learned from.
    shape
        Of the network that will be trained on all layers.

    Returns
    -------
    The file of the weights, and how it went.

    Raises
    ------
    DataError
        No layer of a season has a value where it was looked.
    SurveyError
        The starting weights do not fit the network.
    TryAgainError
        Ray lost its workers too often.
    """
    settings, engine = task.settings, task.engine
    assert settings.pretraining is not None  # else nothing is pre-trained
    layers, series, standardiser = _measured(task)
    hidden = Hiding(series, settings.pretraining)
    own = replace(shape, series=series, classes=len(hidden.told), dropout=0, jitter=0, hidden=0)
    file, start = settings.starting_weights, RANDOM
    if file is not None:
        start = season_start(read_weights(file), own, f"model.starting_weights: {file}")
    key, seconds = only_state(task.store, KEPT, task.fingerprint), engine.checkpoint_seconds
    work = Pretraining(
        own, settings, layers, standardiser, task.ground, start, task.store, key, seconds
    )
    state = _carried_out(work, task)
    weights = {n: t.cpu() for n, t in state["network"].items() if not n.startswith("classifier.")}
    facts: dict[str, Any] = {
        "steps": state["step"],
        "layers": len(series.places),
        **_gain(state["records"]),
        **({} if file is None else start.facts()),
    }
    about: dict[str, Json] = {
        **task.about,
        "kind": settings.kind,
        **own.to_json(),
        "standardise": standardiser.to_json(),
        "pretraining": hidden.settings.model_dump(mode="json"),
        "loss": facts["loss"],
    }
    return described_weights(weights, about), History(tuple(state["records"]), facts=facts)


def _measured(task: PretrainingTask) -> tuple[tuple[str, ...], SeriesLayout, Standardiser]:
    """Measure the layers that have values, as blocks show that are drawn over the whole area."""
    names, series = task.inputs.layers, task.inputs.series
    assert series is not None  # the kind reads series
    rng = np.random.default_rng(task.settings.seed)
    blocks = [task.ground.block(rng, MEASURED_EDGE, names) for _ in range(MEASURED)]
    pixels = np.concatenate([block.reshape(len(names), -1) for block in blocks], axis=1).T
    there: BoolArray = np.asarray(np.isfinite(pixels).any(axis=0))
    places = tuple(place for place, known in zip(series.places, there, strict=True) if known)
    if not any(season is not None for season, _ in places):
        raise DataError(
            f"pretraining: no feature of a season has a value in {MEASURED} blocks of the area; "
            "give the seasons more items, or leave model.pretraining out"
        )
    layers = tuple(name for name, known in zip(names, there, strict=True) if known)
    standardiser = Standardiser.fit(pixels[:, there], layers)
    return layers, SeriesLayout(places, series.seasons), standardiser


def _carried_out(work: Pretraining, task: PretrainingTask) -> State:
    """Learn where the engine says, from the state that an earlier attempt left."""
    store, engine = task.store, task.engine
    if engine.trains_on_ray:
        from minecover.models.network.ray_train import run_on_ray

        run_on_ray(work, engine, task.folder, task.report)
    else:
        with torch_threads(engine.training_threads):
            work.run(Team(device=compute_device()), task.report)
    state = work.checkpoints().restore()
    assert state is not None  # the last one is kept
    store.remove(work.key)
    shutil.rmtree(task.folder, ignore_errors=True)  # it is there where workers made it
    return state


def _gain(records: list[dict[str, float]]) -> dict[str, float]:
    """Loss of the last rounds, and what share of it the mean of each layer would have more."""
    last = records[-LAST:]
    loss, of_mean = (
        float(np.mean([record[name] for record in last])) for name in ("loss", "loss_of_mean")
    )
    return {"loss": round(loss, 6), "explained": round(1 - loss / of_mean, 4) if of_mean else 0.0}
