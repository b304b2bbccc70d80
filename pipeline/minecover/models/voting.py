"""Several models of any kinds that vote: the mean of their probabilities is what is mapped.

Each is trained as if it were alone, on the layers and the window that it reads; see
`minecover.models.vote` for how they are read together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from minecover.engines.report import named
from minecover.engines.settings import EngineSettings
from minecover.errors import SurveyError
from minecover.models import vote
from minecover.models.classifier import Classifier
from minecover.models.kind import ModelKind, Reads
from minecover.models.lookup import as_kind, kind_of, load_classifier
from minecover.models.registry import MODELS
from minecover.models.settings import ModelSettings
from minecover.models.task import History, TrainingTask, joined
from minecover.models.vote import Vote
from minecover.settings import Section
from minecover.storage.store import Store

__all__ = ["VOTING", "VotingKind"]

NAME = "voting"

SHARED = (
    "adaptation", "carried_from", "class_shares", "class_weights", "prior_shift", "reading",
    "regions", "seed",
)  # fmt: skip
"""Keys of `model` that no model which votes has for itself."""

T = TypeVar("T")


def _by_name(model: object) -> object:
    return {"kind": model} if isinstance(model, str) else model


def _checked(model: dict[str, Any]) -> dict[str, Any]:
    """Refuse a model that cannot vote, and settings that no model of its kind has."""
    if "kind" not in model:
        raise ValueError("kind is missing; name the kind of model that votes")
    if model["kind"] == NAME:
        raise ValueError("a vote does not vote; list its models themselves")
    if "pretraining" in model:
        raise ValueError(
            "pretraining: not within a vote; give the weights that another survey pre-trained as "
            "starting_weights"
        )
    own = [key for key in SHARED if key in model]
    if own:
        raise ValueError(f"{', '.join(own)}: alike for all that vote; give it to `model` itself")
    ModelSettings.model_validate(model)
    return model


def _different(models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Refuse two models that are the same."""
    for number, model in enumerate(models):
        if model in models[:number]:
            raise ValueError(
                f"{model['kind']} is there twice, with the same settings; `members` of a network "
                "are several of different seeds"
            )
    return models


Voter = Annotated[dict[str, Any], BeforeValidator(_by_name), AfterValidator(_checked)]


class VotingOptions(Section):
    """Which models vote."""

    models: Annotated[list[Voter], AfterValidator(_different)] = Field(
        [{"kind": "resnet50"}, {"kind": "seasons"}],
        min_length=2,
        description="models that vote: names of kinds, or mappings with a `kind` and those of the "
        "settings of `model` that differ for it",
    )


