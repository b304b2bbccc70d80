"""The survey file: everything a person decides, validated and frozen.

A survey is a tree of frozen pydantic models that forbid unknown keys. `load` reads the YAML,
resolves relative paths against the file's folder and turns every mistake into one `SurveyError`
that names the key, what is wrong there and how to mend it. The canonical JSON of its sections is
what the ledger's fingerprints are made of.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from minecover.errors import SurveyError

__all__ = ["BANDS", "SOURCES", "DateRange", "LandUseClass", "Survey", "is_url", "load"]

BANDS = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12")
"""The ten Sentinel-2 bands in the order of the paper's Table 2 (features 1 to 10)."""

SOURCES = ("sentinel2", "sentinel1", "terrain", "night_lights")


def is_url(text: str) -> bool:
    """Tell whether `text` names something reached over a network rather than a local path."""
    return re.match(r"^[a-z][a-z0-9+.-]*://", text) is not None


class Section(BaseModel):
    """Frozen, and strict about the keys it knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Smoothness = Annotated[float, Field(gt=0)]


class Area(Section):
    """Where: a bounding box, or a file of polygons (any format and CRS that GDAL reads)."""

    path: str | None = Field(None, description="vector file whose polygons are the area")
    bbox: tuple[float, float, float, float] | None = Field(
        None, description="left, bottom, right, top in `crs`"
    )
    crs: str = Field("EPSG:4326", description="CRS of `bbox`; a file brings its own")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.path is None) == (self.bbox is None):
            raise ValueError("give either `path` or `bbox`")
        if self.bbox and not (self.bbox[0] < self.bbox[2] and self.bbox[1] < self.bbox[3]):
            raise ValueError("the area is empty: bbox is left, bottom, right, top")
        return self


class GridSection(Section):
    """The analysis grid: one CRS and resolution for the whole survey, cut into square tiles."""

    crs: str = Field(
        "utm",
        description="`utm` (zone of the area's centre), `equal-area` (a Lambert azimuthal "
        "equal-area grid on the area's centre), or any CRS with metres as units",
    )
    resolution: float = Field(10.0, gt=0, description="pixel size in metres")
    tile: int = Field(256, ge=32, le=4096, multiple_of=32, description="tile edge in pixels")


def _parse_range(text: str) -> str:
    try:
        start, end = (dt.date.fromisoformat(part) for part in text.split("/"))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date range YYYY-MM-DD/YYYY-MM-DD") from error
    if end < start:
        raise ValueError(f"{text!r} ends before it starts")
    return text


DateRange = Annotated[str, AfterValidator(_parse_range)]


class Sentinel2(Section):
    """Optical bands and everything derived from them (features 1 to 25)."""

    collection: str = Field("sentinel-2-l2a", description="STAC collection")
    assets: dict[str, str] = Field(
        default_factory=dict, description="asset of a band where it is not found by itself"
    )
    scl: str | None = Field(
        "SCL", description="asset of the scene classification; null: the data has none"
    )
    masked: tuple[int, ...] = Field(
        (0, 1, 2, 3, 8, 9, 10), description="SCL codes that are no clear observation of the ground"
    )
    max_cloud_cover: float = Field(80.0, ge=0, le=100, description="per item, in percent")
    offset: Literal["auto", "none"] = Field(
        "auto",
        description="auto: reflectance offset by the item's own record or processing baseline; "
        "none: digital numbers as they are (wrong from baseline 04.00 on)",
    )
    composite: Literal["median", "geometric_median"] = Field(
        "median", description="how the dates of a season become one"
    )


class Sentinel1(Section):
    """Backscatter VV and VH (features 26 and 27)."""

    collection: str = Field("sentinel-1-rtc", description="STAC collection")
    assets: dict[str, str] = Field(default_factory=dict, description="asset of VV and of VH")
    values: Literal["linear", "db"] = Field("linear", description="what the assets hold")


class Terrain(Section):
    """Elevation, from which slope and aspect follow (features 28 to 30)."""

    collection: str | None = Field("nasadem", description="STAC collection")
    path: str | None = Field(None, description="a raster file instead of a collection")
    asset: str = Field("elevation", description="asset of the elevation in metres")


class NightLights(Section):
    """Night-time light radiance (feature 31)."""

    collection: str | None = Field(None, description="STAC collection")
    path: str | None = Field(None, description="a raster file instead of a collection")
    asset: str = Field("dn", description="asset of the digital numbers")
    calibration: Literal["luojia1", "none"] = Field(
        "luojia1", description="luojia1: DN^1.5 x 1e-10 W m-2 sr-1 um-1; none: values as they are"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.collection is None) == (self.path is None):
            raise ValueError("give either `collection` or `path`")
        return self


class Sources(Section):
    """What is observed. A source left out leaves its features out."""

    sentinel2: Sentinel2 = Sentinel2()
    sentinel1: Sentinel1 | None = Field(None, description="backscatter VV and VH")
    terrain: Terrain | None = Field(None, description="elevation, slope and aspect")
    night_lights: NightLights | None = Field(None, description="night-time radiance")


class Catalog(Section):
    """Where items are looked up, and with which limits."""

    url: str = Field(description="STAC API, or catalog.json of a static catalog")
    sign: Literal["none", "planetary-computer"] = Field(
        "none", description="how asset addresses are signed when they are read"
    )
    max_items: int = Field(20_000, ge=1, description="refuse a search that finds more")
    reader: Literal["stackstac", "odc-stac"] = Field(
        "stackstac", description="library that reads items onto the grid"
    )


class Features(Section):
    """How features are computed from the cube."""

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
    seed: int = Field(0, ge=0, description="of folds, forests, weights and augmentation")

    @model_validator(mode="after")
    def _odd_window(self) -> Self:
        if self.window % 2 == 0:
            raise ValueError(f"window is {self.window}; it must be odd")
        return self


class Prediction(Section):
    """How a trained model becomes a map."""

    smoothing: int = Field(
        0,
        ge=0,
        le=33,
        description="edge in pixels, odd, of the neighbourhood over which class probabilities are "
        "smoothed (empirical Bayes); 0: they are not. The assessment tells whether it helps",
    )
    smoothness: Smoothness | dict[str, Smoothness] = Field(
        20.0,
        description="variance of a pixel's logit around the true one: the greater, the smoother; "
        "one for all, or one for each class by its name",
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


class Engine(Section):
    """Where work runs."""

    tiles: Literal["dask", "local"] = Field("dask", description="cube and features")
    prediction: Literal["ray", "local"] = Field("ray", description="tiled prediction")
    training: Literal["ray", "local"] = Field("ray", description="ResNet50 under Ray Train")
    workers: int = Field(2, ge=1, description="processes on this machine, or of the cluster")
    threads: int = Field(1, ge=1, description="threads of one worker")
    training_workers: int = Field(
        1,
        ge=1,
        description="processes (or GPUs) that train a ResNet50 together; they share the threads of "
        "all workers. On one machine one process is quickest; more pay across hosts",
    )
    checkpoint_seconds: float = Field(
        20.0, ge=0, description="between two checkpoints of a training; a lost one repeats as much"
    )
    bad_tiles: Literal["stop", "skip"] = Field(
        "stop",
        description="a tile whose data is bad: stop: end after the stage and name it; "
        "skip: nodata there, named in the report",
    )
    lease: float = Field(
        120.0,
        gt=0,
        description="seconds after which a worker that gives no sign counts as dead and its tile "
        "is taken over; the clocks of all hosts must agree within a fraction of it",
    )
    dask_address: str | None = Field(None, description="scheduler of a running Dask cluster")
    ray_address: str | None = Field(None, description="address of a running Ray cluster")

    @property
    def training_threads(self) -> int:
        """Threads of each process that trains."""
        return max(1, self.workers * self.threads // self.training_workers)


class Survey(Section):
    """The whole survey."""

    name: str = Field(pattern=r"^[\w-]+$", description="letters, digits, - and _")
    area: Area
    grid: GridSection = GridSection()
    seasons: dict[str, tuple[DateRange, ...]] = Field(
        description="named seasons, each a list of date ranges", min_length=1
    )
    catalog: Catalog
    sources: Sources = Sources()
    features: Features = Features()
    classes: tuple[LandUseClass, ...] = Field(min_length=2)
    samples: Samples
    selection: Selection = Selection()
    model: Model = Model()
    prediction: Prediction = Prediction()
    assessment: Assessment = Assessment()
    engine: Engine = Engine()
    store: str = Field("store", description="folder of everything that comes out")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for what in ("code", "name"):
            values = [getattr(item, what) for item in self.classes]
            if len(set(values)) < len(values):
                raise ValueError(f"classes: a {what} appears twice: {values}")
        smoothness = self.prediction.smoothness
        if isinstance(smoothness, dict) and set(smoothness) != set(self.class_codes):
            raise ValueError(
                f"prediction.smoothness is of {', '.join(smoothness)}; give one number, or one "
                f"for each class: {', '.join(self.class_codes)}"
            )
        for name, ranges in self.seasons.items():
            if not re.fullmatch(r"[a-z][a-z0-9]*", name):
                raise ValueError(f"seasons: {name!r} must be lower-case letters and digits")
            if not ranges:
                raise ValueError(f"seasons: {name} has no date range")
        return self

    @property
    def class_codes(self) -> dict[str, int]:
        """Class name to code, in the survey's order."""
        return {item.name: item.code for item in self.classes}

    def present_sources(self) -> tuple[str, ...]:
        """Names of the sources that this survey has, in the catalogue's order."""
        return tuple(name for name in SOURCES if getattr(self.sources, name) is not None)


