"""Several networks that differ in their seeds and vote together.

What networks of different seeds agree on is more often right than any one of them, and where they
differ the mean of their probabilities says so (Lakshminarayanan et al. 2017, arXiv:1612.01474).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minecover.models import resnet50
from minecover.models.base import DESCRIPTION
from minecover.models.checkpoints import CheckpointStore, State
from minecover.models.epochs import RANDOM, Rows, Team, run_epochs
from minecover.models.resnet50 import Architecture, ResNet50Classifier
from minecover.models.settings import ModelSettings, Reading
from minecover.models.starting import Start
from minecover.storage.store import Store

__all__ = ["Ensemble", "finished_members", "load", "run_members"]

FloatArray = npt.NDArray[np.float32]

SEED_STEP = 1000
"""Between the seeds of two members: surveys that differ by one in their seed share none."""


def run_members(
    architecture: Architecture,
    settings: ModelSettings,
    rows: Rows,
    team: Team,
    keeper: CheckpointStore,
    start: Start = RANDOM,
) -> State:
    """Train `settings.members` networks one after the other with `run_epochs`.

    Parameters
    ----------
    architecture, settings, rows, team, keeper, start
        As for `run_epochs`; what is kept holds the finished members besides the one in work.

    Returns
    -------
    The last state kept: `finished_members` reads it.
    """
    state: State = keeper.restore() or {"finished": [], "current": None}
    while True:
        finished = list(state["finished"])
        seed = settings.seed + SEED_STEP * len(finished)
        member = _Member(keeper, finished, state["current"])
        own = settings.model_copy(update={"seed": seed})
        current = run_epochs(architecture, own, rows, team, member, start)
        state = {"finished": finished, "current": current}
        if len(finished) + 1 == settings.members:
            return state
        state = {"finished": [*finished, _result(current)], "current": None}


def finished_members(state: State) -> list[State]:
    """Each member's `best` (weights), `best_epoch`, `good_epoch` and `records`, at the end."""
    return [*state["finished"], _result(state["current"])]


def _result(state: State) -> State:
    return {name: state[name] for name in ("best", "best_epoch", "good_epoch", "records")}


@dataclass(frozen=True)
class _Member:
    """Keeps the member in work together with those before it."""

    keeper: CheckpointStore
    finished: list[State]
    state: State | None

    def restore(self) -> State | None:
        return self.state

    def keep(self, state: State, *, last: bool) -> None:
        self.keeper.keep({"finished": self.finished, "current": state}, last=last)


@dataclass(frozen=True)
class Ensemble:
    """A classifier whose probabilities are the mean of those of its members.

    Attributes
    ----------
    members
        Networks of the same layers, classes and window.
    """

    members: tuple[ResNet50Classifier, ...] = field(repr=False)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the input layers."""
        return self.members[0].layers

    @property
    def classes(self) -> tuple[int, ...]:
        """Codes of the classes."""
        return self.members[0].classes

    @property
    def halo(self) -> int:
        """Half the neighbourhood in pixels."""
        return self.members[0].halo

    @property
    def pixel_bytes(self) -> int:
        """Working memory of one predicted pixel: members are read one after the other."""
        return self.members[0].pixel_bytes + 8 * len(self.classes)

    def predict(self, block: FloatArray) -> FloatArray:
        """See `Classifier.predict`."""
        probabilities: FloatArray = self.predict_each(block[None])[0]
        return probabilities

    def predict_each(self, blocks: FloatArray) -> FloatArray:
        """See `Classifier.predict_each`."""
        total = self.members[0].predict_each(blocks)
        for member in self.members[1:]:
            total += member.predict_each(blocks)
        total /= np.float32(len(self.members))
        return total

    def with_temperature(self, temperature: float) -> Ensemble:
        """Calibrate: the scores of every member divided by `temperature`."""
        return Ensemble(tuple(member.with_temperature(temperature) for member in self.members))

    def with_reading(self, reading: Reading) -> Ensemble:
        """Give the same networks read another way."""
        return Ensemble(tuple(member.with_reading(reading) for member in self.members))

    def save(self, store: Store, prefix: str = "model/") -> None:
        """Write each member under its number, then the description."""
        for number, member in enumerate(self.members):
            member.save(store, f"{prefix}members/{number}/")
        store.write_json(prefix + DESCRIPTION, {"kind": "ensemble", "members": len(self.members)})


def load(store: Store, prefix: str, description: dict[str, Any]) -> Ensemble:
    """Read an ensemble whose description is known; `load_classifier` finds it.

    Raises
    ------
    ValueError
        A member is missing or damaged.
    """
    members = []
    for number in range(description["members"]):
        place = f"{prefix}members/{number}/"
        of_member = store.read_json(place + DESCRIPTION)
        if of_member is None:
            raise ValueError(f"member {number} is missing")
        members.append(resnet50.load(store, place, of_member))
    if not members:
        raise ValueError("an ensemble without members")
    return Ensemble(tuple(members))
