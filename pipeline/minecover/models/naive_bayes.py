"""Naive Bayes."""

from __future__ import annotations

from typing import Any

from minecover.models.classical import ClassicalKind
from minecover.models.task import TrainingTask

__all__ = ["NAIVE_BAYES", "NaiveBayes"]


class NaiveBayes(ClassicalKind):
    """Gaussian: each layer of each class by its mean and variance."""

    name = "nb"
    label = "naive Bayes"
    parameters = {"var_smoothing": [1e-9, 1e-6, 1e-3, 1e-2, 1e-1]}  # noqa: RUF012
    published_accuracy = 0.7735
    streams = True

    def estimator(self, task: TrainingTask) -> Any:  # noqa: ANN401
        """See `ClassicalKind.estimator`; nothing is drawn."""
        from sklearn.naive_bayes import GaussianNB

        del task
        return GaussianNB()


NAIVE_BAYES = NaiveBayes()
