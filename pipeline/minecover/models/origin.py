"""What a model was made of and for, beside it in the store: by this it is checked elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np

from minecover.arrays import Float64Array
from minecover.errors import StoreError
from minecover.models.class_shares import assumed_shares
from minecover.models.settings import ModelSettings
from minecover.storage.canonical_json import Json
from minecover.storage.names import ORIGIN_FILE
from minecover.storage.store import Store

__all__ = ["Origin"]

NAMED = 6
"""Layers that a message names, at most."""


@dataclass(frozen=True)
class Origin:
    """What a survey's model reads and answers, in names.

    Attributes
    ----------
    survey
        Name of the survey that trained it.
    kind, window
        Of the model: its name in the registry, and the edge in pixels of what it sees.
    classes
        Codes by name, in the order of the probabilities.
    seasons
        Date ranges of each season, in order.
    resolution
        Edge of a pixel in metres.
    features
        Settings by which the layers are computed.
    texture_range
        Over which texture is quantised, in the unit of its band.
    layers
        Names of the layers that it reads.
    points
        Labelled points that it learned from, by class.
    regions
        How many models there are beside each other.
    shares
        Shares of the classes that its probabilities are right for; empty: those of `points`.
    voters
        Kind and window of each model that votes; none: it is one model.
    """

    survey: str
    kind: str
    window: int
    classes: Mapping[str, int]
    seasons: Mapping[str, Sequence[str]]
    resolution: float
    features: Mapping[str, Json]
    texture_range: tuple[float, float]
    layers: tuple[str, ...]
    points: Mapping[str, int]
    regions: int = 1
    shares: Mapping[str, float] = field(default_factory=dict)
    voters: tuple[tuple[str, int], ...] = ()

    def save(self, store: Store) -> None:
        """Write it beside the model."""
        lists = {key: list(getattr(self, key).items()) for key in ("classes", "seasons")}
        store.write_json(ORIGIN_FILE, {**asdict(self), **lists})  # their order counts

    @classmethod
    def load(cls, store: Store) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        StoreError
            It is not there, or damaged.
        """
        document: Any = store.read_json(ORIGIN_FILE)
        where = f"{store.url}/{ORIGIN_FILE}"
        if document is None:
            raise StoreError(
                f"{where}: no model that can be carried is there; run `minecover train` with the "
                "survey of that store"
            )
        try:
            lists = {key: dict(document[key]) for key in ("classes", "seasons")}
            low, high = document["texture_range"]
            layers, shares = tuple(document["layers"]), document.get("shares") or {}
            voters = tuple((str(kind), int(window)) for kind, window in document.get("voters", ()))
            if shares and set(shares) != set(lists["classes"]):
                raise ValueError("shares of other classes")
            known = {"texture_range": (low, high), "layers": layers, "voters": voters}
            return cls(**{**document, **lists, **known})
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{where}: damaged ({error}); train again") from error

    def learned(self, codes: Sequence[int]) -> Float64Array:
        """(class,) points that its probabilities take the model to have learned from."""
        names = {code: name for name, code in self.classes.items()}
        points = np.array([self.points[names[code]] for code in codes], dtype=np.float64)
        if not self.shares:
            return points
        shares = np.array([self.shares[names[code]] for code in codes], dtype=np.float64)
        return shares * float(points.sum())

    def moved(self, settings: ModelSettings, codes: Sequence[int]) -> Origin:
        """Give that of the same model with probabilities moved to the ground of another survey.

        Parameters
        ----------
        settings
            Of that survey's model.
        codes
            Of the model's classes.
        """
        if not settings.prior_shift:
            return self
        shares = assumed_shares(settings, codes, self.learned(codes), weighted=False)
        known = dict(zip(codes, shares.tolist(), strict=True))
        return replace(self, shares={name: known.get(c, 0.0) for name, c in self.classes.items()})

    def differences(self, here: Origin, available: Sequence[str]) -> Iterator[str]:
        """Say what another survey has otherwise, so that the model cannot be read there.

        Parameters
        ----------
        here
            Of that survey.
        available
            Names of all layers that it has.
        """
        if self.regions > 1:
            yield f"model.regions: {self.regions} models, one a region; carry one of a whole survey"
        for key, mine, its in (
            ("model.kind", self.kind, here.kind),
            ("model.window", self.window, here.window),
            ("model.options.models", _of_voters(self.voters), _of_voters(here.voters)),
            ("grid.resolution", self.resolution, here.resolution),
            ("classes", _listed(self.classes), _listed(here.classes)),
            ("seasons", ", ".join(self.seasons), ", ".join(here.seasons)),
        ):
            if mine != its:
                yield f"{key}: {mine} in the model, {its} here; make it the model's"
        for name, value in self.features.items():
            if here.features.get(name) != value:
                yield f"features.{name}: {value} in the model, {here.features.get(name)} here"
        missing = [name for name in self.layers if name not in available]
        if missing and list(self.seasons) == list(here.seasons):
            more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
            yield (
                f"features: the model reads {', '.join(missing[:NAMED])}{more}, which this survey "
                "has not; give the source or the index that they are of"
            )


def _of_voters(voters: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{kind} of window {window}" for kind, window in voters) or "none"


def _listed(classes: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {name}" for name, code in classes.items())
