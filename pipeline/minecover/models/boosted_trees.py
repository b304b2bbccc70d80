"""Gradient-boosted trees."""

from __future__ import annotations

from typing import Any

from minecover.models.classical import ClassicalKind
from minecover.models.task import TrainingTask

__all__ = ["BOOSTED_TREES", "BoostedTrees"]


class BoostedTrees(ClassicalKind):
    """200 rounds of a tree a class with eight leaves, each split the best of 0.3 of the layers.

    scikit-learn's rather than LightGBM's: the same bits come from any number of threads with both,
    and this one is no further package. They are read by masks of their leaves
    (`minecover.models.leaf_masks`).
    """

    name = "boosting"
    label = "gradient-boosted trees"
    parameters = {"max_leaf_nodes": [8, 31], "learning_rate": [0.05, 0.1]}  # noqa: RUF012
    trusted = frozenset({"sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"})

    def estimator(self, task: TrainingTask) -> Any:  # noqa: ANN401
        """See `ClassicalKind.estimator`."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            learning_rate=0.1,
            max_iter=200,
            max_leaf_nodes=8,
            min_samples_leaf=10,
            l2_regularization=1.0,
            max_features=0.3,
            early_stopping=False,
            random_state=task.settings.seed,
        )


BOOSTED_TREES = BoostedTrees()
