"""The kinds of model by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minecover.registry import Registry

if TYPE_CHECKING:
    from minecover.models.kind import ModelKind

__all__ = ["MODELS"]

MODELS: Registry[ModelKind] = Registry(
    "kind of model",
    "minecover.models",
    "minecover.models.kind:ModelKind",
    {
        "resnet50": "minecover.models.resnet50:RESNET50",
        "seasons": "minecover.models.season_network:SEASON_NETWORK",
        "voting": "minecover.models.voting:VOTING",
        "rf": "minecover.models.random_forest:RANDOM_FOREST",
        "boosting": "minecover.models.boosted_trees:BOOSTED_TREES",
        "ann": "minecover.models.perceptron:PERCEPTRON",
        "knn": "minecover.models.neighbours:NEIGHBOURS",
        "svm": "minecover.models.support_vectors:SUPPORT_VECTORS",
        "nb": "minecover.models.naive_bayes:NAIVE_BAYES",
    },
    check="minecover.models.kind:check_kind",
)
