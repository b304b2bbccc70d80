"""How the rasters are shown: names and colours, in files beside each.

GDAL and what is built on it read category names and the attribute table from
``landuse.tif.aux.xml``, QGIS reads names and colours of each raster from a ``.qml`` of its name.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path

from minecover.products.landuse import APPLICABILITY, ENTROPY, MAP, PROBABILITY, threshold_of
from minecover.products.palette import CONFIDENCE, DOUBT
from minecover.products.product import File, Product, Publication
from minecover.products.raster_style import (
    Entry,
    class_style,
    ramp_style,
    threshold_style,
    write_xml,
)

__all__ = ["LEGEND", "attribute_table", "raster_styles"]

GDAL = f"{MAP}.aux.xml"

MOST_CATEGORIES = 10_000

_COLUMNS = (("Value", 0, 5), ("Class", 2, 2), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8))
"""Name, GDALRATFieldType (0 integer, 2 string) and GDALRATFieldUsage of the table's columns."""


class Legend(Product[None]):
    """Names and colours for GDAL and QGIS."""

    name = "legend"

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List the legend, and a style of each raster that the map has layers for."""
        media, roles = "application/xml", ("metadata",)
        styles = (
            File(
                _style_of(name),
                f"Style of {name} for QGIS",
                media,
                "style" if name == MAP else f"style-{name.removesuffix('.tif')}",
                roles,
            )
            for name in raster_styles(publication)
        )
        return (File(GDAL, "Legend for GDAL", media, "legend", roles), *styles)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Write all of them."""
        entries = [(item.code, item.name, item.colour) for item in publication.classes]
        write_xml(paths[GDAL], attribute_table(entries))
        for name, style in raster_styles(publication).items():
            write_xml(paths[_style_of(name)], style)


LEGEND = Legend()


def raster_styles(publication: Publication) -> dict[str, ET.Element]:
    """Name of each raster of the map to its style.

    The probability shown is that of the first class that is a mine, else of the first.
    """
    classes, threshold = publication.classes, threshold_of(publication.map)
    shown = next((place for place, item in enumerate(classes) if item.mine), 0)
    styles = {
        MAP: class_style(classes),
        PROBABILITY: ramp_style(0.0, 1.0, "1", band=shown + 1, colours=CONFIDENCE),
        ENTROPY: ramp_style(0.0, math.log2(len(classes)), "bit", colours=DOUBT),
    }
    if threshold is not None:
        styles[APPLICABILITY] = threshold_style(threshold, "outside the area of applicability")
    return styles


def _style_of(name: str) -> str:
    return f"{name.removesuffix('.tif')}.qml"


def attribute_table(entries: Sequence[Entry]) -> ET.Element:
    """Make GDAL's category names and raster attribute table (persistent auxiliary metadata).

    Category names are a list from 0 on; where values are large there are none.
    """
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    names = {value: name for value, name, _ in entries}
    if max(names) < MOST_CATEGORIES:
        categories = ET.SubElement(band, "CategoryNames")
        for value in range(max(names) + 1):
            ET.SubElement(categories, "Category").text = names.get(value, "")
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for index, (name, kind, usage) in enumerate(_COLUMNS):
        column = ET.SubElement(table, "FieldDefn", index=str(index))
        ET.SubElement(column, "Name").text = name
        ET.SubElement(column, "Type").text = str(kind)
        ET.SubElement(column, "Usage").text = str(usage)
    for index, (value, name, colour) in enumerate(entries):
        row = ET.SubElement(table, "Row", index=str(index))
        for text in (value, name, *bytes.fromhex(colour[1:])):
            ET.SubElement(row, "F").text = str(text)
    return root
