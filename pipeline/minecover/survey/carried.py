"""Models that are carried from one survey to another: what a survey says of its own, and takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from minecover.errors import SurveyError
from minecover.ledger.markers import Ledger
from minecover.models.lookup import window_of
from minecover.models.origin import Origin
from minecover.models.registry import MODELS
from minecover.storage.identity import known_store
from minecover.storage.location import is_url
from minecover.storage.store import Store
from minecover.survey.document import Survey
from minecover.survey.grid import survey_grid

__all__ = [
    "carried_origin",
    "carried_settings",
    "origin_of",
    "retrains",
    "source_fingerprint",
    "source_store",
    "with_model_of",
]

APART = {"keep", "indices", "texture_percentiles", "fill", "fill_distance"}
"""Settings of features that do not change what a layer is: where it is stored, which others there
are, how a range is found that comes with the model, and what gaps get."""

S = TypeVar("S", bound=Survey)


def origin_of(
    survey: Survey,
    layers: Sequence[str] = (),
    points: Mapping[str, int] | None = None,
    texture_range: tuple[float, float] = (0.0, 0.0),
    regions: int = 1,
) -> Origin:
    """Describe a survey's model in names.

    Parameters
    ----------
    survey
        Whose it is.
    layers, points, texture_range, regions
        Of `Origin`, where a model is there.
    """
    # of periods those of the first: a period that is added later changes no byte
    seasons = next(iter(survey.periods.values())).seasons if survey.periods else survey.seasons
    kind = MODELS[survey.model.kind]
    return Origin(
        survey=survey.name,
        kind=survey.model.kind,
        window=window_of(survey.model),
        voters=tuple((one.kind, window_of(one)) for one in kind.voters(survey.model)),
        classes=survey.class_codes,
        seasons={name: list(ranges) for name, ranges in seasons.items()},
        resolution=survey_grid(survey).resolution,
        features=survey.features.model_dump(mode="json", exclude=APART),
        texture_range=texture_range,
        layers=tuple(layers),
        points=points or {},
        regions=regions,
    )


def source_store(survey: Survey) -> Store:
    """Open the store that the model comes from.

    Raises
    ------
    SurveyError
        The survey names none, or itself.
    StoreError
        No survey was begun there.
    """
    place = survey.model.carried_from
    if place is None or place.rstrip("/") == survey.store.rstrip("/"):
        raise SurveyError(
            f"model.carried_from: {place} is the survey's own store; give that of another survey"
        )
    return known_store(place)


def source_fingerprint(survey: Survey) -> str:
    """Fingerprint of the model that is carried: of the stage that made it.

    Raises
    ------
    StoreError
        There is none.
    """
    source = source_store(survey)
    Origin.load(source)  # says what to do where there is none
    markers = (Ledger(source).stage(stage) for stage in ("train", "carry"))
    return next((str(known["fingerprint"]) for known in markers if known is not None), "")


def retrains(survey: Survey) -> bool:
    """Tell whether a survey trains the model anew that is carried to it."""
    model = survey.model
    return (
        model.carried_from is not None
        and model.adaptation == "retrain"
        and bool(survey.samples.paths)
    )


def carried_origin(survey: Survey) -> Origin:
    """Read what the carried model was made of, and check that it can be read in a survey.

    Raises
    ------
    SurveyError
        Something differs; each thing is named.
    """
    origin = Origin.load(source_store(survey))
    available = survey.feature_catalogue().names
    differing = list(origin.differences(origin_of(survey), available))
    if differing:
        raise SurveyError(
            "\n  ".join(
                [
                    f"model.carried_from: the model of survey {origin.survey!r} in "
                    f"{survey.model.carried_from} does not fit this survey:",
                    *differing,
                ]
            )
        )
    return origin


def carried_settings(store: str) -> dict[str, object]:
    """Give the keys of `model` by which the model of a store maps another survey.

    Parameters
    ----------
    store
        Of the survey that trained: a folder or an address.
    """
    store = store if is_url(store) else str(Path(store).resolve())
    origin = Origin.load(known_store(store))
    window = {"window": origin.window} if origin.window > 1 else {}
    none = {"regions": None, "pretraining": None}
    voters = [
        {"kind": kind, **({"window": seen} if seen > 1 else {})} for kind, seen in origin.voters
    ]
    options = {"options": {"models": voters}} if voters else {}
    return {"kind": origin.kind, "carried_from": store, **none, **window, **options}


def with_model_of(survey: S, store: str) -> S:
    """Give a survey that the model of another's store maps, with the settings of that model."""
    return survey.replace(
        **{f"model__{key}": value for key, value in carried_settings(store).items()}
    )
