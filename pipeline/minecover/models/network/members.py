"""Training networks of different seeds one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from minecover.engines.report import Report, unreported
from minecover.models.network.architecture import Shape
from minecover.models.network.checkpoints import CheckpointStore, State
from minecover.models.network.epochs import run_epochs
from minecover.models.network.rows import Rows, Team
from minecover.models.network.starting import RANDOM, Start
from minecover.models.settings import ModelSettings

__all__ = ["finished_members", "run_members"]

SEED_STEP = 1000
"""Between the seeds of two members: surveys that differ by one in their seed share none."""


def run_members(
    architecture: Shape,
    settings: ModelSettings,
    rows: Rows,
    team: Team,
    checkpoints: CheckpointStore,
    start: Start = RANDOM,
    report: Report = unreported,
) -> State:
    """Train `settings.members` networks one after the other with `run_epochs`.

    Parameters
    ----------
    architecture, settings, rows, team, checkpoints, start, report
        As for `run_epochs`; a checkpoint holds the finished members and the one in training, and
        epochs are those of all members.

    Returns
    -------
    The last state kept: `finished_members` reads it.
    """
    state: State = checkpoints.restore() or {"finished": [], "current": None}
    while True:
        finished = list(state["finished"])
        seed = settings.seed + SEED_STEP * len(finished)
        member = _Member(checkpoints, finished, state["current"])
        own = settings.replace(seed=seed)
        current = run_epochs(
            architecture, own, rows, team, member, start, _of_all(report, len(finished), settings)
        )
        state = {"finished": finished, "current": current}
        if len(finished) + 1 == settings.members:
            return state
        state = {"finished": [*finished, _result(current)], "current": None}


def finished_members(state: State) -> list[State]:
    """Each member's `best` (weights), `best_epoch`, `good_epoch` and `records`, at the end."""
    return [*state["finished"], _result(state["current"])]


def _of_all(report: Report, finished: int, settings: ModelSettings) -> Report:
    """Report the epochs of a member as some of those of all members."""

    def of_all(done: int, of: int, what: str, note: str = "") -> None:
        report(finished * settings.all_epochs + done, settings.members * of, what, note)

    return of_all


def _result(state: State) -> State:
    return {name: state[name] for name in ("best", "best_epoch", "good_epoch", "records")}


@dataclass(frozen=True)
class _Member:
    """Checkpoints of the member in training, together with the members before it."""

    checkpoints: CheckpointStore
    finished: list[State]
    state: State | None

    def restore(self) -> State | None:
        return self.state

    def keep(self, state: State, *, last: bool) -> None:
        self.checkpoints.keep({"finished": self.finished, "current": state}, last=last)
