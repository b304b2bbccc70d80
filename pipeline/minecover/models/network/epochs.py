"""The training loop of the network: the same code in this process and on a Ray worker.

An epoch depends on the seed, its number and the state before it, and on nothing else: the order of
the samples and their symmetries are drawn anew from (seed, epoch). So a checkpoint after an epoch
is all that a resumed run needs to end in the same weights as an uninterrupted one.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel

from minecover.arrays import Float32Array, Int64Array
from minecover.engines.report import Report, unreported
from minecover.engines.threads import check_wanted
from minecover.errors import SurveyError
from minecover.models.network.architecture import Shape
from minecover.models.network.augmentation import Mixture, mixture, symmetric
from minecover.models.network.checkpoints import CheckpointStore, State
from minecover.models.network.layers import Network
from minecover.models.network.networks import network_of
from minecover.models.network.optimiser import adamw, averaged, learning_rate
from minecover.models.network.rows import Rows, Team
from minecover.models.network.starting import RANDOM, Start
from minecover.models.settings import ModelSettings

__all__ = ["initial_network", "mean_statistics", "run_epochs", "seeded"]


EVALUATION_BATCH = 256

_DRAWING = threading.Lock()


def run_epochs(
    architecture: Shape,
    settings: ModelSettings,
    rows: Rows,
    team: Team,
    checkpoints: CheckpointStore,
    start: Start = RANDOM,
    report: Report = unreported,
) -> State:
    """Train until the epochs are over or the validation loss rises.

    Returns
    -------
    The last state: `best` (weights, those of the lowest validation loss or, without validation,
    the last), `best_epoch`, `good_epoch` (the last whose validation loss was within one standard
    error of the lowest: over some hundred points the lowest itself is chance), `records` (one
    dictionary an epoch).

    Raises
    ------
    SurveyError
        A step has fewer than two samples for a process.
    """
    if min(settings.batch, len(rows.training)) < 2 * team.size:
        raise SurveyError(
            f"model.batch: {min(settings.batch, len(rows.training))} samples a step for "
            f"{team.size} workers; batch norm needs two each: raise it or take fewer workers"
        )
    network = initial_network(architecture, settings.seed)
    start.apply(network)
    network = network.to(team.device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = adamw(network, settings)
    average = averaged(network, _steps(rows, settings))
    state = checkpoints.restore()
    if state is None:
        numbers = dict.fromkeys(("epoch", "best_epoch", "good_epoch"), 0)
        state = {**numbers, "best_loss": math.inf, "good_loss": math.inf, "records": []}
    else:
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
    wrapped = nn.parallel.DistributedDataParallel(network) if team.size > 1 else network
    report(state["epoch"], settings.all_epochs, "epochs")
    while not _finished(state, settings, watching=len(rows.validation) > 0):
        record = _epoch(wrapped, average, optimiser, settings, rows, team, state["epoch"])
        record |= _validate(average.module, rows, team, settings)
        _advance(state, network, average, optimiser, record)
        last = _finished(state, settings, watching=len(rows.validation) > 0)
        checkpoints.keep(state, last=last)
        report(state["epoch"], settings.all_epochs, "epochs", _losses_of(record))
    return state


def _losses_of(record: Mapping[str, float]) -> str:
    """Say how an epoch went."""
    text = f"loss {record['training_loss']:.4f}"
    watched = record.get("validation_loss")
    return text if watched is None else f"{text}, held out {watched:.4f}"


def _finished(state: State, settings: ModelSettings, *, watching: bool) -> bool:
    stale = watching and state["epoch"] - state["good_epoch"] >= settings.patience
    return bool(stale or state["epoch"] >= settings.all_epochs)


def _advance(
    state: State,
    network: Network,
    average: AveragedModel,
    optimiser: torch.optim.Optimizer,
    record: dict[str, float],
) -> None:
    """Bring the state to the end of an epoch."""
    state["epoch"] += 1
    state["network"] = network.state_dict()
    state["average"] = average.state_dict()
    state["optimiser"] = optimiser.state_dict()
    state["records"] = [*state["records"], {"epoch": state["epoch"], **record}]
    loss = record.get("validation_loss", -math.inf)
    if loss < state["best_loss"] or loss == -math.inf:
        state["best"] = copy.deepcopy(average.module.state_dict())
        state["best_loss"], state["best_epoch"] = loss, state["epoch"]
        state["good_loss"] = loss + record.get("validation_error", 0.0)
    if loss <= state["good_loss"]:
        state["good_epoch"] = state["epoch"]


def _epoch(
    network: nn.Module,
    average: AveragedModel,
    optimiser: torch.optim.Optimizer,
    settings: ModelSettings,
    rows: Rows,
    team: Team,
    epoch: int,
) -> dict[str, float]:
    """Learn from every training sample once."""
    start = time.perf_counter()
    _bare(network).seed(_mixed_seed(settings.seed, epoch, team.rank), team.device)
    network.train()
    batches = list(_batches(rows, settings, epoch))
    loss_sum = torch.zeros((), dtype=torch.float64)
    for number, (samples, turns) in enumerate(batches):
        check_wanted()
        done = (epoch + number / len(batches)) / settings.all_epochs
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(settings, done)
        mine = slice(team.rank, None, team.size)
        share = rows.weights[samples].sum() / team.size
        patches = symmetric(rows.patches[samples[mine]], turns[mine])
        mix = mixture(len(patches), settings, (settings.seed, epoch, number, team.rank))
        losses = _losses(network, patches, rows, samples[mine], settings, team, mix)
        loss = losses.sum() / float(share)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        average.update_parameters(_bare(network))
        loss_sum += losses.detach().sum().double().cpu()
    total = float(team.total(loss_sum)) / float(rows.weights[rows.training].sum())
    for each in (network, average):
        mean_statistics(each, team)
    seconds = time.perf_counter() - start
    return {"training_loss": total, "seconds": seconds, "learning_rate": group["lr"]}


def _batches(
    rows: Rows, settings: ModelSettings, epoch: int
) -> Iterator[tuple[Int64Array, Int64Array]]:
    """Draw the samples of each step and the symmetry that each is shown in.

    Steps are of nearly equal size: batch norm would suffer from a small last one.
    """
    rng = np.random.default_rng([settings.seed, epoch])
    order = rng.permutation(rows.training)
    turns = rng.integers(0, 8, len(order))
    steps = _steps(rows, settings)
    yield from zip(np.array_split(order, steps), np.array_split(turns, steps), strict=True)


def _steps(rows: Rows, settings: ModelSettings) -> int:
    return max(1, round(len(rows.training) / settings.batch))


def _bare(network: nn.Module) -> Network:
    """Take the network out of its wrapping for several processes."""
    wrapped = isinstance(network, nn.parallel.DistributedDataParallel)
    return cast(Network, network.module if wrapped else network)


def _losses(
    network: nn.Module,
    patches: Float32Array,
    rows: Rows,
    samples: Int64Array,
    settings: ModelSettings,
    team: Team,
    mix: Mixture | None = None,
) -> torch.Tensor:
    """Weighted cross entropy of each sample, or of its mixture with another."""
    x = torch.from_numpy(patches).to(team.device, memory_format=torch.channels_last)
    if mix is not None:
        share, other = mix[0].to(team.device), mix[1]
        x = torch.lerp(x[other], x, share[:, None, None, None])
    labels = torch.from_numpy(rows.labels[samples]).to(team.device)
    weights = torch.from_numpy(rows.weights[samples]).to(team.device)
    low = settings.precision == "bfloat16"
    with torch.autocast(team.device.split(":")[0], dtype=torch.bfloat16, enabled=low):
        scores = network(x)
    smoothing = settings.label_smoothing if network.training else 0.0
    flat = scores.float().flatten(1)

    def loss(order: Int64Array | slice) -> torch.Tensor:
        one = cross_entropy(flat, labels[order], reduction="none", label_smoothing=smoothing)
        return one * weights[order]

    if mix is None:
        return loss(slice(None))
    return share * loss(slice(None)) + (1 - share) * loss(other)


@torch.no_grad()
def _validate(
    network: nn.Module, rows: Rows, team: Team, settings: ModelSettings
) -> dict[str, float]:
    """Loss over the samples that are watched, and its standard error; empty without any."""
    if not len(rows.validation):
        return {}
    network.eval()
    sums = torch.zeros(2, dtype=torch.float64)
    mine = rows.validation[team.rank :: team.size]
    for start in range(0, len(mine), EVALUATION_BATCH):
        samples = mine[start : start + EVALUATION_BATCH]
        patches = np.array(rows.patches[samples])
        losses = _losses(network, patches, rows, samples, settings, team).double().cpu()
        sums += torch.stack([losses.sum(), losses.square().sum()])
    count = len(rows.validation)
    mean, square = (team.total(sums) / count).tolist()
    scale = count / float(rows.weights[rows.validation].sum())
    error = math.sqrt(max(square - mean**2, 0.0) / count)
    return {"validation_loss": scale * mean, "validation_error": scale * error}


def mean_statistics(network: nn.Module, team: Team) -> None:
    """Give every process the mean of all batch norm statistics: each saw its own samples."""
    if team.size > 1:
        for buffer in network.buffers():
            if buffer.is_floating_point():
                buffer.copy_(team.total(buffer.clone()) / team.size)


def initial_network(architecture: Shape, seed: int) -> Network:
    """Draw the first weights of a network of a shape."""
    with seeded(seed):
        return network_of(architecture)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw first weights inside: torch draws those of all threads from one generator."""
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    with _DRAWING:
        torch.manual_seed(seed)
        yield


def _mixed_seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)
