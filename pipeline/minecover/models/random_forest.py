"""Random forest."""

from __future__ import annotations

from typing import Any

from minecover.models.classical import ClassicalKind
from minecover.models.task import TrainingTask

__all__ = ["RANDOM_FOREST", "TREES", "RandomForest"]

TREES = 500
"""Of a forest."""


class RandomForest(ClassicalKind):
    """500 trees, each split on the best of as many layers as the square root of all."""

    name = "rf"
    label = "random forest"
    parameters = {"max_features": ["sqrt", 0.3], "min_samples_leaf": [1, 3]}  # noqa: RUF012
    published_accuracy = 0.9408
    trusted = frozenset({"sklearn.tree._tree.Tree"})

    def estimator(self, task: TrainingTask) -> Any:  # noqa: ANN401
        """See `ClassicalKind.estimator`."""
        from sklearn.ensemble import RandomForestClassifier

        seed = task.settings.seed
        return RandomForestClassifier(n_estimators=TREES, max_features="sqrt", random_state=seed)


RANDOM_FOREST = RandomForest()
