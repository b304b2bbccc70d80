"""The training loop on the workers of Ray Train.

Every worker reads its share of each step and averages gradients with the others (torch's
`DistributedDataParallel`, gloo on CPUs, NCCL on GPUs). The first one keeps the state; when a worker
is lost, all start again from there.

To start workers takes Ray Train 10 to 20 seconds, often more than a small training itself. So they
are kept for all trainings of a session: they take the next one from a queue until it is closed.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import ray
import ray.train
import ray.train.torch

from minecover.engines.absence import Absence
from minecover.engines.report import Report, unreported
from minecover.engines.session import check_head, cluster_cpus, ray_session, why_lost
from minecover.engines.settings import EngineSettings
from minecover.engines.threads import torch_threads
from minecover.engines.work_queue import WorkQueue
from minecover.errors import MinecoverError, TryAgainError
from minecover.models.network.rows import Team

__all__ = ["TeamWork", "run_on_ray", "training_session"]

MAX_FAILURES = 5
"""Losses of a worker after which its group gives up."""

EVERY = 5.0
"""Seconds between looks whether the cluster has room for them."""

STOPPING = 60.0
"""Seconds that workers have to stop when there is nothing more to train."""


class TeamWork(Protocol):
    """A training, as it is sent to every worker: small, for what is large lies in a folder."""

    def run(self, team: Team, report: Report) -> None:
        """Do one worker's part; the first keeps the last state where the driver finds it."""


@dataclass(frozen=True)
class _Task:
    """What a worker is given; it says in `folder` how far it is."""

    work: TeamWork
    threads: int
    folder: str


@dataclass(frozen=True)
class _StepFile:
    """How far the first worker is, in the folder of its training: the driver looks there.

    Attributes
    ----------
    folder
        Of the training.
    """

    folder: Path

    def write(self, done: int, of: int, what: str, note: str = "") -> None:
        """Keep the latest; see `Report`."""
        scratch = self.folder / "step.part"
        scratch.write_text(json.dumps([done, of, what, note]), encoding="utf-8")
        scratch.replace(self.folder / "step.json")

    def read(self) -> tuple[int, int, str, str] | None:
        """Read the latest; None before the first."""
        try:
            done, of, what, note = json.loads((self.folder / "step.json").read_bytes())
        except FileNotFoundError:
            return None
        return int(done), int(of), str(what), str(note)


def _work(config: dict[str, Any]) -> None:
    """Do one training after the other as one of the workers."""
    queue, number = config["queue"], None
    context = ray.train.get_context()
    team = Team(
        context.get_world_rank(), context.get_world_size(), str(ray.train.torch.get_device())
    )
    while True:
        try:
            taken = ray.get(queue.take.remote(number))
        except ray.exceptions.RayActorError:
            return  # nobody waits for what is trained here
        if taken is None:
            return
        number, piece = taken
        error = _train(pickle.loads(piece), team)  # from our own driver
        if team.rank == 0:
            ray.get(queue.finish.remote(number, error))
        number += 1


def _train(task: _Task, team: Team) -> MinecoverError | None:
    """Train; an error of minecover is returned, for new workers would not change it."""
    try:
        with torch_threads(task.threads):
            report = _StepFile(Path(task.folder)).write if team.rank == 0 else unreported
            task.work.run(team, report)
    except MinecoverError as error:
        return error
    return None