class VotingKind(ModelKind):
    """Soft voting: the class with the highest mean of the models' probabilities.

    Parameters
    ----------
    models
        Settings of those that vote; none: any.
    """

    name = NAME
    label = "vote"
    options_type = VotingOptions
    smoothness = 4.0  # a mean is no surer than the networks among its models

    def __init__(self, models: tuple[ModelSettings, ...] = ()) -> None:
        self.models = models
        self.kinds = kinds = [kind_of(model) for model in models]
        if kinds:
            read: tuple[Reads, ...] = ("series", "patches", "pixels")
            self.reads = next(one for one in read if one in [kind.reads for kind in kinds])
            self.label = "vote of " + " and ".join(kind.label for kind in kinds)
            self.tunes = any(kind.tunes for kind in kinds)
            self.trains_on_ray = any(kind.trains_on_ray for kind in kinds)
            self.uses_gpu = any(kind.uses_gpu for kind in kinds)
            self.weighted = all(kind.weighted for kind in kinds)
            self.fewest = max(kind.fewest for kind in kinds)
            self.fewest_of_class = max(kind.fewest_of_class for kind in kinds)

    def of(self, settings: ModelSettings) -> VotingKind:
        """See `ModelKind.of`: of other settings than its own those that it has by default."""
        return VotingKind(self.voters(as_kind(settings, self.name)))

    def voters(self, settings: ModelSettings) -> tuple[ModelSettings, ...]:
        """See `ModelKind.voters`: the survey's settings, but those that a model has for itself."""
        if settings.starting_weights is not None:
            raise SurveyError(
                "model.starting_weights: of a vote, whose models differ; give them to one of "
                "model.options.models, as in {kind: resnet50, starting_weights: FILE}"
            )
        shares = settings.class_shares if settings.class_weights == "area" else None
        alone = {"options": {}, "prior_shift": 0.0, "class_shares": shares}
        models: list[dict[str, Any]] = settings.options["models"]
        return tuple(settings.replace(**{**alone, **model}) for model in models)

    def fit(self, task: TrainingTask) -> tuple[Classifier, History]:
        """See `ModelKind.fit`."""
        from minecover.models.training import train

        validation = None if task.training.all() else ~task.training
        fitted = [
            train(
                model, task.engine, task.data, validation, task.folder,
                named(task.report, kind.label),
            )
            for model, kind in zip(self.models, self.kinds, strict=True)
        ]  # fmt: skip
        classifiers, histories = zip(*fitted, strict=True)
        return Vote.of(self.name, classifiers, task.data.layers), joined(histories)

    def load(self, store: Store, prefix: str, description: dict[str, Any]) -> Classifier:
        """See `ModelKind.load`."""

        def one(place: str, known: dict[str, Any]) -> Classifier:
            if known.get("kind") == self.name:
                raise ValueError("a vote among its own models")
            return load_classifier(store, place)

        return vote.load(store, prefix, description, one)

    def window(self, settings: ModelSettings) -> int:
        """See `ModelKind.window`: the largest of its models'."""
        del settings
        return max(kind.window(model) for model, kind in self._each())

    def files(self, settings: ModelSettings) -> Mapping[str, str]:
        """See `ModelKind.files`."""
        del settings
        return {
            f"options.models.{number}.{key}": path
            for number, (model, kind) in enumerate(self._each())
            for key, path in kind.files(model).items()
        }

    def path_places(self, options: Mapping[str, Any]) -> Iterator[tuple[str | int, ...]]:
        """See `ModelKind.path_places`."""
        models = options.get("models")
        for number, model in enumerate(models if isinstance(models, list) else []):
            if not isinstance(model, dict) or model.get("kind") not in MODELS:
                continue  # refused when it is validated
            yield "models", number, "starting_weights"
            for place in MODELS[model["kind"]].path_places(model.get("options") or {}):
                yield "models", number, "options", *place

    def check(self, settings: ModelSettings, classes: int) -> Iterator[str]:
        """See `ModelKind.check`."""
        weights, unweighted = settings.class_weights, [k.name for k in self.kinds if not k.weighted]
        if unweighted and weights != "none" and settings.prior_shift:
            raise SurveyError(
                f"model.prior_shift: with class_weights: {weights}, which {', '.join(unweighted)} "
                "cannot learn from, the models that vote learn different shares of the classes; "
                "set model.class_weights: none"
            )
        for model, kind in self._each():
            yield from kind.check(model, classes)

    def session(self, engine: EngineSettings) -> AbstractContextManager[None]:
        """See `ModelKind.session`."""

        @contextmanager
        def sessions() -> Iterator[None]:
            with ExitStack() as stack:
                for kind in self.kinds:
                    stack.enter_context(kind.session(engine))
                yield

        return sessions()

    def training_cores(self, engine: EngineSettings) -> int:
        """See `ModelKind.training_cores`."""
        return max(kind.training_cores(engine) for kind in self.kinds)

    def trainings_at_once(self, engine: EngineSettings) -> int:
        """See `ModelKind.trainings_at_once`."""
        return min(kind.trainings_at_once(engine) for kind in self.kinds)

    def device(self) -> Literal["cpu", "cuda"]:
        """See `ModelKind.device`."""
        return "cuda" if any(kind.device() == "cuda" for kind in self.kinds) else "cpu"

    def reading_memory(self, settings: ModelSettings, layers: int, classes: int) -> float:
        """See `ModelKind.reading_memory`: of all, though they are read one after the other."""
        del settings
        return sum(kind.reading_memory(model, layers, classes) for model, kind in self._each())

    def _each(self) -> Iterator[tuple[ModelSettings, ModelKind]]:
        return zip(self.models, self.kinds, strict=True)


VOTING = VotingKind()
