"""Multi-layer perceptron."""

from __future__ import annotations

from typing import Any

from minecover.models.classical import ClassicalKind
from minecover.models.task import TrainingTask

__all__ = ["PERCEPTRON", "Perceptron"]


class Perceptron(ClassicalKind):
    """128 and 64 hidden units, trained by Adam for 300 epochs, converged or not.

    Where its samples come block by block, each block is gone through once, in an order of the seed.
    """

    name = "ann"
    label = "multi-layer perceptron"
    parameters = {  # noqa: RUF012
        "hidden_layer_sizes": [(64,), (128, 64)],
        "alpha": [1e-4, 1e-3, 1e-2],
    }
    published_accuracy = 0.8664
    streams = True
    trusted = frozenset({"sklearn.neural_network._stochastic_optimizers.AdamOptimizer"})

    def estimator(self, task: TrainingTask) -> Any:  # noqa: ANN401
        """See `ClassicalKind.estimator`."""
        from sklearn.neural_network import MLPClassifier

        return MLPClassifier((128, 64), alpha=1e-3, max_iter=300, random_state=task.settings.seed)


PERCEPTRON = Perceptron()
