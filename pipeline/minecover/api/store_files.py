"""Layers of a survey's store as files: which layers share one, how it is called, and shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path

import numpy as np
from shapely.geometry import box

from minecover.api.areas import Area, area_geometry_in, window_of
from minecover.api.colours import classes_of, shown_bands
from minecover.api.results import Results
from minecover.api.selection import Selection, StoredLayer, chosen_layers, open_layers_of
from minecover.arrays import Float32Array
from minecover.errors import SurveyError
from minecover.geography.grid import Grid, Window
from minecover.ledger.status import survey_status
from minecover.products.export import BLOCK_BYTES, Band, ExportFile, write_files
from minecover.simulated import simulation_tags
from minecover.sources.manifest import Manifest
from minecover.sources.registry import SOURCES
from minecover.storage.names import manifest_of
from minecover.storage.raster import Raster

__all__ = ["StoreExport", "block_edge", "check_folder"]

PASS = 16
"""Bands that are read together, over all of the area, and written to files of their own."""

BLOCK = 64
"""Edges of blocks are multiples of it: what the store reads at least."""

SHORT = 4
"""Bands whose names are the name of a file."""

STAGES = {"map": "predict", "cube": "cube", "features": "features"}
"""Stage that writes a raster."""


def block_edge(bands: int, itemsize: int = 4) -> int:
    """Edge of blocks of so many bands, in pixels."""
    fitting = int(np.sqrt(BLOCK_BYTES / (itemsize * bands))) // BLOCK
    return BLOCK * min(max(fitting, 1), 512 // BLOCK)


def check_folder(path: Path) -> None:
    """Check that a path, where several files go, is not named as one of them.

    Raises
    ------
    SurveyError
        It is.
    """
    if path.suffix.lower() in (".tif", ".tiff"):
        raise SurveyError(
            f"path: {path}: files of several layers go to a folder; name one, or export a single "
            'array to a .tif, as results.map["entropy"]'
        )


@dataclass(frozen=True)
class StoreExport:
    """Chosen layers of a store on the part of its grid that is wanted.

    Attributes
    ----------
    results
        Of the store.
    layers
        In the order in which they are wanted.
    grid
        Of the files.
    corner
        Row and column of the grid's first pixel in the store.
    """

    results: Results
    layers: Sequence[StoredLayer]
    grid: Grid
    corner: tuple[int, int]

    @classmethod
    def of(cls, results: Results, selection: Selection, area: Area | None) -> StoreExport:
        """Find layers, and the window that holds an area; None: everything that is stored.

        Raises
        ------
        SurveyError
            A name is not there, or the area does not touch the layers.
        """
        if results.period is None:
            results = results.in_period()
        layers = chosen_layers(results, selection)
        whole = getattr(results, layers[0].raster).odc.geobox
        if area is None:
            return cls(results, layers, Grid(whole, BLOCK, box(*whole.boundingbox)), (0, 0))
        geometry = area_geometry_in(str(whole.crs), area)
        window = window_of(whole, geometry)
        geobox = Grid(whole, BLOCK, geometry).window_geobox(window)
        return cls(results, layers, Grid(geobox, BLOCK, geometry), (window.y0, window.x0))

    def notes(self) -> Iterator[str]:
        """Say which rasters are not complete."""
        survey = self.results.survey
        for raster in dict.fromkeys(layer.raster for layer in self.layers):
            computed = raster == "features" and survey and not survey.features.are_stored
            stage = STAGES["cube" if computed else raster]
            (state,) = survey_status(self.results.store, [stage])
            if state.tiles is not None and state.done < state.tiles:
                yield (
                    f"{raster}: {state.done:,} of {state.tiles:,} tiles are done; the files hold "
                    "nodata in the others"
                )
        named = {name for layer in self.layers for name in layer.codes}
        if named - set(self._class_colours):
            yield (
                "landuse: the store does not know the colours of the classes before they are "
                "published; a palette stands for them (the survey file has them)"
            )

    def write(self, folder: Path) -> Iterator[Path]:
        """Write the files, some in each pass over the area.

        Raises
        ------
        SurveyError
            The folder is named as a GeoTIFF.
        StoreError
            A file cannot be written.
        """
        check_folder(folder)
        for raster, files in groupby(self.files, key=lambda file: file[0]):
            source = open_layers_of(self.results, raster)
            for some in _passes([file for _, file in files]):
                bands = sum(len(file.bands) for file in some)
                grid = Grid(self.grid.geobox, block_edge(bands), self.grid.area)
                yield from write_files(some, grid, partial(self._read, source), folder)

    @property
    def files(self) -> list[tuple[str, ExportFile]]:
        """Raster and description of every file, in order."""
        groups: dict[tuple[str, ...], list[StoredLayer]] = {}
        for layer in self.layers:
            # features are of all kinds; those of an array of another raster belong together
            own = layer.name if layer.raster == "features" else ""
            groups.setdefault((layer.raster, layer.array, layer.season, own), []).append(layer)
        rasters = list(dict.fromkeys(layer.raster for layer in self.layers))
        files = [(key[0], self._file(layers)) for key, layers in groups.items()]
        return sorted(files, key=lambda file: rasters.index(file[0]))

    def _file(self, layers: Sequence[StoredLayer]) -> ExportFile:
        first, bands = layers[0], [layer.band for layer in layers]
        return ExportFile(
            name="_".join(filter(None, (self.results.period, _name(layers)))),
            bands=tuple(Band(layer.name, layer.unit, layer.title) for layer in layers),
            classes=classes_of(first.codes, self._class_colours),
            colours=shown_bands(bands) if first.axis == "band" else None,
            tags=self._tags,
        )

    @cached_property
    def _class_colours(self) -> dict[str, str]:
        return self.results.colours

    @cached_property
    def _tags(self) -> Mapping[str, str]:
        tags = {"SURVEY": str(self.results.identity["name"])}
        store, manifest = self.results.store, manifest_of(self.results.period or "")
        if store.read(manifest) is None:
            return tags
        simulated = Manifest.load(store, manifest).simulated
        labels = [SOURCES[name].label for name in SOURCES.names() if name in simulated]
        return tags | simulation_tags(labels)

    def _read(self, source: Raster, window: Window, names: Sequence[str]) -> Float32Array:
        down, right = self.corner
        place = Window(window.y0 + down, window.y1 + down, window.x0 + right, window.x1 + right)
        return source.read(place, names)


def _passes(files: Sequence[ExportFile]) -> Iterator[list[ExportFile]]:
    """Take files together that have `PASS` bands in all, or a single one that has more."""
    some: list[ExportFile] = []
    for file in files:
        if some and sum(len(each.bands) for each in (*some, file)) > PASS:
            yield some
            some = []
        some.append(file)
    yield some


def _name(layers: Sequence[StoredLayer]) -> str:
    """Name a file: by its layer, by its array where that is whole, else by its bands."""
    first = layers[0]
    if first.raster == "features" or first.depth == 1:
        return first.name
    season = [first.season] if first.season else []
    if len(layers) == first.depth:
        return "_".join([*season, first.array])
    if len(layers) <= SHORT:
        return "_".join([*season, *(layer.band for layer in layers)])
    return "_".join([*season, first.array, f"{len(layers)}_of_{first.depth}"])
