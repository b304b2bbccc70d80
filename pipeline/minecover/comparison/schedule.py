"""Tasks of a comparison, each carried out once and kept as a document of its own.

A task whose document stands is not done again, so a comparison that was stopped goes on where it
was. Where the survey works on Dask, choices of layers and classical trainings are spread over its
cluster, one thread each; what Ray Train spreads by itself is trained from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

from minecover.comparison.bench import Bench, Document
from minecover.comparison.plan import Choice, Trial
from minecover.models.registry import MODELS

if TYPE_CHECKING:
    from distributed import Future

__all__ = ["Schedule", "Watch"]

Task = Choice | Trial
Watch = Callable[[str, int, int], None]
"""Told the task that was done last, how many are done, and of how many."""


@dataclass
class Schedule:
    """Carries out tasks on a bench.

    Attributes
    ----------
    bench
        Where they are done.
    fingerprint_of
        Fingerprint of everything the documents of a kind of model depend on (None: of choices of
        layers): their folder.
    watch
        Who is told.
    documents
        Of the tasks done or found done, by name.
    """

    bench: Bench
    fingerprint_of: Callable[[str | None], str]
    watch: Watch
    documents: dict[str, Document] = field(default_factory=dict)
    _fingerprints: dict[str | None, str] = field(default_factory=dict, repr=False)

    def carry_out(self, tasks: Sequence[Task], total: int) -> None:
        """Do the tasks that have no document yet, and read those of all of them."""
        missing = [task for task in tasks if not self._stands(task)]
        self.watch("", len(self.documents), total)
        from_here = [task for task in missing if _trains_on_ray(task)]
        others = [task for task in missing if not _trains_on_ray(task)]
        for task, document in self._spread(others):
            self._keep(task, document, total)
        with ExitStack() as sessions:
            for name in {task.model for task in from_here}:
                sessions.enter_context(MODELS[name].session(self.bench.survey.engine))
            for task, document in self._here(from_here):
                self._keep(task, document, total)

    def _stands(self, task: Task) -> bool:
        found = self.bench.store.read_json(self._key(task))
        if found is not None:
            self.documents[task.name] = found
        return found is not None

    def _key(self, task: Task) -> str:
        model = task.model if isinstance(task, Trial) else None
        return f"comparison/{self._fingerprint(model)}/{task.name}.json"

    def _fingerprint(self, model: str | None) -> str:
        if model not in self._fingerprints:
            self._fingerprints[model] = self.fingerprint_of(model)
        return self._fingerprints[model]

    def _keep(self, task: Task, document: Document, total: int) -> None:
        self.bench.store.write_json(self._key(task), document)
        self.documents[task.name] = document
        self.watch(task.name, len(self.documents), total)

    def _spread(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Document]]:
        if tasks and self.bench.survey.engine.tiles == "dask":
            return self._on_dask(tasks)
        return self._here(tasks)

    def _here(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Document]]:
        for task in tasks:
            yield task, self.bench.work(self.documents, task)(self.bench)

    def _on_dask(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Document]]:
        # Dask's cluster takes a second to import, for nothing where work is done here
        from minecover.engines.dask import dask_client, in_flight

        with dask_client(self.bench.survey.engine) as client:
            bench = client.scatter(self.bench.on_one_thread(), hash=False)
            workers = max(1, len(client.scheduler_info()["workers"]))

            def submit(task: Task) -> Future:
                return client.submit(self.bench.work(self.documents, task), bench, pure=False)

            died = (
                "compare: the workers of a training died; give them more memory, then run the "
                "same command again"
            )
            yield from in_flight(client, submit, tasks, workers, died=died)


def _trains_on_ray(task: Task) -> TypeGuard[Trial]:
    return isinstance(task, Trial) and MODELS[task.model].trains_on_ray
