"""The kinds that are estimators of scikit-learn: the five classical models of the comparison."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from minecover.arrays import Int64Array
from minecover.models.classifier import Classifier
from minecover.models.kind import ModelKind
from minecover.models.task import History, SampleStream, TrainingTask
from minecover.storage.store import Store

__all__ = ["ClassicalKind"]


class ClassicalKind(ModelKind):
    """A kind whose model is an estimator of scikit-learn with `predict_proba`.

    Attributes
    ----------
    searched_part
        Attribute of its estimator whose parameters are searched for; empty: those of its own.
    trusted
        Types that its estimators consist of, besides those that skops trusts by itself.
    """

    searched_part: ClassVar[str] = ""
    trusted: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def estimator(self, task: TrainingTask) -> Any:  # noqa: ANN401
        """Give the estimator that is to be fitted."""

    def fit(self, task: TrainingTask) -> tuple[Classifier, History]:
        """See `ModelKind.fit`."""
        # scikit-learn takes seconds to import
        from minecover.models import scikit

        return scikit.fit(self.estimator(task), task, weighted=self.weighted), History()

    def fit_streamed(self, task: TrainingTask, stream: SampleStream) -> Classifier:
        """See `ModelKind.fit_streamed`; kinds that do have an estimator with `partial_fit`."""
        from minecover.models import scikit

        return scikit.fit_streamed(self.estimator(task), task, stream)

    def search(self, task: TrainingTask, folds: Int64Array) -> tuple[Classifier, dict[str, Any]]:
        """See `ModelKind.search`."""
        from minecover.models import scikit

        return scikit.search(
            self.estimator(task),
            task,
            folds,
            dict(self.parameters),
            part=self.searched_part,
            weighted=self.weighted,
        )

    def load(self, store: Store, prefix: str, description: dict[str, Any]) -> Classifier:
        """See `ModelKind.load`."""
        from minecover.models import scikit

        return scikit.load(store, prefix, description, self.trusted)
