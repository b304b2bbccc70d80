"""Tasks of a comparison, each carried out once and kept as a document of its own.

A task whose document stands is not done again, so a comparison that was stopped goes on where it
was. Where the survey works on Dask, choices of layers and classical trainings are spread over its
cluster, one thread each; a ResNet50 is trained from here, since Ray Train spreads it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from minecover.comparison.bench import Bench, Document
from minecover.comparison.plan import Choice, Trial
from minecover.stages.fitting import learning_session

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
    mark
        Fingerprint of everything the documents depend on: their folder.
    watch
        Who is told.
    documents
        Of the tasks done or found done, by name.
    """

    bench: Bench
    mark: str
    watch: Watch
    documents: dict[str, Document] = field(default_factory=dict)

    def carry_out(self, tasks: Sequence[Task], total: int) -> None:
        """Do the tasks that have no document yet, and read those of all of them."""
        missing = [task for task in tasks if not self._stands(task)]
        self.watch("", len(self.documents), total)
        network = [task for task in missing if isinstance(task, Trial) and task.model == "resnet50"]
        others = [task for task in missing if task not in set(network)]
        for task, document in self._classical(others):
            self._keep(task, document, total)
        if network:
            model = self.bench.survey.model.model_copy(update={"kind": "resnet50"})
            with learning_session(self.bench.survey.model_copy(update={"model": model})):
                for task, document in self._here(network):
                    self._keep(task, document, total)

    def _stands(self, task: Task) -> bool:
        found = self.bench.store.read_json(self._key(task))
        if found is not None:
            self.documents[task.name] = found
        return found is not None

    def _key(self, task: Task) -> str:
        return f"comparison/{self.mark}/{task.name}.json"

    def _keep(self, task: Task, document: Document, total: int) -> None:
        self.bench.store.write_json(self._key(task), document)
        self.documents[task.name] = document
        self.watch(task.name, len(self.documents), total)

    def _classical(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Document]]:
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
