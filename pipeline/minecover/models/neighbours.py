"""K nearest neighbours."""

from __future__ import annotations

from typing import Any

from minecover.models.classical import ClassicalKind
from minecover.models.task import TrainingTask

__all__ = ["NEIGHBOURS", "Neighbours"]


class Neighbours(ClassicalKind):
    """The five nearest samples, by inverse distance; samples have no weights here."""

    name = "knn"
    label = "k nearest neighbours"
    parameters = {  # noqa: RUF012
        "n_neighbors": [3, 5, 9, 15],
        "weights": ["uniform", "distance"],
    }
    fewest = 5
    published_accuracy = 0.9292
    weighted = False

    def estimator(self, task: TrainingTask) -> Any:  # noqa: ANN401
        """See `ClassicalKind.estimator`; nothing is drawn."""
        from sklearn.neighbors import KNeighborsClassifier

        del task
        return KNeighborsClassifier(n_neighbors=self.fewest, weights="distance", algorithm="brute")


NEIGHBOURS = Neighbours()