@dataclass
class _Group:
    """The workers of a session, started when the first training comes."""

    engine: EngineSettings
    queue: Any = None
    thread: threading.Thread | None = None
    failure: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.needed = self.engine.training_workers * self.engine.training_threads
        self.absence = Absence(
            "the Ray cluster has had too few CPUs for the training",
            f"it takes {self.needed} (`engine.training_workers` times `engine.training_threads`); "
            "start nodes, or ask for less",
        )
        self.next_look = 0.0

    def check(self) -> None:
        """Refuse to wait for a cluster that comes to nothing: Ray Train would without end."""
        check_head()
        if time.monotonic() < self.next_look:
            return
        cpus = cluster_cpus()
        if cpus is not None:
            self.absence.note(present=cpus >= self.needed)
        self.next_look = time.monotonic() + EVERY

    def train(self, task: _Task, report: Report) -> None:
        """Have the workers do a training, and report how far they are.

        Raises
        ------
        TryAgainError
            They were lost again and again.
        """
        fresh = self.thread is None
        if fresh:
            self._start(Path(task.folder).parent)
        try:
            self._wait(self._answer(self.queue.give.remote(pickle.dumps(task))), task, report)
        except TryAgainError:
            self.abandon()
            if fresh:
                raise
            # the losses that were too many may have been those of earlier trainings
            self.train(task, report)

    def _start(self, shared: Path) -> None:
        self.queue = ray.remote(num_cpus=0)(WorkQueue).remote()
        self.failure = []
        self.thread = threading.Thread(
            target=self._run, args=(self.queue, self.failure, shared), daemon=True
        )
        self.thread.start()

    def _run(self, queue: ray.actor.ActorHandle, failure: list[Exception], shared: Path) -> None:
        # Ray Train wants a folder that all workers see; nothing of ours is in it
        with tempfile.TemporaryDirectory(prefix="ray-", dir=shared) as scratch:
            trainer = ray.train.torch.TorchTrainer(
                _work,
                train_loop_config={"queue": queue},
                scaling_config=_scaling(self.engine),
                run_config=_run_config(scratch),
            )
            try:
                trainer.fit()
            except Exception as error:  # raised in the thread that waits for the training
                failure.append(error)

    def _wait(self, number: int, task: _Task, report: Report) -> None:
        steps, shown = _StepFile(Path(task.folder)), None

        def look() -> None:
            nonlocal shown
            step = steps.read()
            if step is not None and step != shown:
                shown = step
                report(*step)

        error = self._answer(self.queue.outcome.remote(number), look)
        look()  # the last epochs of a short training too
        if error is not None:
            raise error

    def _answer(self, reference: ray.ObjectRef, look: Callable[[], None] | None = None) -> Any:  # noqa: ANN401
        """Wait for the answer of the queue as long as there are workers, and `look` meanwhile."""
        assert self.thread is not None
        while not ray.wait([reference], timeout=1.0)[0]:
            self.check()
            if look is not None:
                look()
            if not self.thread.is_alive():
                reason = why_lost(self.failure[0]) if self.failure else "they ended"
                raise TryAgainError(
                    f"training: Ray lost its workers more than {MAX_FAILURES} times ({reason}); "
                    "run the same command again, it goes on from the last checkpoint"
                )
        try:
            return ray.get(reference)
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError as lost:  # dead, cut off, or killed for its memory
            raise TryAgainError(
                f"training: the cluster lost what hands out its work ({why_lost(lost)}); run the "
                "same command again, it goes on from the last checkpoint"
            ) from lost

    def close(self) -> None:
        """Stop the workers, and wait until they are gone: others need their cores."""
        if self.thread is not None:
            self.queue.close.remote()
            self.thread.join(STOPPING)
            self.abandon()

    def abandon(self) -> None:
        """Leave the workers alone: they stop when they next ask for work."""
        if self.thread is not None:
            queue, self.queue, self.thread = self.queue, None, None
            check_head()  # a lost one would never answer
            ray.kill(queue)


_groups: list[_Group] = []
"""The session's group, if there is a session."""


@contextmanager
def training_session(engine: EngineSettings) -> Iterator[None]:
    """Keep a Ray session, and its workers once a training has started them, for all trainings.

    Inside another session nothing is started or stopped.
    """
    if _groups:
        yield
        return
    with ray_session(engine):
        group = _Group(engine)
        _groups.append(group)
        try:
            yield
            group.close()
        finally:
            _groups.clear()
            group.abandon()


def run_on_ray(
    work: TeamWork, engine: EngineSettings, folder: Path, report: Report = unreported
) -> None:
    """Have a training done by `engine.training_workers` workers of a Ray cluster.

    Parameters
    ----------
    work
        The training. One that died goes on from the last state that it kept.
    engine
        Workers, their threads, and the address of a running cluster.
    folder
        There the first worker says how far it is; every worker must see it.
    report
        Is told.

    Raises
    ------
    TryAgainError
        Workers were lost again and again.
    """
    # its warnings are about machines that are not used here
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    # how soon the end of the workers, or a loss, is seen; Ray's own 2 s are for long trainings
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")
    folder.mkdir(parents=True, exist_ok=True)
    task = _Task(work, engine.training_threads, str(folder))
    with training_session(engine):
        _groups[0].train(task, report)


def _scaling(engine: EngineSettings) -> ray.train.ScalingConfig:
    gpu = ray.cluster_resources().get("GPU", 0) >= engine.training_workers
    return ray.train.ScalingConfig(
        num_workers=engine.training_workers,
        use_gpu=gpu,
        resources_per_worker={"CPU": engine.training_threads, **({"GPU": 1} if gpu else {})},
    )


def _run_config(scratch: str) -> ray.train.RunConfig:
    return ray.train.RunConfig(
        name="ray",
        storage_path=scratch,
        failure_config=ray.train.FailureConfig(max_failures=MAX_FAILURES),
    )
