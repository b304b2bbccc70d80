"""What a source is: what observes the ground, how its items are found and become layers.

Everything about one source is in one file and in its line of the registry: its section of the
survey file, its layers, how items are found and how those of a season become one image, and the
figures by which a plan is made before anything was looked up. What sources of a kind have in
common is in `optical`, `radar` and `still`, for those of other packages too.

This module is imported with every survey file, so it imports nothing that takes long.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from minecover.arrays import Float32Array
from minecover.layers import Layer, raster_layers
from minecover.settings import Section
from minecover.storage.raster_array import RasterArray, cube_arrays, names_of

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from minecover.geography.grid import Grid, Window
    from minecover.sources.manifest import Item
    from minecover.sources.reader import Reader
    from minecover.sources.search import Search

__all__ = ["Scenes", "Source", "arrays_of", "cube_layers", "own_files"]

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Scenes:
    """What a source composes into layers: items, and the window on which they are wanted.

    Attributes
    ----------
    reader
        Reads windows of the items' rasters.
    items
        Of the source and of one season (or of a source that has none) that touch the window,
        sorted by overpass and rank.
    grid, window
        Where they are wanted.
    threads
        Threads that computations of this tile may use.
    room
        (y, x) of each layer, into which the image may be written rather than into memory of its
        own; empty: there is none.
    """

    reader: Reader
    items: tuple[Item, ...]
    grid: Grid
    window: Window
    threads: int = 1
    room: tuple[Float32Array, ...] = ()

    @property
    def target(self) -> GeoBox:
        """The window's pixels."""
        return self.grid.window_geobox(self.window)

    def part(self, window: Window) -> Scenes:
        """Cut to a smaller window."""
        left, bottom, right, top = self.grid.bounds(window)
        touching = (
            item
            for item in self.items
            if item.bounds[0] < right
            and item.bounds[2] > left
            and item.bounds[1] < top
            and item.bounds[3] > bottom
        )
        return replace(self, items=tuple(touching), window=window, room=())


class Source(ABC, Generic[S]):
    """One source of observations, with its settings in a survey.

    Parameters
    ----------
    settings
        Its section of the survey file, validated.

    Attributes
    ----------
    name
        Its key in the survey's `sources`.
    label
        What it is called in reports and in the schema of survey files.
    settings_type
        Its section of the survey file.
    extra
        Whether it brings more than the features of the paper: a survey without it lacks nothing.
    required
        Whether every survey has it, with its defaults where the survey does not name it.
    path_keys
        Keys of its section that name a raster file.
    work_keys
        Keys of its section that decide how much there is to compute for the same items.
    native_pixels
        Native pixels of all files of an item for one pixel of 10 m.
    files_per_item
        Files of an item, each opened for every tile.
    revisit_days
        Days between two observations of one place; None: it is observed once.
    usable_share
        Share of the observations that are found usable.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    settings_type: ClassVar[type[Section]]
    extra: ClassVar[bool] = False
    required: ClassVar[bool] = False
    path_keys: ClassVar[tuple[str, ...]] = ()
    work_keys: ClassVar[tuple[str, ...]] = ()
    native_pixels: ClassVar[float]
    files_per_item: ClassVar[int]
    revisit_days: ClassVar[float | None] = None
    usable_share: ClassVar[float] = 1.0

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @abstractmethod
    def layers(self) -> tuple[Layer, ...]:
        """Layers of the cube that it brings, in the order in which `compose` returns them.

        All of a source are seasonal, or none is.
        """

    @abstractmethod
    def find(self, search: Search) -> list[Item]:
        """Find the items that a survey needs.

        Parameters
        ----------
        search
            Looks items up in the survey's catalog, over its area and seasons, and freezes them.

        Raises
        ------
        SurveyError
            There is no such collection, or nothing in a season.
        DataError
            An item lacks an asset, a grid, or what turns its numbers into values.
        TryAgainError
            The catalog does not answer.
        """

    @abstractmethod
    def compose(self, scenes: Scenes) -> Float32Array | tuple[Float32Array, ...]:
        """Make one image of the items of a season, or of all where there are no seasons.

        A pixel's values must not depend on the window in which they are computed.

        Returns
        -------
        (layer, y, x) float32 in the order of `layers`, NaN where nothing was observed; or
        `scenes.room`, filled.

        Raises
        ------
        DataError
            A raster is missing or damaged.
        TryAgainError
            A server does not answer.
        """

    def lacking(self) -> tuple[Layer, ...]:
        """Layers that its sensor has and the survey's data has not, as the survey says."""
        return ()

    @property
    def is_seasonal(self) -> bool:
        """Whether it is composed once a season."""
        return self.layers()[0].seasonal

    def features(self) -> tuple[str, ...]:
        """Names of the features that layers of it are, without any computation."""
        return tuple(layer.feature for layer in self.layers() if layer.feature is not None)

    def own_files(self) -> dict[str, str]:
        """Files that its section of the survey names: the survey's key, and path or URL."""
        named = {key: getattr(self.settings, key) for key in self.path_keys}
        return {f"sources.{self.name}.{key}": path for key, path in named.items() if path}


def own_files(sources: Sequence[Source[Any]]) -> dict[str, str]:
    """Files that a survey names for its sources: the survey's key, and path or URL."""
    return {key: path for source in sources for key, path in source.own_files().items()}


def arrays_of(sources: Sequence[Source[Any]], seasons: Collection[str]) -> tuple[RasterArray, ...]:
    """Arrays of the cube of some sources; see `storage.raster_array.cube_arrays`."""
    return cube_arrays(seasons, [layer for source in sources for layer in source.layers()])


def cube_layers(sources: Sequence[Source[Any]], seasons: Collection[str]) -> dict[str, Layer]:
    """Layers of the cube by name in order: array after array, in each season by season."""
    own = [layer for source in sources for layer in source.layers()]
    contents = {layer.name: layer.content for layer in raster_layers(seasons, own)}
    return {name: contents[name] for name in names_of(arrays_of(sources, seasons))}
