"""Names, units and colours: inside the rasters, and in files beside ``landuse.tif``.

GDAL and what is built on it read category names and the attribute table from
``landuse.tif.aux.xml``, QGIS reads names and colours from ``landuse.qml``.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rasterio.io import DatasetWriter

from minecover.samples.classes import LandUseClass

__all__ = ["colour_table", "describe", "write_auxiliary", "write_qgis_style"]

_COLUMNS = (("Value", 0, 5), ("Class", 2, 2), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8))
"""Name, GDALRATFieldType (0 integer, 2 string) and GDALRATFieldUsage of the table's columns."""


def describe(
    dataset: DatasetWriter,
    name: str,
    classes: Sequence[LandUseClass],
    threshold: float | None = None,
) -> None:
    """Write names, units, colours and the threshold into the raster of that file name."""
    if name == "landuse.tif":
        legend = {str(item.code): item.name for item in classes}
        dataset.set_band_description(1, "land use")
        dataset.write_colormap(1, colour_table(classes))
        dataset.update_tags(1, CLASSES=json.dumps(legend, ensure_ascii=False))
        dataset.update_tags(1, **{f"CLASS_{code}": text for code, text in legend.items()})
    elif name == "probability.tif":
        for band, item in enumerate(classes, start=1):
            dataset.set_band_description(band, item.name)
            dataset.update_tags(band, CODE=item.code)
        dataset.update_tags(QUANTITY="probability of each class", STEP="1/4096")
    elif name == "applicability.tif":
        dataset.set_band_description(1, "dissimilarity")
        dataset.update_tags(
            QUANTITY="dissimilarity index to the training samples (10.1111/2041-210X.13650)",
            threshold=f"{threshold:.6f}",
            STEP="1/4096",
        )
    else:
        dataset.set_band_description(1, "entropy")
        dataset.set_band_unit(1, "bit")
        dataset.update_tags(
            QUANTITY="Shannon entropy of the class probabilities",
            MAXIMUM=f"{np.log2(len(classes)):.6f}",
            STEP="1/4096",
        )


def colour_table(classes: Sequence[LandUseClass]) -> dict[int, tuple[int, int, int, int]]:
    """Code to red, green, blue, alpha (0-255); 0 is transparent."""
    table = {0: (0, 0, 0, 0)}
    for item in classes:
        red, green, blue = bytes.fromhex(item.colour[1:])
        table[item.code] = (red, green, blue, 255)
    return table


def write_auxiliary(path: Path, classes: Sequence[LandUseClass]) -> None:
    """Write GDAL's category names and raster attribute table (persistent auxiliary metadata)."""
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
    _write(path, root)


def write_qgis_style(path: Path, classes: Sequence[LandUseClass]) -> None:
    """Write a QGIS layer style: one colour and name a class."""
    root = ET.Element("qgis", styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    renderer = ET.SubElement(
        pipe, "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1"
    )
    palette = ET.SubElement(renderer, "colorPalette")
    for item in classes:
        ET.SubElement(
            palette,
            "paletteEntry",
            value=str(item.code),
            label=item.name,
            color=item.colour,
            alpha="255",
        )
    _write(path, root)


def _write(path: Path, root: ET.Element) -> None:
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
