"""The survey as a whole, and how its file is read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

from pydantic import (
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)

from minecover.accuracy.settings import AssessmentSettings
from minecover.engines.settings import EngineSettings
from minecover.errors import SurveyError
from minecover.features.catalogue import FeatureCatalogue, feature_catalogue
from minecover.features.settings import FeatureSettings
from minecover.geography.settings import AreaSettings, GridSettings
from minecover.land_register.settings import RegisterSettings
from minecover.mine_history.settings import MineSettings
from minecover.models.settings import ModelSettings
from minecover.prediction.settings import PredictionSettings
from minecover.products.registry import PUBLISHED
from minecover.products.settings import ProductNames
from minecover.samples.classes import LandUseClass
from minecover.samples.settings import SampleSettings
from minecover.selection.settings import SelectionSettings
from minecover.settings import Section, mistakes, read_yaml
from minecover.sources.chosen import SourceSettings
from minecover.sources.registry import sources_of
from minecover.sources.settings import CatalogSettings, DateRanges
from minecover.storage.location import is_url
from minecover.survey.periods import Period, check_periods, span_of
from minecover.survey.places import anchored
from minecover.survey.profile import forget_profile, with_profile
from minecover.survey.stage_settings import stage_settings
from minecover.transitions.settings import ChangeSettings

__all__ = ["Survey", "load"]


def _seasons_or_periods(schema: dict[str, Any]) -> None:
    """Say for editors that periods bring the seasons."""
    schema["required"].remove("seasons")
    schema["anyOf"] = [{"required": ["seasons"]}, {"required": ["periods"]}]


class Survey(Section):
    """The whole survey."""

    model_config = ConfigDict(json_schema_extra=_seasons_or_periods)

    name: str = Field(pattern=r"^[\w-]+$", description="letters, digits, - and _")
    title: str | None = Field(
        None, min_length=1, description="heading of the report, in any language; else the name"
    )
    author: str | None = Field(
        None, min_length=1, description="who made the map, as the report and the STAC item say it"
    )
    area: AreaSettings
    grid: GridSettings = GridSettings()
    seasons: dict[str, DateRanges] = Field(
        description="named seasons, each a list of date ranges, or the first and last date of one; "
        "their order is that of the layers, and a model of another order is another",
        min_length=1,
    )
    periods: dict[str, Period] = Field(
        default_factory=dict,
        description="years or quarters that are mapped one by one, in the order of time, each with "
        "seasons of its own in place of the survey's: {2019: {seasons: ...}, 2023: {...}}; none: "
        "the survey is of one period, without a name",
    )
    catalog: CatalogSettings
    sources: SourceSettings = Field(
        default_factory=SourceSettings.defaults, description="what is observed"
    )
    features: FeatureSettings = FeatureSettings()
    classes: tuple[LandUseClass, ...] = Field(min_length=2)
    samples: SampleSettings = Field(
        default_factory=SampleSettings,
        description="needed unless the model is another survey's ({confval}`model.carried_from`)",
    )
    selection: SelectionSettings = SelectionSettings()
    model: ModelSettings = ModelSettings()
    prediction: PredictionSettings = PredictionSettings()
    change: ChangeSettings = ChangeSettings()
    assessment: AssessmentSettings = AssessmentSettings()
    mines: MineSettings = MineSettings()
    registers: RegisterSettings | None = Field(
        None, description="licences, protected areas and counties that mines are held against"
    )
    products: ProductNames = PUBLISHED
    engine: EngineSettings = EngineSettings()
    stages: dict[str, SerializeAsAny[Section]] = Field(
        default_factory=dict,
        description="stages of other packages that run with those of minecover, each with its "
        "settings: {their_stage: {}}",
    )
    store: str = Field("store", description="folder of everything that comes out")

    @field_validator("stages", mode="before")
    @classmethod
    def _stage_settings(cls, given: dict[str, Any]) -> dict[str, Section]:
        return {name: stage_settings(name, raw) for name, raw in given.items()}

    @model_validator(mode="before")
    @classmethod
    def _with_profile(cls, values: object) -> object:
        try:
            return with_profile(values) if isinstance(values, Mapping) else values
        except SurveyError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="before")
    @classmethod
    def _with_seasons(cls, values: object) -> object:
        """Let a survey of periods have the seasons of the latest."""
        periods = values.get("periods") if isinstance(values, Mapping) else None
        if not (isinstance(values, Mapping) and isinstance(periods, Mapping) and periods):
            return values
        # YAML reads 2019 as a number
        named = {str(name): period for name, period in periods.items()}
        latest = list(named.values())[-1]
        given_as = latest.get if isinstance(latest, Mapping) else partial(getattr, latest)
        seasons = given_as("seasons", None)
        return {"seasons": seasons, **values, "periods": named}

    @model_validator(mode="before")
    @classmethod
    def _with_codes_of_shares(cls, values: object) -> object:
        """Let `model.class_shares` name classes as well as give their codes."""
        model = values.get("model") if isinstance(values, Mapping) else None
        classes = values.get("classes") if isinstance(values, Mapping) else None
        shares = model.get("class_shares") if isinstance(model, Mapping) else None
        if not (isinstance(values, Mapping) and isinstance(model, Mapping)):
            return values
        if not isinstance(shares, Mapping) or not isinstance(classes, list | tuple):
            return values
        codes = {str(one["name"]): one["code"] for one in classes if {"name", "code"} <= set(one)}
        coded = {codes.get(name, name): share for name, share in shares.items()}
        return {**values, "model": {**model, "class_shares": coded}}

    @model_validator(mode="after")
    def _has_periods(self) -> Self:
        if self.periods:
            check_periods(self.periods)
            if self.seasons != list(self.periods.values())[-1].seasons:
                raise ValueError(
                    "seasons: each period has its own; leave out those of the survey as a whole"
                )
            self.model_fields_set.discard("seasons")  # they are the latest period's
        return self

    @model_validator(mode="after")
    def _without_profile(self) -> Self:
        forget_profile(self.catalog, self.sources)
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for what in ("code", "name"):
            values = [getattr(item, what) for item in self.classes]
            if len(set(values)) < len(values):
                raise ValueError(f"classes: a {what} appears twice: {values}")
        if not self.samples.paths and self.model.carried_from is None:
            raise ValueError("samples.path: required, but missing")
        smoothness = self.prediction.smoothness
        if isinstance(smoothness, dict) and set(smoothness) != set(self.class_codes):
            raise ValueError(
                f"prediction.smoothness is of {', '.join(smoothness)}; give one number, or one "
                f"for each class: {', '.join(self.class_codes)}"
            )
        shares = self.model.class_shares
        if shares is not None and set(shares) != set(self.class_codes.values()):
            raise ValueError(
                "model.class_shares: give the share of each class, and of no other: "
                f"{', '.join(self.class_codes)}"
            )
        self.change.check_classes(self.class_codes)
        if self.change.network is not None and not self.periods:
            raise ValueError(
                "change.network reads periods together, and the survey names none; name them "
                "(periods), or take it out"
            )
        for key in ("restored", "reference"):
            unknown = sorted(set(getattr(self.mines, key)) - set(self.class_codes))
            if not unknown:
                continue
            raise ValueError(
                f"mines.{key}: no class is called {', '.join(unknown)}; there are "
                f"{', '.join(self.class_codes)}"
            )
        for seasons in (self.seasons, *(period.seasons for period in self.periods.values())):
            for name, ranges in seasons.items():
                if not re.fullmatch(r"[a-z][a-z0-9]*", name):
                    raise ValueError(f"seasons: {name!r} must be lower-case letters and digits")
                if not ranges:
                    raise ValueError(f"seasons: {name} has no date range")
        return self

    @model_validator(mode="after")
    def _has_its_features(self) -> Self:
        try:
            self.feature_catalogue()
        except SurveyError as error:
            raise ValueError(str(error)) from error
        layers = self.feature_catalogue().layers
        self.prediction.check_features({layer.content.name for layer in layers})
        return self

    @property
    def class_codes(self) -> dict[str, int]:
        """Class name to code, in the survey's order."""
        return {item.name: item.code for item in self.classes}

    @property
    def period_names(self) -> tuple[str, ...]:
        """Names of its periods in order; of a survey without periods one empty name."""
        return tuple(self.periods) or ("",)

    @property
    def combines_periods(self) -> bool:
        """Whether its maps are made of the readings of all its periods."""
        return self.change.combine and bool(self.periods)

    @property
    def reads_again(self) -> bool:
        """Whether a network reads all its periods together before they are combined."""
        return self.change.network is not None

    @property
    def spans(self) -> dict[str, tuple[dt.date, dt.date]]:
        """First and last day of each of its periods; nothing of a survey without periods."""
        return {name: span_of(period.seasons) for name, period in self.periods.items()}

    def in_period(self, period: str) -> Self:
        """Give the survey of one of its periods alone; of the empty name itself."""
        if not period:
            return self
        seasons = self.periods[period].seasons
        return self.replace(seasons=seasons, periods={}, change__network=None)

    @property
    def border_layers(self) -> tuple[str, ...]:
        """Layers by which pixels at borders are compared; none where they are not."""
        wanted = self.prediction.border_features if self.prediction.borders else ()
        layers = self.feature_catalogue().layers
        return tuple(layer.name for layer in layers if layer.content.name in wanted)

    def feature_catalogue(self) -> FeatureCatalogue:
        """List the features of its sources and seasons."""
        sources = sources_of(self.sources)
        layers = [layer for source in sources for layer in source.layers()]
        lacking = [layer for source in sources for layer in source.lacking()]
        return feature_catalogue(tuple(self.seasons), layers, self.features, lacking)


def load(
    path: Path, *, store: str | None = None, model: Mapping[str, object] | None = None
) -> Survey:
    """Read and validate a survey file.

    Parameters
    ----------
    path
        The YAML file. Relative paths in it are taken from its own folder.
    store
        Replaces the survey's `store`; a relative path is taken from the working folder.
    model
        Replaces keys of the survey's `model`.

    Raises
    ------
    SurveyError
        The file is missing, is no YAML, or a key is unknown, missing or wrong.
    """
    raw = read_yaml(path, str(path), "the survey file")
    if not isinstance(raw, dict):
        raise SurveyError(f"{path}: a survey file is a mapping of sections; see `minecover init`")
    if model and isinstance(raw.get("model") or {}, dict):
        raw["model"] = {**(raw.get("model") or {}), **model}
    try:
        survey = Survey.model_validate(anchored(raw, path.resolve().parent))
    except ValidationError as error:
        lines = mistakes(error, lambda place: ".".join(map(str, place)) or "the survey", Survey)
        first = f"{path}: the survey file has {error.error_count()} mistake(s):"
        raise SurveyError("\n  ".join([first, *lines])) from error
    if store is None:
        return survey
    return survey.replace(store=store if is_url(store) else str(Path(store).resolve()))
