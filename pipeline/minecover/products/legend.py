"""The legend of the map: names and colours of the classes, in files beside ``landuse.tif``.

GDAL and what is built on it read category names and the attribute table from
``landuse.tif.aux.xml``, QGIS reads names and colours from ``landuse.qml``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path

from minecover.products.product import File, Product, Publication
from minecover.products.raster_style import class_style, write_xml
from minecover.samples.classes import LandUseClass

__all__ = ["LEGEND", "colour_table"]

GDAL, QGIS = "landuse.tif.aux.xml", "landuse.qml"

_COLUMNS = (("Value", 0, 5), ("Class", 2, 2), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8))
"""Name, GDALRATFieldType (0 integer, 2 string) and GDALRATFieldUsage of the table's columns."""


class Legend(Product[None]):
    """Names and colours for GDAL and QGIS."""

    name = "legend"

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List both, whatever the map."""
        del publication
        media, roles = "application/xml", ("metadata",)
        return (
            File(GDAL, "Legend for GDAL", media, "legend", roles),
            File(QGIS, "Style for QGIS", media, "style", roles),
        )

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Write both."""
        write_xml(paths[GDAL], _gdal_metadata(publication.classes))
        write_xml(paths[QGIS], class_style(publication.classes))


LEGEND = Legend()


def colour_table(classes: Sequence[LandUseClass]) -> dict[int, tuple[int, int, int, int]]:
    """Code to red, green, blue, alpha (0-255); 0 is transparent."""
    table = {0: (0, 0, 0, 0)}
    for item in classes:
        red, green, blue = bytes.fromhex(item.colour[1:])
        table[item.code] = (red, green, blue, 255)
    return table


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
