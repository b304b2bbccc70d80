"""What a stage takes, by which a plan is made before it runs.

A stage says how its work grows with the survey (`StageCost`); what a unit of that work takes on a
machine is measured by `minecover calibrate`, or shipped with `minecover.planning`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from minecover.survey import Survey

__all__ = ["StageCost", "Trainings", "Volumes", "Workload"]


@dataclass(frozen=True)
class Workload:
    """What there is to do.

    Attributes
    ----------
    tiles, pixels
        That touch the area; pixels of the tiles.
    items
        Of the catalog.
    source_pixels, block_pixels, opened
        Native pixels of all assets under all tiles; the same with the rest of their blocks; and
        how often a file is opened.
    cube_layers, feature_layers, map_layers, chosen
        Layers of each raster, and those that the model sees.
    points
        Labelled points.
    epochs
        That networks are trained for.
    regions
        Models of the survey: one, or one a region.
    assumptions
        What is not known yet, in words.
    """

    tiles: int
    pixels: int
    items: int
    source_pixels: float
    block_pixels: float
    opened: float
    cube_layers: int
    feature_layers: int
    map_layers: int
    chosen: int
    points: int
    epochs: int
    regions: int = 1
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Volumes:
    """Bytes of what stages read and write, over the whole survey.

    Attributes
    ----------
    images
        Of the catalog's files under all tiles.
    cube, clear_counts
        The cube as it is stored, and its counts of clear observations.
    range_read
        What is read of the cube for features that are stored, or for their range alone.
    feature_pixel
        What is read of all features for a pixel.
    features, chosen_features
        What the features stage stores, and what the prediction stores beside the map.
    features_read
        What is read to predict all tiles, with the rim that neighbourhoods need.
    point_features, point_chosen
        What is read of features at the labelled points: of all layers, and of those chosen.
    table
        Points x layers.
    map, products
        The map as it is stored, and what is published of it.
    """

    images: float
    cube: float
    clear_counts: float
    range_read: float
    feature_pixel: float
    features: float
    chosen_features: float
    features_read: float
    point_features: float
    point_chosen: float
    table: float
    map: float
    products: float


def _once(survey: Survey, work: Workload) -> int:
    del survey, work
    return 1


def _nothing(survey: Survey, work: Workload) -> float:
    del survey, work
    return 0.0


def _no_models(survey: Survey, work: Workload) -> tuple[Trainings, ...]:
    del survey, work
    return ()


@dataclass(frozen=True)
class Trainings:
    """Models that a stage trains beside its units of work, each as the stage `train` does.

    Attributes
    ----------
    survey, work
        Of one of them.
    times
        How many; of smaller models a share.
    """

    survey: Survey
    work: Workload
    times: float


@dataclass(frozen=True)
class StageCost:
    """How a stage's work grows with the survey.

    Attributes
    ----------
    units
        Units of work of the whole stage, to which its core-seconds are proportional.
    volume
        Bytes that it reads, and bytes that it stores.
    variant
        What of the survey changes the cost of a unit, as part of the constant's name; empty:
        nothing does.
    by_model
        Whether the cost of a unit depends on the kind of model.
    trains
        Whether models are trained in it, by its survey; None: where `by_model` says so.
    all_workers
        Whether it uses the threads of all workers; a stage without tiles uses one otherwise.
    cores
        Cores that it uses, or a tile of it, where that is otherwise.
    starts
        How often what a stage without tiles needs once is needed: once, or for every training.
    further
        Models that are trained in it beside its units: of another kind, or by another stage.
    compared
        Pixels x samples x layers of dissimilarity that it computes.
    layers
        Layers of what it stores for every pixel of the area.
    reads_images
        Whether it reads the catalog's files rather than the store.
    reads_model
        Whether its workers hold a model.
    reads_features
        Whether its workers compute features that are not stored.
    learned
        What its figures say of the work of later stages: fields of `Workload`.
    """

    units: Callable[[Survey, Workload], float]
    volume: Callable[[Survey, Volumes], tuple[float, float]]
    variant: Callable[[Survey], str] = lambda survey: ""
    by_model: bool = False
    trains: Callable[[Survey], bool] | None = None
    all_workers: bool = False
    cores: Callable[[Survey], int] | None = None
    starts: Callable[[Survey, Workload], int] = _once
    further: Callable[[Survey, Workload], tuple[Trainings, ...]] = _no_models
    compared: Callable[[Survey, Workload], float] = _nothing
    layers: Callable[[Workload], int] | None = None
    reads_images: bool = False
    reads_model: bool = False
    reads_features: bool = False
    learned: Callable[[Survey, Mapping[str, Any]], dict[str, int]] = lambda survey, facts: {}
