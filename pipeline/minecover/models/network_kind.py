"""What the kinds of model that are networks share: training, reading and where both run.

The network room itself, `minecover.models.network`, trains and reads any network without stride and
padding. What is imported inside methods brings torch or Ray: seconds that a plan need not spend.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

from minecover.engines.settings import EngineSettings
from minecover.models import vote
from minecover.models.classifier import Classifier
from minecover.models.kind import ModelKind
from minecover.models.network.architecture import Shape
from minecover.models.network.work import network_mib, reading_products, training_products
from minecover.models.settings import ModelSettings
from minecover.models.task import History, TrainingTask
from minecover.models.vote import Vote
from minecover.storage.store import Store

__all__ = ["NetworkKind"]


class NetworkKind(ModelKind):
    """One network, or several of different seeds whose probabilities are averaged.

    A subclass says which shape its network has, as it is trained, saved and planned.

    Label smoothing and mixup keep a network's probabilities well below 1: at 0.05 over six classes
    below 0.96, a logit of 3.1. Next to such logits the smoothness of other models is so great that
    the neighbourhood outweighs any pixel of another class, however sure: roads and ponds go. At 4
    they stay, and what is unsure and alone still goes.
    """

    tunes = True
    trains_on_ray = True
    uses_gpu = True
    smoothness = 4.0

    @abstractmethod
    def shape(self, task: TrainingTask) -> Shape:
        """Give the shape of the network that a task trains."""

    @abstractmethod
    def shape_of(self, description: dict[str, Any]) -> Shape:
        """Give the shape of a network that was saved, from its description."""

    @abstractmethod
    def planned_shape(self, settings: ModelSettings, layers: int, classes: int) -> Shape:
        """Give the shape of a network of which is known how many layers and classes it has."""

    def window(self, settings: ModelSettings) -> int:
        """See `ModelKind.window`."""
        return settings.window

    def fit(self, task: TrainingTask) -> tuple[Classifier, History]:
        """See `ModelKind.fit`.

        Raises
        ------
        SurveyError
            The batch does not fit the workers, or the starting weights the network.
        TryAgainError
            Ray lost its workers too often.
        """
        from minecover.models.network.learning import fit

        return fit(task, self.shape(task))

    def calibrated(self, classifier: Classifier, temperature: float) -> Classifier:
        """See `ModelKind.calibrated`."""
        from minecover.models.network.classifier import NetworkClassifier

        if isinstance(classifier, Vote):
            return classifier.with_members(lambda one: self.calibrated(one, temperature))
        assert isinstance(classifier, NetworkClassifier)  # `fit` gives one, or a vote of some
        return classifier.with_temperature(temperature)

    def load(self, store: Store, prefix: str, description: dict[str, Any]) -> Classifier:
        """See `ModelKind.load`."""
        from minecover.models.network import classifier

        def one(place: str, known: dict[str, Any]) -> Classifier:
            return classifier.load(store, place, known, self.shape_of)

        if "members" in description:
            return vote.load(store, prefix, description, one)
        return one(prefix, description)

    def files(self, settings: ModelSettings) -> Mapping[str, str]:
        """See `ModelKind.files`: the starting weights, where they are given."""
        path = settings.starting_weights
        return {} if path is None else {"starting_weights": path}

    def session(self, engine: EngineSettings) -> AbstractContextManager[None]:
        """See `ModelKind.session`: one Ray session and its workers."""
        if not engine.trains_on_ray:
            return nullcontext()
        from minecover.models.network.ray_train import training_session

        return training_session(engine)

    def training_cores(self, engine: EngineSettings) -> int:
        """See `ModelKind.training_cores`."""
        return engine.training_threads * (engine.training_workers if engine.trains_on_ray else 1)

    def trainings_at_once(self, engine: EngineSettings) -> int:
        """See `ModelKind.trainings_at_once`; the workers of Ray do one after the other."""
        if engine.trains_on_ray or self.device() != "cpu":
            return 1
        return max(1, engine.cores // engine.training_threads)

    def device(self) -> Literal["cpu", "cuda"]:
        """See `ModelKind.device`."""
        from minecover.models.network.device import compute_device

        return compute_device()

    def members(self, settings: ModelSettings) -> int:
        """See `ModelKind.members`."""
        return settings.members

    def training_units(
        self, settings: ModelSettings, layers: int, classes: int, epochs: int
    ) -> float:
        """See `ModelKind.training_units`: what the network multiplies."""
        return epochs * training_products(settings, self.planned_shape(settings, layers, classes))

    def reading_units(self, settings: ModelSettings, layers: int, classes: int) -> float:
        """See `ModelKind.reading_units`: what the network multiplies."""
        return reading_products(settings, self.planned_shape(settings, layers, classes))

    def reading_memory(self, settings: ModelSettings, layers: int, classes: int) -> float:
        """See `ModelKind.reading_memory`."""
        return network_mib(settings, self.planned_shape(settings, layers, classes), layers)
