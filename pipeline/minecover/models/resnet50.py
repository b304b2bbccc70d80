"""ResNet-50, the network that Liu et al. 2025 (10.6046/zrzyyg.2024080) propose.

The network itself, its training and its reading are in `minecover.models.network`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

from minecover.engines.settings import EngineSettings
from minecover.models.classifier import Classifier
from minecover.models.kind import ModelKind
from minecover.models.network.architecture import Architecture, kernel_sizes
from minecover.models.network.work import network_mib, reading_products, training_products
from minecover.models.settings import ModelSettings
from minecover.models.task import History, TrainingTask
from minecover.storage.store import Store

__all__ = ["RESNET50", "ResNet50Kind"]


class ResNet50Kind(ModelKind):
    """One network, or several of different seeds whose probabilities are averaged.

    Label smoothing and mixup keep a network's probabilities well below 1: at 0.05 over six classes
    below 0.96, a logit of 3.1. Next to such logits the smoothness of other models is so great that
    the neighbourhood outweighs any pixel of another class, however sure: roads and ponds go. At 4
    they stay, and what is unsure and alone still goes.
    """

    name = "resnet50"
    label = "ResNet50"
    reads = "patches"
    tunes = True
    trains_on_ray = True
    uses_gpu = True
    smoothness = 4.0
    published_accuracy = 0.9536

    # what is imported inside methods brings torch or Ray: seconds that a plan need not spend

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

        return fit(task)

    def calibrated(self, classifier: Classifier, temperature: float) -> Classifier:
        """See `ModelKind.calibrated`."""
        from minecover.models.network.classifier import ResNet50Classifier
        from minecover.models.network.ensemble import Ensemble

        assert isinstance(classifier, ResNet50Classifier | Ensemble)  # `fit` gives one of the two
        return classifier.with_temperature(temperature)

    def load(self, store: Store, prefix: str, description: dict[str, Any]) -> Classifier:
        """See `ModelKind.load`."""
        from minecover.models.network import classifier, ensemble

        read = ensemble.load if "members" in description else classifier.load
        return read(store, prefix, description)

    def files(self, settings: ModelSettings) -> Mapping[str, str]:
        """See `ModelKind.files`: the starting weights, where they are given."""
        path = settings.starting_weights
        return {} if path is None else {"starting_weights": path}

    def check(self, settings: ModelSettings, classes: int) -> Iterator[str]:
        """See `ModelKind.check`: say what is taken of starting weights and what is not."""
        if settings.starting_weights is None:
            return
        from minecover.models.network.starting import starting_weights

        # how many layers there will be is not known yet, and any number fits
        shape = Architecture(1, classes, kernel_sizes(settings.window), settings.width)
        start = starting_weights(settings.starting_weights, shape)
        left_out = ", ".join(start.left_out)
        yield (
            f"starting weights: {len(start.weights)} tensors taken, not taken: {left_out or 'none'}"
        )

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
        return epochs * training_products(settings, layers, classes)

    def reading_units(self, settings: ModelSettings, layers: int, classes: int) -> float:
        """See `ModelKind.reading_units`: what the network multiplies."""
        return reading_products(settings, layers, classes)

    def reading_memory(self, settings: ModelSettings, layers: int, classes: int) -> float:
        """See `ModelKind.reading_memory`."""
        return network_mib(settings, layers, classes)


RESNET50 = ResNet50Kind()
