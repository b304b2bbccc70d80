"""What a product is, and what it may use.

A product is one or more files under ``products/`` in the store. Products are written one after the
other in a scratch place, each may read those before it, and all appear together once each is
whole (`minecover.products.publishing`). Adding one takes a subclass of `Product` and a line in
`minecover.products.registry`, or an entry point of another package.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from minecover.errors import SurveyError
from minecover.geography.grid import Grid
from minecover.land_register.register import Register
from minecover.mine_history.settings import MineSettings
from minecover.mine_history.timeline import Timeline
from minecover.samples.classes import LandUseClass
from minecover.storage.canonical_json import Json
from minecover.storage.raster import Raster as StoredRaster
from minecover.storage.store import Layers

__all__ = ["File", "Observations", "Product", "Publication", "Shown", "SourceFacts", "TrueColour"]

Result = TypeVar("Result")


@dataclass(frozen=True)
class File:
    """One file of a product, and the asset that describes it in the STAC item.

    Attributes
    ----------
    name
        Under ``products/``.
    title
        What it holds, in a few words.
    media_type
        For example ``"text/csv"``.
    key
        Name of the asset; None: the file is no asset, as the item itself.
    roles
        Of the asset: ``data``, ``uncertainty``, ``metadata``, ``overview``, …
    fields
        Further fields of the asset.
    extensions
        Schemas of the STAC extensions that `fields` belong to.
    reproducible
        Whether equal input gives equal bytes; a file without this has no checksum in the item.
    """

    name: str
    title: str
    media_type: str
    key: str | None
    roles: tuple[str, ...] = ("data",)
    fields: Mapping[str, Json] = field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    reproducible: bool = True


@dataclass(frozen=True)
class SourceFacts:
    """A source that the map was made from.

    Attributes
    ----------
    name
        In the survey.
    label
        For people.
    simulated
        Whether any of its data was simulated.
    """

    name: str
    label: str
    simulated: bool = False


@dataclass(frozen=True)
class Observations:
    """Clear observations of a pixel in one season.

    Attributes
    ----------
    source
        Label of the source.
    season
        Its name.
    items
        Number of items found in it.
    minimum, median, maximum
        Over all pixels, those without any included.
    unobserved
        Share of pixels without any, 0-1.
    """

    source: str
    season: str
    items: int
    minimum: int
    median: int
    maximum: int
    unobserved: float


@dataclass(frozen=True)
class Shown:
    """What people look at of the cube or the features: three layers as a picture, or one.

    Attributes
    ----------
    group, title
        For people.
    season
        Of all its layers; empty: they are of no season.
    source
        Name of the raster, `cube` or `features`.
    raster
        That holds the layers.
    layers
        Of red, green and blue, or the only one.
    """

    group: str
    title: str
    season: str
    source: str
    raster: StoredRaster
    layers: tuple[str, ...]

    @property
    def id(self) -> str:
        """Of its entry among the layers of the map page."""
        return f"{self.group.split()[0].lower()}.{self.layers[0]}"


@dataclass(frozen=True)
class TrueColour:
    """What a picture in natural colours is made from.

    Attributes
    ----------
    cube
        The raster that holds the layers.
    layers
        Names of those of red, green and blue.
    season
        Of which they are the composite.
    source
        Label of the source.
    dates
        Days of its scenes in that season, YYYY-MM-DD, in order.
    """

    cube: Layers
    layers: tuple[str, str, str]
    season: str
    source: str
    dates: tuple[str, ...]


@dataclass(frozen=True)
class Publication:
    """All that products may use; what is None or empty is not known.

    Attributes
    ----------
    name
        Of the survey.
    title, author
        For people; the name, and nothing, where the survey has none.
    mines
        How mines are outlined and followed.
    grid
        The map's; its area is what is published.
    classes
        In the survey's order.
    seasons
        Name to date ranges, ``YYYY-MM-DD/YYYY-MM-DD``.
    map
        Layers `landuse` (class codes), `entropy` (bits), `probability_<class>` and perhaps
        `dissimilarity`, with the attribute `applicability_threshold`; NaN where nodata.
    timeline
        Maps of the periods, where the survey has periods.
    register
        Licences and the like that mines are held against, where the survey has some.
    rasters
        All rasters of the store, that of the map among them.
    sources
        Those that the map was made from.
    missing
        Label of a source that the survey lacks to the features that are left out with it.
    model
        What classified the map, in a few words.
    areas
        Areas with intervals, as `minecover areas` wrote them for this map.
    accuracy
        The accuracy document: `splits`, `leakage`, `regions`, `smoothing`, `protocol`.
    selection
        The selection document: `method`, `names`, `chosen`, `ranks`, `scores`, `redundant`.
    groups
        Name of a layer to its season (or None) and its group.
    observations
        Clear observations, by source and season.
    samples
        `given`, `used`, `classes` (name to count), `dropped` (reason to count); `block_metres`,
        the edge of a spatial block; `autocorrelation_range` in metres, where it was found from
        that; `warnings`, sentences on what the folds lack.
    true_colour
        What a picture of the ground is made from.
    shown
        What the map page shows of the cube, and after it of the stored features.
    stages
        What ran: `stage`, `tiles`, and `skipped` with the reason of each tile; not how long it
        took, which would differ in every run.
    versions
        Library to version.
    derived_from
        Addresses of the items that the map was made from.
    manifest
        Fingerprint of the frozen manifest.
    left_out
        Items of the catalog that were not used: name of the source and why.
    files
        All files that are published together, in their order.
    paths
        Name of a file that is written already to where it lies.
    results
        Name of a product that is written already to what its `write` returned.
    """

    name: str
    grid: Grid
    classes: tuple[LandUseClass, ...]
    seasons: Mapping[str, tuple[str, ...]]
    map: Layers
    title: str = ""
    author: str = ""
    mines: MineSettings = field(default_factory=MineSettings)
    timeline: Timeline | None = None
    register: Register | None = None
    rasters: Sequence[Layers] = ()
    sources: tuple[SourceFacts, ...] = ()
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    model: str = ""
    accuracy: Mapping[str, Json] | None = None
    areas: Mapping[str, Json] | None = None
    selection: Mapping[str, Json] | None = None
    groups: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    observations: Sequence[Observations] = ()
    samples: Mapping[str, Json] | None = None
    true_colour: TrueColour | None = None
    shown: Sequence[Shown] = ()
    stages: Sequence[Mapping[str, Json]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    derived_from: Sequence[str] = ()
    manifest: str | None = None
    left_out: Sequence[tuple[str, str]] = ()
    files: tuple[File, ...] = ()
    paths: Mapping[str, Path] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)

    @property
    def days(self) -> tuple[str, str]:
        """First and last day of the seasons, YYYY-MM-DD."""
        ranges = [part.split("/") for parts in self.seasons.values() for part in parts]
        return min(first for first, _ in ranges), max(last for _, last in ranges)

    @property
    def simulated(self) -> tuple[str, ...]:
        """Labels of the sources whose data was simulated; empty: all was observed."""
        return tuple(source.label for source in self.sources if source.simulated)

    def __contains__(self, product: Product[Any]) -> bool:
        """Tell whether a product is written already."""
        return product.name in self.results

    def result(self, product: Product[Result]) -> Result:
        """Give what the `write` of a product returned that is written already.

        Raises
        ------
        SurveyError
            It is not, because the product that asks does not name it in `requires`.
        """
        if product not in self:
            raise SurveyError(
                f"product {product.name!r} is not written yet; a product that reads it must name "
                "it in `requires`"
            )
        result: Result = self.results[product.name]
        return result

    def after(
        self, product: Product[Result], paths: Mapping[str, Path], result: Result
    ) -> Publication:
        """Return the publication for the products that follow one that is written."""
        return replace(
            self,
            paths={**self.paths, **paths},
            results={**self.results, product.name: result},
        )


class Product(ABC, Generic[Result]):
    """Files that a survey publishes.

    Attributes
    ----------
    name
        As the survey's `products` and the registry have it.
    requires
        Names of products that it reads, and that are therefore written before it.
    last
        Whether it describes all others and is therefore written, and appears, after them.
    highlights
        What people open first: a word for it to the name of the file, which the command line
        shows after a run.
    """

    name: str
    requires: tuple[str, ...] = ()
    last: bool = False
    highlights: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def files(self, publication: Publication) -> tuple[File, ...]:
        """List the files that it writes; none where the publication has nothing to write."""

    @abstractmethod
    def write(self, publication: Publication, paths: Mapping[str, Path]) -> Result:
        """Write the files.

        Parameters
        ----------
        publication
            What may be used, products before this one included.
        paths
            Name of each of `files` to where it is written.

        Returns
        -------
        What products after this one may use, for example areas that were counted on the way.
        """
