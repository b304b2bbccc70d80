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
from minecover.products.product import File, Product, Publication
from minecover.products.raster_style import class_style, ramp_style, threshold_style, write_xml
from minecover.samples.classes import LandUseClass

__all__ = ["LEGEND", "raster_styles"]

GDAL = f"{MAP}.aux.xml"

CONFIDENCE = ("#f7f4f2", "#d9d3ea", "#a294c6", "#5b4b8a")
"""From no probability to certainty."""

DOUBT = ("#0b0724", "#57157e", "#b5367a", "#fb8761", "#fcfdbf")
"""From certain to undecided, as in the report (after Matplotlib's magma)."""

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
        write_xml(paths[GDAL], _gdal_metadata(publication.classes))
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


def _gdal_metadata(classes: Sequence[LandUseClass]) -> ET.Element:
    """Make GDAL's category names and raster attribute table (persistent auxiliary metadata)."""
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    names = {item.code: item.name for item in classes}
    categories = ET.SubElement(band, "CategoryNames")
    for code in range(max(names) + 1):
        ET.SubElement(categories, "Category").text = names.get(code, "")
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for index, (name, kind, usage) in enumerate(_COLUMNS):
        column = ET.SubElement(table, "FieldDefn", index=str(index))
        ET.SubElement(column, "Name").text = name
        ET.SubElement(column, "Type").text = str(kind)
        ET.SubElement(column, "Usage").text = str(usage)
    for index, item in enumerate(classes):
        row = ET.SubElement(table, "Row", index=str(index))
        for value in (item.code, item.name, *bytes.fromhex(item.colour[1:])):
            ET.SubElement(row, "F").text = str(value)
    return root
