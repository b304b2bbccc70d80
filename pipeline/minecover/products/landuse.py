"""The map as cloud-optimized GeoTIFFs, written in one pass over its tiles.

=====================  =======  =======  ====================================================
file                   type     nodata   values
=====================  =======  =======  ====================================================
``landuse.tif``        uint8    0        class codes of the survey, with colours and names
``probability.tif``    float32  NaN      one band a class in the survey's order, 0 to 1,
                                         rounded to multiples of 1/4096
``entropy.tif``        float32  NaN      Shannon entropy in bits, 0 to log2 of the number of
                                         classes, rounded to multiples of 1/4096
``applicability.tif``  float32  NaN      dissimilarity index, 0 and more, and the tag
                                         ``threshold``, beyond which the map is not to be
                                         trusted, rounded to multiples of 1/4096; only where
                                         the map has that layer
=====================  =======  =======  ====================================================

Probabilities stay float32 so that no reader needs to know a scale. The rounding (2^-12, at most
0.00013 off, far below the accuracy of any classifier) leaves zeros where float32 would hold noise,
which is what makes the files small. Each tile is cut to the area. Equal maps give equal bytes.
Rasters of a map that was made from simulated data carry the tag ``SIMULATED``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from rasterio.io import DatasetWriter

from minecover.arrays import BoolArray, Float32Array
from minecover.errors import DataError
from minecover.geography.grid import Tile
from minecover.geography.ground_area import Surface
from minecover.products.areas import ClassArea, MapAreas, MapTile
from minecover.products.cog import MEDIA_TYPE, Raster, writing_cogs
from minecover.products.colour_table import colour_table
from minecover.products.product import File, Product, Publication
from minecover.samples.classes import LandUseClass
from minecover.simulated import simulation_tags
from minecover.storage.canonical_json import Json
from minecover.storage.names import MAP_RASTER, probability_layers
from minecover.storage.store import Layers

__all__ = [
    "APPLICABILITY",
    "ENTROPY",
    "LANDUSE",
    "MAP",
    "PROBABILITY",
    "class_codes",
    "describe_classes",
    "threshold_of",
]

MAP, PROBABILITY = "landuse.tif", "probability.tif"
ENTROPY, APPLICABILITY = "entropy.tif", "applicability.tif"

STEP = np.float32(4096)
"""Probabilities, entropy and dissimilarity are kept to 1/4096."""

RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
CLASSIFICATION = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"

FLOATS: dict[str, Json] = {"data_type": "float32", "nodata": "nan"}


class LandUse(Product[MapAreas]):
    """Map, probabilities, entropy and dissimilarity; its result are the areas of the classes."""

    name = "landuse"
    highlights: ClassVar[Mapping[str, str]] = {"map": MAP}

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List those that the map has layers for."""
        classes = publication.classes
        bits = np.log2(len(classes))
        files = [
            _file(
                publication, MAP, "Land use", ("data",),
                {
                    "data_type": "uint8",
                    "nodata": 0,
                    "classification:classes": _classification(classes),
                },
                CLASSIFICATION,
            ),
            _file(
                publication, PROBABILITY, "Probability of each class", ("data",),
                {**FLOATS, "bands": [{"name": item.name} for item in classes]},
            ),
            _file(
                publication, ENTROPY, "Entropy of the class probabilities",
                ("data", "uncertainty"),
                {
                    **FLOATS,
                    "unit": "bit",
                    "description": f"Shannon entropy, 0 to {bits:.3f} bits",
                },
            ),
        ]  # fmt: skip
        if _has_dissimilarity(publication.map):
            text = (
                "Dissimilarity index (10.1111/2041-210X.13650); values above the file's tag "
                "`threshold` are outside the area of applicability"
            )
            title, roles = "Dissimilarity to the training samples", ("data", "uncertainty")
            fields = {**FLOATS, "description": text}
            files.append(_file(publication, APPLICABILITY, title, roles, fields))
        return tuple(files)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> MapAreas:
        """Write the rasters in one pass; count the areas on the way.

        Raises
        ------
        DataError
            The map holds a code that no class of the survey has.
        StoreError
            A layer is missing, or a tile cannot be read back as it was written.
        """
        layers, grid, classes = publication.map, publication.grid, publication.classes
        threshold = threshold_of(layers)
        areas = MapAreas({item.name: ClassArea() for item in classes}, threshold=threshold)
        surface = Surface(grid)
        rasters = _rasters(publication, paths, threshold)
        with writing_cogs(grid, rasters) as writers:
            for tile in grid.tiles:
                window = grid.window(tile)
                read = _read_tile(publication, tile)
                areas.count(read, classes, surface.pixel_hectares(window))
                for writer, values in zip(writers, _bands(read), strict=True):
                    writer.write(window, values)
        return areas


LANDUSE = LandUse()


def threshold_of(layers: Layers) -> float | None:
    """Dissimilarity beyond which a pixel is outside the area of applicability; None: no layer."""
    known = _has_dissimilarity(layers)
    return float(layers.attributes["applicability_threshold"]) if known else None


def _has_dissimilarity(layers: Layers) -> bool:
    return "dissimilarity" in layers.names


