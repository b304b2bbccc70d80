"""What a kind of model is to the rest of minecover.

A kind is one file with one instance of a subclass of `ModelKind`, and one line in a registry:
`minecover.models.registry` for those of this package, an entry point of the group
`minecover.models` for others. Planning, training, prediction, comparison, manifests and the command
line ask the kind what they need to know; none of them knows it by name.

A file of a kind is imported whenever its survey is read, so it imports what takes long (torch,
scikit-learn) inside its methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Literal

from minecover.arrays import Int64Array
from minecover.engines.settings import EngineSettings
from minecover.errors import SurveyError
from minecover.models.classifier import Classifier
from minecover.models.pretraining import PretrainingTask
from minecover.models.settings import ModelSettings
from minecover.models.task import History, SampleStream, TrainingTask
from minecover.settings import Section
from minecover.storage.store import Store

__all__ = ["ModelKind", "Reads", "check_kind"]

Reads = Literal["pixels", "patches", "series"]
"""What a model judges a pixel by: its own layers, those of its neighbourhood too, or the seasons of
every feature in order."""


class ModelKind(ABC):
    """A kind of model.

    Attributes
    ----------
    name
        In survey files, and of its line in the registry.
    label
        What reports call it.
    reads
        `pixels`, `patches` (of `model.window`) or `series` (every feature that was chosen for any
        season is then read for all of them).
    options_type
        What `model.options` may hold.
    path_keys
        Keys of `model.options` that name files.
    tunes
        Whether a first training with one fold held back finds the number of epochs and the
        temperature. It is then trained by epochs, and has a `calibrated` of its own.
    pretrains
        Whether it can learn without labels first, by `pretrain`.
    trains_on_ray
        Whether it is trained on the workers of Ray Train where the engine's settings say so.
    uses_gpu
        Whether it is trained and read on a GPU, where there is one.
    weighted
        Whether it learns from the weights of samples.
    smoothness
        Variance of a pixel's logit around the true one, where `prediction.smoothness` is not given:
        20, as sits has it, suits probabilities that reach 0 and 1.
    streams
        Whether it can be trained on samples that do not fit into memory, by `fit_streamed`.
    parameters
        Values that a `search` of its own tries; empty: it has none.
    fewest, fewest_of_class
        Training samples that it needs at least, in all and of each class.
    published_accuracy
        Overall accuracy in Table 5 of Liu et al. 2025 (10.6046/zrzyyg.2024080), a share; None: it
        is not compared there.
    """

    name: ClassVar[str]
    label: str
    reads: Reads = "pixels"
    options_type: ClassVar[type[Section]] = Section
    path_keys: ClassVar[tuple[str, ...]] = ()
    tunes: bool = False
    pretrains: bool = False
    trains_on_ray: bool = False
    uses_gpu: bool = False
    weighted: bool = True
    smoothness: ClassVar[float] = 20.0
    streams: ClassVar[bool] = False
    parameters: ClassVar[Mapping[str, list[Any]]] = {}
    fewest: int = 2
    fewest_of_class: int = 1
    published_accuracy: ClassVar[float | None] = None

    def of(self, settings: ModelSettings) -> ModelKind:
        """Give the kind as it is with some settings, where its options decide what it is."""
        del settings
        return self

    def voters(self, settings: ModelSettings) -> tuple[ModelSettings, ...]:
        """Give the settings of the models that it is the mean of; none: it is one model."""
        del settings
        return ()

    @abstractmethod
    def fit(self, task: TrainingTask) -> tuple[Classifier, History]:
        """Train a model; the same task gives the same model bit for bit."""

    def pretrain(self, task: PretrainingTask) -> tuple[bytes, History]:
        """Learn without labels, for the trainings to start from; called where the kind `pretrains`.

        Returns
        -------
        What is kept as `pretrained.safetensors`, the same bytes for the same task, and how it went.
        """
        raise NotImplementedError(f"{self.name} learns nothing without labels")

    def training_cores(self, engine: EngineSettings) -> int:
        """Count the cores that one training uses."""
        return engine.cores

    def trainings_at_once(self, engine: EngineSettings) -> int:
        """Count the trainings that may run at once in this process, each on its own cores."""
        del engine  # most use all cores for one
        return 1

    def calibrated(self, classifier: Classifier, temperature: float) -> Classifier:
        """Give a classifier whose scores are divided by `temperature` before they become shares.

        Called only where the kind `tunes`.
        """
        raise NotImplementedError(f"{self.name}: {classifier} is not tuned, by {temperature}")

    @abstractmethod
    def load(self, store: Store, prefix: str, description: dict[str, Any]) -> Classifier:
        """Read a model that `Classifier.save` wrote.

        Parameters
        ----------
        store, prefix
            Where.
        description
            Its object `model.json`.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is damaged.
        StoreError
            Part of it is missing.
        """

    def search(self, task: TrainingTask, folds: Int64Array) -> tuple[Classifier, dict[str, Any]]:
        """Find the best of `parameters`, and train with them on all samples of a task.

        Parameters
        ----------
        task
            All of its samples are trained on.
        folds
            (sample,) the fold in which each is tested.

        Returns
        -------
        The model, and the parameters that were best by overall accuracy (the first of equals).
        """
        raise NotImplementedError(f"{self.name} has no parameters to search for")

    def fit_streamed(self, task: TrainingTask, stream: SampleStream) -> Classifier:
        """Train a model on samples block by block.

        Parameters
        ----------
        task
            Its data is a part of the samples, from which the layers are standardised.
        stream
            All samples.
        """
        raise NotImplementedError(f"{self.name} cannot be trained block by block")

    def window(self, settings: ModelSettings) -> int:
        """Edge in pixels of the neighbourhood that it sees, odd."""
        return settings.window if self.reads == "patches" else 1

    def files(self, settings: ModelSettings) -> Mapping[str, str]:
        """Files that its settings name, by key: their content counts, not their path."""
        named = {key: settings.options.get(key) for key in self.path_keys}
        return {f"options.{key}": path for key, path in named.items() if path is not None}

    def path_places(self, options: Mapping[str, Any]) -> Iterator[tuple[str | int, ...]]:
        """Give the keys, and positions in lists, that lead to what names files in options.

        Parameters
        ----------
        options
            As they are written, before they are validated.
        """
        del options
        yield from ((key,) for key in self.path_keys)

    def check(self, settings: ModelSettings, classes: int) -> Iterator[str]:
        """Check settings and files before a run; yield one line for each thing that is well.

        Raises
        ------
        SurveyError
            Something cannot be used.
        """
        del settings, classes
        yield from ()

    def session(self, engine: EngineSettings) -> AbstractContextManager[None]:
        """Keep whatever is started for a training over all trainings inside the block."""
        del engine
        return nullcontext()

    def device(self) -> Literal["cpu", "cuda"]:
        """Name the device that it is trained and read on in this process."""
        return "cpu"

    def members(self, settings: ModelSettings) -> int:
        """Count the models that are trained and read together."""
        del settings
        return 1

    def training_units(
        self, settings: ModelSettings, layers: int, classes: int, epochs: int
    ) -> float:
        """Work of training on one sample for some epochs, in a unit of the kind's own.

        The unit is measured by `minecover calibrate`. Until then the plan takes it for 0.26 ms of
        a core, and a unit of `reading_units` for 0.14 ms.
        """
        del settings, classes, epochs
        return float(layers)

    def pretraining_units(self, settings: ModelSettings, layers: int) -> float:
        """Work of learning without labels, in a unit of the kind's own."""
        del settings, layers
        return 0.0

    def reading_units(self, settings: ModelSettings, layers: int, classes: int) -> float:
        """Work of predicting one pixel, in a unit of the kind's own."""
        del settings, layers, classes
        return 1.0

    def reading_memory(self, settings: ModelSettings, layers: int, classes: int) -> float:
        """MiB of the model and of the block that it reads, beside the layers of a tile."""
        del settings, layers, classes
        return 0.0


def check_kind(name: str, kind: ModelKind) -> None:
    """Refuse a kind that promises what it does not bring: it would fail after hours of training.

    Raises
    ------
    SurveyError
        It tunes and has no `calibrated` of its own, has parameters and no `search`, pretrains and
        has no `pretrain`, or streams and has no `fit_streamed`.
    """
    own = type(kind)
    tries = "(task, folds)` that tries them"
    promises = (
        (kind.tunes, "tunes", "has `tunes = True`", "calibrated", "(classifier, temperature)`"),
        (kind.parameters, "parameters", "has `parameters`", "search", tries),
        (kind.pretrains, "pretrains", "has `pretrains = True`", "pretrain", "(task)`"),
        (kind.streams, "streams", "has `streams = True`", "fit_streamed", "(task, stream)`"),
    )
    for promised, key, has, method, arguments in promises:
        if promised and getattr(own, method) is getattr(ModelKind, method):
            raise SurveyError(
                f"kind of model {name!r}: {own.__qualname__} {has} and no method "
                f"`{method}{arguments}; add it, or leave `{key}` out"
            )
