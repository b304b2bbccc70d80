"""Sections of how it is done: features, classes, samples, selection, model, prediction."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from minecover.survey.section import BANDS, Section

__all__ = [
    "Assessment",
    "Features",
    "LandUseClass",
    "Model",
    "Prediction",
    "Reading",
    "Samples",
    "Selection",
]

Smoothness = Annotated[float, Field(gt=0)]
Reading = Literal["dense", "patch"]


class Features(Section):
    """How features are computed from the cube, and whether they are kept."""

    keep: Literal["all", "selected", "none"] = Field(
        "all",
        description="all: stored once, read by whatever needs them; none: computed from the cube "
        "on the way into samples and prediction, and never stored: less to store and to move, "
        "more to compute whenever they are read again; selected: as none, but what a tile's "
        "prediction computes is stored beside the map. The map is the same",
    )

    tasselled_cap: Literal["shi2019", "crist1985", "nedkov2017"] = Field(
        "shi2019", description="coefficients of brightness, greenness and wetness"
    )
    ndri: Literal["zhang2014", "swir1_green"] = Field(
        "zhang2014", description="zhang2014: (S2-N)/(S2+N); swir1_green: (S1-G)/(S1+G)"
    )
    texture_band: str = Field("B08", description="band of the co-occurrence matrices")
    texture_window: int = Field(5, ge=3, le=15, description="window edge in pixels, odd")
    texture_levels: int = Field(32, ge=8, le=64, description="grey levels")
    texture_percentiles: tuple[float, float] = Field(
        (1.0, 99.0), description="of the whole cube's band: the range that is quantised"
    )
    fill: Literal["none", "year"] = Field(
        "none",
        description="a pixel with no clear observation in a season: none: nodata; "
        "year: the mean of its other seasons, counted in the report",
    )

    fill_distance: int = Field(
        0,
        ge=0,
        le=16,
        description="pixels: a gap takes the mean of the observed pixels next to it, this far in",
    )

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.texture_window % 2 == 0:
            raise ValueError(f"texture_window is {self.texture_window}; it must be odd")
        if self.texture_band not in BANDS:
            raise ValueError(f"texture_band must be one of {', '.join(BANDS)}")
        return self


class LandUseClass(Section):
    """One class of the map."""

    code: int = Field(ge=1, le=255, description="value in landuse.tif")
    name: str = Field(pattern=r"^[\w-]+$", description="as samples write it")
    colour: str = Field(pattern=r"^#[0-9a-fA-F]{6}$", description="#rrggbb in maps")
    mine: bool = Field(False, description="outlined in mines.gpkg")


class Samples(Section):
    """Labelled points and how they are divided."""

    path: str = Field(description="GeoPackage, GeoJSON, GeoParquet, or CSV with x and y columns")
    column: str = Field("class", description="column of class names or codes")
    crs: str | None = Field(None, description="CRS of a CSV's coordinates")
    x: str = Field("x", description="column of a CSV")
    y: str = Field("y", description="column of a CSV")
    folds: int = Field(5, ge=2, le=20, description="folds of the spatial blocks and random split")
    block: float = Field(1000.0, gt=0, description="edge of a spatial block in metres")


class Assessment(Section):
    """How accuracy is measured."""

    folds: int = Field(
        1,
        ge=1,
        description="folds of each split that are trained without and tested on; "
        "more take longer and tell more; at most samples.folds",
    )
    areas: bool = Field(
        False,
        description="also train without whole areas, as many as samples.folds, and test on them: "
        "what to expect on ground far from any sample",
    )


class Selection(Section):
    """Which layers the model sees."""

    method: Literal["both", "relieff", "forest", "all"] = Field(
        "both", description="whose ranking counts; all: keep every layer"
    )
    engine: Literal["native", "skrebate"] = Field("native", description="who computes Relief-F")
    keep: int | None = Field(None, ge=1, description="layers kept; null: chosen by validation")
    neighbours: int = Field(100, ge=1, description="k of Relief-F")
    trees: int = Field(300, ge=10, description="of the random forest")


class Regions(Section):
    """Regions, each of which gets a model of its own, learnt from its own samples."""

    path: str = Field(
        description="vector file of polygons that cover the area: whatever GDAL reads, in any CRS"
    )
    layer: str | None = Field(None, description="layer of a file that has several")
    column: str = Field(
        "name", description="attribute with a polygon's region; several polygons may be of one"
    )


class Model(Section):
    """The classifier and how it is trained."""

    kind: Literal["resnet50", "rf", "ann", "knn", "svm", "nb"] = Field(
        "resnet50",
        description="ResNet50, or one of the five it is compared with: random forest, multi-layer "
        "perceptron, k nearest neighbours, support vectors, naive Bayes",
    )
    window: int = Field(17, ge=5, le=35, description="neighbourhood a ResNet50 sees, pixels, odd")
    width: float = Field(1.0, gt=0, le=1, description="channels, as a share of ResNet50's")
    members: int = Field(
        1,
        ge=1,
        le=20,
        description="networks of different seeds whose probabilities are averaged: each costs as "
        "much again in training and reading, three are clearly better than one",
    )
    epochs: int = Field(30, ge=1, description="at most; early stopping may end sooner")
    patience: int = Field(10, ge=1, description="epochs without a better blocked validation loss")
    batch: int = Field(64, ge=2, description="samples of one step over all workers")
    learning_rate: float = Field(1e-3, gt=0, description="highest of the schedule (AdamW)")
    weight_decay: float = Field(0.05, ge=0, description="of AdamW")
    class_weights: Literal["balanced", "none"] = Field(
        "none",
        description="balanced: every class weighs the same, whatever its number of points; none: "
        "every point does",
    )
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="of a ResNet50's training loss")
    mixup: float = Field(
        0.4, ge=0, description="patches are mixed by shares drawn from Beta(mixup, mixup); 0: not"
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="of a ResNet50's last features")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="arithmetic of a ResNet50's training and prediction"
    )
    reading: Reading = Field(
        "dense",
        description="how a ResNet50 is read: dense: over blocks as a whole; patch: one patch for "
        "each pixel, as the paper does: the same probabilities, many times slower",
    )
    starting_weights: str | None = Field(
        None,
        description="file (.safetensors) of weights that a ResNet50 starts from: one of ours, or "
        "torchvision's or timm's ResNet-50; the head is not taken",
    )
    regions: Regions | None = Field(None, description="one model a region; null: one for all")
    seed: int = Field(0, ge=0, description="of folds, forests, weights and augmentation")

    @model_validator(mode="after")
    def _odd_window(self) -> Self:
        if self.window % 2 == 0:
            raise ValueError(f"window is {self.window}; it must be odd")
        return self

    @field_validator("starting_weights")
    @classmethod
    def _data_alone(cls, path: str | None) -> str | None:
        if path is not None and not path.endswith(".safetensors"):
            raise ValueError(
                f"{path}: only .safetensors, which holds numbers and nothing that runs; convert "
                "other files with safetensors.torch.save_file"
            )
        return path


class Prediction(Section):
    """How a trained model becomes a map."""

    smoothing: int = Field(
        0,
        ge=0,
        le=33,
        description="edge in pixels, odd, of the neighbourhood over which class probabilities are "
        "smoothed (empirical Bayes); 0: they are not. The assessment tells whether it helps",
    )
    smoothness: Smoothness | dict[str, Smoothness] | None = Field(
        None,
        description="variance of a pixel's logit around the true one: the greater, the smoother; "
        "one for all, or one for each class by its name; null: 4 for a ResNet50, 20 for the others",
    )
    neighbour_fraction: float = Field(
        0.5,
        gt=0,
        le=1,
        description="share of the neighbourhood, its highest logits, that a pixel is drawn to",
    )
    applicability: bool = Field(
        True, description="map how unlike the training samples each pixel is"
    )

    @model_validator(mode="after")
    def _odd_smoothing(self) -> Self:
        if self.smoothing == 1 or (self.smoothing and self.smoothing % 2 == 0):
            raise ValueError(f"smoothing is {self.smoothing}; it must be 0, or odd and at least 3")
        return self