def _read_tile(publication: Publication, tile: Tile) -> MapTile:
    """Read a tile of the map, cut to the area and rounded."""
    grid, classes = publication.grid, publication.classes
    derived = ["entropy", *(["dissimilarity"] if _has_dissimilarity(publication.map) else [])]
    names = ["landuse", *derived, *probability_layers(item.name for item in classes)]
    window = grid.window(tile)
    inside = grid.area_mask(window)
    codes, *values = publication.map.read(window, names)
    entropy, *others = _cut(np.stack(values), inside)
    return MapTile(
        codes=class_codes(codes, inside, classes, f"{MAP_RASTER}: {tile.name}"),
        inside=inside,
        probability=np.stack(others[len(derived) - 1 :]),
        entropy=entropy,
        dissimilarity=others[0] if len(derived) > 1 else None,
    )


def class_codes(
    values: npt.NDArray[Any], inside: BoolArray, classes: Sequence[LandUseClass], where: str
) -> npt.NDArray[np.uint8]:
    """Give codes of classes as they are published: uint8, 0 for nodata and outside the area.

    Raises
    ------
    DataError
        One is the code of no class; `where` says of what.
    """
    known = [0, *(item.code for item in classes)]
    filled = np.where(inside & np.isfinite(values), values, values.dtype.type(0))
    if not np.isin(filled, known).all():
        odd = sorted({float(value) for value in filled.ravel()} - set(known))[:3]
        raise DataError(
            f"{where} holds {odd}, which are codes of no class of the survey; "
            "classify the area again with the classes of this survey"
        )
    return filled.astype(np.uint8)


def _cut(values: Float32Array, inside: BoolArray) -> Float32Array:
    rounded = np.round(values * STEP) / STEP
    return np.where(inside, rounded, np.float32(np.nan)).astype(np.float32)


def _bands(tile: MapTile) -> list[npt.NDArray[np.generic]]:
    """Give what goes into each raster, (band, y, x)."""
    bands: list[npt.NDArray[np.generic]] = [tile.codes[None], tile.probability, tile.entropy[None]]
    return bands if tile.dissimilarity is None else [*bands, tile.dissimilarity[None]]


def _rasters(
    publication: Publication, paths: Mapping[str, Path], threshold: float | None
) -> list[Raster]:
    classes = publication.classes
    describe = {
        MAP: partial(describe_classes, classes=classes),
        PROBABILITY: partial(_describe_probability, classes=classes),
        ENTROPY: partial(_describe_entropy, classes=classes),
        APPLICABILITY: partial(_describe_applicability, threshold=threshold),
    }

    def described(name: str, dataset: DatasetWriter) -> None:
        describe[name](dataset)
        dataset.update_tags(**simulation_tags(publication.simulated))

    bands = {PROBABILITY: len(classes)}
    return [
        Raster.of_codes(path, partial(described, name))
        if name == MAP
        else Raster(path, bands.get(name, 1), partial(described, name))
        for name, path in paths.items()
    ]


def describe_classes(dataset: DatasetWriter, classes: Sequence[LandUseClass]) -> None:
    """Write colours and names of classes into an open file of their codes."""
    legend = {str(item.code): item.name for item in classes}
    dataset.set_band_description(1, "land use")
    dataset.write_colormap(1, colour_table(classes))
    dataset.update_tags(1, CLASSES=json.dumps(legend, ensure_ascii=False))
    dataset.update_tags(1, **{f"CLASS_{code}": text for code, text in legend.items()})


def _describe_probability(dataset: DatasetWriter, classes: Sequence[LandUseClass]) -> None:
    for band, item in enumerate(classes, start=1):
        dataset.set_band_description(band, item.name)
        dataset.update_tags(band, CODE=item.code)
    dataset.update_tags(QUANTITY="probability of each class", STEP="1/4096")


def _describe_entropy(dataset: DatasetWriter, classes: Sequence[LandUseClass]) -> None:
    dataset.set_band_description(1, "entropy")
    dataset.set_band_unit(1, "bit")
    dataset.update_tags(
        QUANTITY="Shannon entropy of the class probabilities",
        MAXIMUM=f"{np.log2(len(classes)):.6f}",
        STEP="1/4096",
    )


def _describe_applicability(dataset: DatasetWriter, threshold: float | None) -> None:
    dataset.set_band_description(1, "dissimilarity")
    dataset.update_tags(
        QUANTITY="dissimilarity index to the training samples (10.1111/2041-210X.13650)",
        threshold=f"{threshold:.6f}",
        STEP="1/4096",
    )


def _file(
    publication: Publication,
    name: str,
    title: str,
    roles: tuple[str, ...],
    fields: Mapping[str, Json],
    *extensions: str,
) -> File:
    """One of the rasters; its asset is called as the file is."""
    common = {
        "raster:spatial_resolution": publication.grid.resolution,
        "raster:sampling": "area",
    }
    return File(
        name=name,
        title=title,
        media_type=MEDIA_TYPE,
        key=name.partition(".")[0],
        roles=roles,
        fields={**common, **fields},
        extensions=(RASTER, *extensions),
    )


def _classification(classes: Sequence[LandUseClass]) -> list[dict[str, Json]]:
    nodata = {"value": 0, "name": "nodata", "description": "no data", "nodata": True}
    return [
        nodata,
        *(
            {
                "value": item.code,
                "name": _machine_name(item),
                "description": item.name,
                "color_hint": item.colour[1:].upper(),
            }
            for item in classes
        ),
    ]


def _machine_name(item: LandUseClass) -> str:
    """Give the name as the classification extension allows it: ASCII letters, digits, - and _."""
    return item.name if re.fullmatch(r"[0-9A-Za-z_-]+", item.name) else f"class-{item.code}"
