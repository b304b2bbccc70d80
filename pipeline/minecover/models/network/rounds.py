"""Trainings in rounds of steps.

A round depends on the seed, its number and the state before it, and on nothing else: a state that
was kept after a round is all that another attempt needs to end in the same weights.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from minecover.engines.report import Report
from minecover.engines.threads import check_wanted
from minecover.models.network.checkpoints import CheckpointStore, State

__all__ = ["in_rounds"]


def in_rounds(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    steps: int,
    checkpoints: CheckpointStore,
    report: Report,
    learn: Callable[[int], dict[str, float]],
) -> State:
    """Learn round by round, from the state last kept, until all steps are done.

    Parameters
    ----------
    network, optimiser
        As they are before the first step.
    steps
        How many there are.
    checkpoints
        Where the state is kept.
    report
        Is told how far it is.
    learn
        Learns a round from a step on; gives its record: `step`, the one after its last, and `loss`.

    Returns
    -------
    The last state: `step`, `network` and `optimiser` (their own) and `records`, one a round.
    """
    state = checkpoints.restore() or {"step": 0, "records": []}
    if state["step"]:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
    report(state["step"], steps, "steps")
    while state["step"] < steps:
        check_wanted()
        record = learn(state["step"])
        state = {
            "step": int(record["step"]),
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "records": [*state["records"], record],
        }
        checkpoints.keep(state, last=state["step"] == steps)
        report(state["step"], steps, "steps", f"loss {record['loss']:.4f}")
    return state
