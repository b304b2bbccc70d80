"""What depends on the kind of a model, whose name is in its settings or in its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from minecover.errors import StoreError, SurveyError
from minecover.models.classifier import DESCRIPTION, Classifier
from minecover.models.kind import ModelKind
from minecover.models.recalibrated import recalibrated
from minecover.models.registry import MODELS
from minecover.models.settings import ModelSettings
from minecover.storage.location import content_digest
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store

__all__ = [
    "as_kind",
    "fingerprint_settings",
    "foreign_modules",
    "kind_of",
    "kinds_in",
    "load_classifier",
    "refuse_few",
    "refuse_weights",
    "voters_of",
    "window_of",
]


def kind_of(settings: ModelSettings) -> ModelKind:
    """Find the kind of a model, as it is with its settings."""
    return MODELS[settings.kind].of(settings)


def voters_of(settings: ModelSettings) -> tuple[ModelSettings, ...]:
    """Give the settings of the models that vote together, or of the only one."""
    return MODELS[settings.kind].voters(settings) or (settings,)


def kinds_in(settings: ModelSettings) -> tuple[str, ...]:
    """Name the kind of a model, and those of the models that vote in it."""
    return tuple(dict.fromkeys([settings.kind, *(one.kind for one in voters_of(settings))]))


def window_of(settings: ModelSettings) -> int:
    """Edge in pixels of the neighbourhood that a model sees."""
    return kind_of(settings).window(settings)


def refuse_weights(settings: ModelSettings) -> None:
    """Refuse weights of classes or samples where the kind of model does not hear them.

    Raises
    ------
    SurveyError
        It, or one that votes in it, learns from points alone.
    """
    unweighted = [one.kind for one in voters_of(settings) if not kind_of(one).weighted]
    if settings.class_weights != "none" and unweighted:
        raise SurveyError(
            f"model.class_weights: {settings.class_weights}: {', '.join(unweighted)} learns from "
            "points alone, whatever they weigh; leave it out, take another kind, or set "
            "model.prior_shift with class_shares, which moves the probabilities of any kind"
        )
    if settings.self_training is not None and unweighted:
        raise SurveyError(
            f"model.self_training: {', '.join(unweighted)} learns from points alone, whatever they "
            "weigh, and pixels that nobody labelled weigh less; leave it out, or take another kind"
        )


def refuse_few(settings: ModelSettings, counts: Mapping[str, int], without: str) -> None:
    """Refuse samples that are too few to train a model on.

    Parameters
    ----------
    settings
        Of the model.
    counts
        Samples of each class that has any.
    without
        What is held back from them, for the message.

    Raises
    ------
    SurveyError
        They are of fewer than two classes, or fewer than the kind needs in all or of a class.
    """
    name, kind = settings.kind, kind_of(settings)
    ways = "give more points in more places, take fewer samples.folds, or another model.kind"
    if len(counts) < 2:
        held = ", ".join(counts) or "no class"
        raise SurveyError(f"samples: without {without} all points are of {held}; {ways}")
    if sum(counts.values()) < kind.fewest:
        raise SurveyError(
            f"samples: without {without} there are {sum(counts.values())} points to train on, and "
            f"model.kind {name} needs {kind.fewest}; {ways}"
        )
    few = {one: count for one, count in counts.items() if count < kind.fewest_of_class}
    if few:
        listed = ", ".join(f"{one} {count}" for one, count in few.items())
        raise SurveyError(
            f"samples: without {without} there are fewer points than the {kind.fewest_of_class} of "
            f"a class that model.kind {name} needs: {listed}; {ways}"
        )


def as_kind(settings: ModelSettings, name: str) -> ModelSettings:
    """Give the settings of a model of another kind, whose own options are left at their defaults.

    Starting weights, and those of a pre-training, are of the survey's kind: no other starts there.
    A kind that learns from points alone gets no weights of classes.

    Raises
    ------
    SurveyError
        That kind has options without a default.
    """
    if name == settings.kind:
        return settings
    try:
        options = MODELS[name].options_type.model_validate({})
    except ValidationError as error:
        missing = ", ".join(str(item["loc"][0]) for item in error.errors())
        raise SurveyError(
            f"model.kind {name} has options without a default: {missing}; make it the survey's "
            "model.kind and give them in model.options"
        ) from error
    changes: dict[str, Any] = {"options": options.model_dump(mode="json")}
    if not MODELS[name].weighted:
        shares = settings.class_shares if settings.prior_shift else None
        changes |= {"class_weights": "none", "class_shares": shares}
    return settings.replace(kind=name, starting_weights=None, pretraining=None, **changes)


def fingerprint_settings(settings: ModelSettings, *without: str) -> dict[str, Any]:
    """Give a model's settings as they go into a fingerprint, a file's content for its path.

    Regions are not among them: they are in the samples', which know the region of each; nor is the
    pre-training, which is a stage of its own.

    Parameters
    ----------
    settings
        The survey's section.
    without
        Keys to leave out.
    """
    kind = MODELS[settings.kind]
    hidden = {"regions", "adaptation", "pretraining", *ModelSettings.FILES, *without}
    parts = settings.model_dump(mode="json", exclude=hidden)
    parts["options"] = {k: v for k, v in settings.options.items() if k not in kind.path_keys}
    for key, path in kind.of(settings).files(settings).items():
        parts[key] = content_digest(path, f"model.{key}", "give another file, or leave the key out")
    voters = kind.voters(settings)
    if voters:
        parts["options"] = [fingerprint_settings(one, *without) for one in voters]
    return parts


def foreign_modules(settings: ModelSettings) -> tuple[str, ...]:
    """Name the modules of kinds that other packages bring: their code decides results too."""
    return tuple(MODELS.module(kind) for kind in kinds_in(settings) if not MODELS.is_own(kind))


def load_classifier(store: Store, prefix: str = MODEL_FOLDER) -> Classifier:
    """Read a classifier of any kind from a store.

    Raises
    ------
    StoreError
        There is none, or it is damaged.
    """
    description = store.read_json(prefix + DESCRIPTION)
    if not isinstance(description, dict) or "kind" not in description:
        raise StoreError(f"{store.url}/{prefix}: no model is there; run `minecover train` first")
    if description["kind"] not in MODELS:
        raise StoreError(
            f"{store.url}/{prefix}: a model of kind {description['kind']!r}, which is not known "
            "here; install the package that brings it, or train again"
        )
    kind = MODELS[description["kind"]]
    try:
        return recalibrated(kind.load(store, prefix, description), store, prefix)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{store.url}/{prefix}: the model is damaged ({error}); delete it and train again"
        ) from error
