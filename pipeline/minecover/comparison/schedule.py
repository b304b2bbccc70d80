"""Tasks of a comparison, each carried out once and kept as a document of its own.

A task whose document is there is not done again, so a comparison that was stopped goes on where it
was. Where the survey's engine spreads work that is no tiles, as Dask does, choices of layers and
classical trainings go to its workers, one thread each; what Ray Train spreads by itself is trained
from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TypeGuard

from minecover.comparison.bench import Bench, Document
from minecover.comparison.plan import LayerChoice, Trial
from minecover.engines.registry import ENGINES
from minecover.engines.report import Report
from minecover.models.kind import ModelKind
from minecover.models.lookup import as_kind, kind_of
from minecover.storage.names import COMPARISON_FOLDER

__all__ = ["Schedule"]

Task = LayerChoice | Trial

TASKS = "choices and trials"
"""What is counted."""


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
    report
        Is told after every task.
    documents
        Of the tasks done or found done, by name.
    """

    bench: Bench
    fingerprint_of: Callable[[str | None], str]
    report: Report
    documents: dict[str, Document] = field(default_factory=dict)
    _fingerprints: dict[str | None, str] = field(default_factory=dict, repr=False)

    def carry_out(self, tasks: Sequence[Task], total: int) -> None:
        """Do the tasks that have no document yet, and read those of all of them."""
        missing = [task for task in tasks if not self._is_done(task)]
        self.report(len(self.documents), total, TASKS)
        from_here = [task for task in missing if self._trains_on_ray(task)]
        others = [task for task in missing if not self._trains_on_ray(task)]
        for task, document in self._spread(others):
            self._record(task, document, total)
        with ExitStack() as sessions:
            for name in {task.model for task in from_here}:
                sessions.enter_context(self._kind(name).session(self.bench.survey.engine))
            for task, document in self._here(from_here):
                self._record(task, document, total)

    def _kind(self, model: str) -> ModelKind:
        return kind_of(as_kind(self.bench.survey.model, model))

    def _trains_on_ray(self, task: Task) -> TypeGuard[Trial]:
        return isinstance(task, Trial) and self._kind(task.model).trains_on_ray

    def _is_done(self, task: Task) -> bool:
        found = self.bench.store.read_json(self._key(task))
        if found is not None:
            self.documents[task.name] = found
        return found is not None

    def _key(self, task: Task) -> str:
        model = task.model if isinstance(task, Trial) else None
        return f"{COMPARISON_FOLDER}{self._fingerprint(model)}/{task.name}.json"

    def _fingerprint(self, model: str | None) -> str:
        if model not in self._fingerprints:
            self._fingerprints[model] = self.fingerprint_of(model)
        return self._fingerprints[model]

    def _record(self, task: Task, document: Document, total: int) -> None:
        self.bench.store.write_json(self._key(task), document)
        self.documents[task.name] = document
        self.report(len(self.documents), total, TASKS, task.name)

    def _spread(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Document]]:
        engine = self.bench.survey.engine
        spread = ENGINES[engine.tiles].spread
        if not tasks or spread is None:
            return self._here(tasks)
        shared, job_of = self.bench.on_one_thread(), partial(self.bench.work, self.documents)
        return spread(engine, shared, job_of, tasks)

    def _here(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Document]]:
        for task in tasks:
            yield task, self.bench.work(self.documents, task)(self.bench)