def load(path: Path, *, store: str | None = None) -> Survey:
    """Read and validate a survey file.

    Parameters
    ----------
    path
        The YAML file. Relative paths in it are taken from its own folder.
    store
        Replaces the survey's `store` (as it stands: relative to the working folder).

    Raises
    ------
    SurveyError
        The file is missing, is no YAML, or a key is unknown, missing or wrong.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SurveyError(f"{path}: cannot read the survey file: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SurveyError(f"{path}: not a YAML file: {error}") from error
    if not isinstance(raw, dict):
        raise SurveyError(f"{path}: a survey file is a mapping of sections; see `minecover init`")
    try:
        survey = Survey.model_validate(_anchored(raw, path.resolve().parent))
    except ValidationError as error:
        raise SurveyError(_explain(path, error)) from error
    if store is not None:
        target = store if is_url(store) else str(Path(store).resolve())
        survey = survey.model_copy(update={"store": target})
    return survey


_PATH_KEYS = (
    ("area", "path"),
    ("catalog", "url"),
    ("sources", "terrain", "path"),
    ("sources", "night_lights", "path"),
    ("samples", "path"),
    ("store",),
)


def _anchored(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    raw = {"store": "store", **raw}
    for *parents, key in _PATH_KEYS:
        section: Any = raw
        for parent in parents:
            section = section.get(parent) if isinstance(section, dict) else None
        value = section.get(key) if isinstance(section, dict) else None
        if isinstance(value, str) and not is_url(value):
            section[key] = str((folder / Path(value).expanduser()).resolve())
    return raw


_HINTS = {
    "extra_forbidden": "unknown key: take it out, or see `minecover schema` for the known ones",
    "missing": "required, but missing",
}


def _explain(path: Path, error: ValidationError) -> str:
    lines = [f"{path}: the survey file has {error.error_count()} mistake(s):"]
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"]) or "the survey"
        lines.append(
            f"  {where}: {_HINTS.get(item['type'], item['msg'].removeprefix('Value error, '))}"
        )
    return "\n".join(lines)
