"""What the store of a survey holds, as xarray and pandas objects."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import geopandas as gpd
import pandas as pd
import xarray as xr

import minecover.api.explore  # noqa: F401  (gives rasters their .explore)
from minecover.api.colours import classes_on, published_colours, with_colours
from minecover.api.datasets import computed_layers, open_layers, open_raster
from minecover.api.map_areas import area_table
from minecover.api.markup import card
from minecover.api.outdated import outdated_stages, status_table, stores_no_features
from minecover.api.store_tables import (
    accuracy_facts,
    read_accuracy,
    read_damages,
    read_mines,
    read_ranks,
)
from minecover.api.summaries import stage_table
from minecover.errors import StoreError, SurveyError
from minecover.samples.classes import LandUseClass
from minecover.samples.sample_set import SampleSet
from minecover.stages.features import open_features
from minecover.stages.registry import STAGES, map_stage, stage_names
from minecover.storage.identity import known_store, read_identity
from minecover.storage.names import (
    CUBE_RASTER,
    FEATURES_RASTER,
    MAP_RASTER,
    READINGS_RASTER,
)
from minecover.storage.raster_array import feature_array
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.workflow.progress import Progress

__all__ = ["Results", "open_store"]

T = TypeVar("T", xr.Dataset, xr.DataArray)


def open_store(store: str | Path) -> Results:
    """Open what a survey made, wherever it was run, with whatever settings.

    Parameters
    ----------
    store
        A folder, or `s3://bucket/prefix` with endpoint and credentials in the environment.

    Raises
    ------
    StoreError
        No survey was begun there, or another version of minecover made it.
    """
    return Results(known_store(str(store)))


class Results:
    """What a survey's store holds; nothing is read before it is asked for.

    Where the survey is at hand, reading what was made with other settings than its own warns;
    without it, as `open_store` gives it, nothing can be compared.

    Parameters
    ----------
    store
        Of the survey.
    survey
        Whose store it is, where it is at hand: `areas` needs its area.
    period
        Of which arrays are; None: of all that the survey names, along a dimension `period`.
    """

    def __init__(
        self, store: Store, survey: Survey | None = None, period: str | None = None
    ) -> None:
        self.store, self.survey, self.period = store, survey, period

    def __repr__(self) -> str:
        """Name of the survey, its store, and which stages are done."""
        done = ", ".join(self.status.index[self.status["state"] == "done"]) or "none"
        return f"<Results of {self.identity['name']!r} in {self.store.url}; stages done: {done}>"

    def _repr_html_(self) -> str:
        """Show in a notebook what the store holds: its stages, and the accuracy once measured."""
        facts = {
            "store": self.store.url,
            "CRS": self.identity["grid"]["crs"],
            "periods": ", ".join(self.periods),
            **accuracy_facts(self.store),
        }
        return card(f"Results of {self.identity['name']}", facts, stage_table(self.status).html())

    @property
    def identity(self) -> dict[str, Any]:
        """Name and grid of the survey, and the version that made the store."""
        return read_identity(self.store) or {}

    @property
    def status(self) -> pd.DataFrame:
        """One row a stage: `state`, `tiles`, `done`, `failed`, `seconds`.

        The state is done, running, begun, open, or outdated: done or begun with other settings or
        other code than the survey's. Without the survey nothing is outdated.
        """
        return status_table(self.store, self.survey)

    @property
    def periods(self) -> tuple[str, ...]:
        """Names of the periods that its cube has, in order."""
        there = self.store.read(f"{CUBE_RASTER}/zarr.json") is not None
        return self.store.layers(CUBE_RASTER).periods if there else ()

    def in_period(self, period: str | None = None) -> Results:
        """Give the results of one period alone, with arrays as of a survey without periods.

        Parameters
        ----------
        period
            Its name; None: the latest, or all that there is where the survey names none.

        Raises
        ------
        SurveyError
            There is no such period.
        """
        there = self.periods
        if period is not None and period not in there:
            named = ", ".join(there) or "none"
            raise SurveyError(f"period: no {period!r}; the periods of the survey are: {named}")
        return Results(self.store, self.survey, period or there[-1]) if there else self

    def _of_period(self, data: T) -> T:
        """Leave out the other periods, where one is wanted."""
        return data if self.period is None else data.sel(period=self.period, drop=True)

    @property
    def _outdated(self) -> frozenset[str]:
        """Stages whose results are not this survey's."""
        return frozenset() if self.survey is None else outdated_stages(self.store, self.survey)

    def _warn_of(self, stage: str) -> None:
        if stage in self._outdated:
            warnings.warn(
                f"{stage}: what {self.store.url} holds is of other settings or data than this "
                f'survey\'s; survey.run(until="{stage}") makes it anew',
                stacklevel=3,
            )

    def verify(self) -> pd.DataFrame:
        """Read the whole store, and list what is not what was written.

        Returns
        -------
        One row a damaged object: `stage`, `tile` (None: of the stage as a whole), `object` and
        `reason`; none where the store is whole. `minecover retry --damaged` has it done again.
        """
        stages = STAGES.own_names() if self.survey is None else stage_names(self.survey)
        return read_damages(self.store, stages)

    @cached_property
    def cube(self) -> xr.Dataset:
        """Seasonal composites: `reflectance` (season, band, y, x) and those of other sources.

        Of a survey of periods every array has `period` for its first dimension, as those of
        `features` and `map` do: `.sel(period="2023")`.

        Raises
        ------
        StoreError
            The cube stage has not begun.
        """
        self._warn_of("cube")
        return self._of_period(open_raster(self.store, CUBE_RASTER))

    @cached_property
    def features(self) -> xr.DataArray:
        """Features (layer, y, x) with their season, name and source along `layer`.

        Where the survey is at hand and does not store them, they are computed from the cube.

        Raises
        ------
        StoreError
            The features stage has not begun; or they are not stored, and the survey is not at hand.
        """
        self._warn_of("features")
        survey = self.survey
        if survey is not None and not survey.features.are_stored:
            grid, layers = survey_grid(survey), survey.feature_catalogue().layers
            rasters = {
                name: open_features(self.store, survey, name, grid) for name in survey.period_names
            }
            return self._of_period(computed_layers(rasters, grid, feature_array(layers)))
        if survey is None and stores_no_features(self.store):
            raise StoreError(
                f"{self.store.url}: the features of this survey are not stored; they are computed "
                "by open_survey(...).results().features"
            )
        return self._of_period(open_layers(self.store, FEATURES_RASTER, "features"))

    @cached_property
    def map(self) -> xr.Dataset:
        """`landuse`, `entropy`, `dissimilarity` (y, x) and `probability` (class, y, x).

        Raises
        ------
        StoreError
            The predict stage has not begun.
        """
        self._warn_of(self._map_stage)
        return with_colours(self._of_period(open_raster(self.store, MAP_RASTER)), self.colours)

    @cached_property
    def readings(self) -> xr.Dataset:
        """The map of each period by itself; only of a survey that combines its periods."""
        self._warn_of("predict")
        readings = self._of_period(open_raster(self.store, READINGS_RASTER))
        return with_colours(readings, self.colours)

    @property
    def _map_stage(self) -> str:
        return "predict" if self.survey is None else map_stage(self.survey)

    @property
    def classes(self) -> tuple[LandUseClass, ...]:
        """Classes of the map in the survey's order, with code and colour."""
        if self.survey is not None:
            return self.survey.classes
        return classes_on(self.map["landuse"])

    @property
    def colours(self) -> dict[str, str]:
        """Colour of each class: the survey's where it is at hand, else as published."""
        if self.survey is not None:
            return {item.name: item.colour for item in self.survey.classes}
        return published_colours(self.store)

    @property
    def selection(self) -> pd.DataFrame:
        """Layers by rank, best first: `rank`, `chosen`, and their scores by each method.

        Raises
        ------
        StoreError
            The select stage has not run.
        """
        self._warn_of("select")
        return read_ranks(self.store)

    @property
    def samples(self) -> gpd.GeoDataFrame:
        """Labelled points: class, folds, and the layers at their pixels.

        Raises
        ------
        StoreError
            The samples stage has not run, or its table is damaged.
        """
        self._warn_of("samples")
        table = SampleSet.read(self.store).table
        points = gpd.points_from_xy(table["x"], table["y"], crs=self.identity["grid"]["crs"])
        return gpd.GeoDataFrame(table, geometry=points)

    @property
    def accuracy(self) -> pd.DataFrame:
        """Accuracy of each split: overall, kappa, macro-F1 and by class; see `accuracy_table`.

        Raises
        ------
        StoreError
            The assess stage has not run, or its document is damaged.
        """
        self._warn_of("assess")
        return read_accuracy(self.store)

    @property
    def mines(self) -> gpd.GeoDataFrame:
        """Outlines of the mines: area, perimeter, centroid, probability, doubt and box of each.

        Raises
        ------
        StoreError
            They were not published.
        """
        self._warn_of("publish")
        return read_mines(self.store)

    def areas(self) -> pd.DataFrame:
        """Area of each class in hectares.

        Returns
        -------
        One row a class: `mapped_ha` as the map has it; where the points of `minecover design` were
        labelled and `minecover areas` was run, also `area_ha` on the ground with `low_ha` and
        `high_ha`, an interval of 95 % (Olofsson et al. 2014, 10.1016/j.rse.2014.02.015). A mapped
        area alone says nothing of its error.

        Raises
        ------
        StoreError
            There is no map, or neither estimates nor the survey with its area are at hand.
        """
        self._warn_of(self._map_stage)
        return area_table(self.store, self.survey, self.period)

    def doubts(
        self, share: float = 0.1, model: str = "rf", *, progress: Progress | str = "auto"
    ) -> gpd.GeoDataFrame:
        """List the labels that are likely wrong, as `minecover doubts` does.

        Parameters
        ----------
        share, model
            Of the points that are listed, the most doubtful, and the kind that judges them.
        progress
            As of `Survey.run`: stages up to `select` are done where they are not complete.

        Returns
        -------
        `class` as labelled, the `likely` class, `doubt` from 0 to 1, what the model says of both,
        and the share of similar points that are `disagreeing`; `.attrs["wrong_labels"]` has the
        share of wrong labels by estimate, with its 95 % interval.
        """
        from minecover.api.label_review import doubts

        return doubts(self.store, self.survey, share, model, progress)

    def suggest(self, points: int = 100, seed: int = 0) -> gpd.GeoDataFrame:
        """Choose points to label that teach the model most, as `minecover suggest` does.

        They are no probability sample, so no accuracy and no area is measured by them.

        Raises
        ------
        StoreError
            There is no map, the survey is not at hand, or such points were labelled already.
        """
        from minecover.api.label_review import suggest

        return suggest(self.store, self.survey, points, seed, self.period)
