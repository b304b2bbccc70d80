"""QGIS style of outlines: the survey's colours by class, and labels, inside the GeoPackage itself.

QGIS finds a style in the table `layer_styles` (`f_table_schema` empty rather than NULL, and
`update_time` set).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio

from minecover.samples.classes import LandUseClass

__all__ = ["add_style", "category_style", "polygon_style"]

TABLE = "layer_styles"

LABEL = "concat(\"id\", '\\n', round(\"area_ha\", 1), ' ha')"
"""Number and area of each outline."""


def polygon_style(classes: Sequence[LandUseClass], *, labels: bool) -> ET.Element:
    """Fill polygons by their column `class`, and label them with number and area.

    Parameters
    ----------
    classes
        Those that the layer can have, with their colours.
    labels
        Whether they are labelled.
    """
    colours = {item.name: item.colour for item in classes}
    return category_style("class", colours, LABEL if labels else None)


def category_style(attribute: str, colours: Mapping[str, str], label: str | None) -> ET.Element:
    """Fill polygons by a column of texts.

    Parameters
    ----------
    attribute
        The column.
    colours
        Its values, each with its colour, as #rrggbb.
    label
        Expression of QGIS; None: there are no labels.
    """
    root = ET.Element(
        "qgis",
        version="3.22.16",
        styleCategories="Symbology|Labeling",
        labelsEnabled=str(int(label is not None)),
    )
    renderer = ET.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=attribute, symbollevels="0"
    )
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for number, (value, colour) in enumerate(colours.items()):
        name = str(number)
        ET.SubElement(categories, "category", symbol=name, value=value, label=value, render="true")
        _add_fill(symbols, name, colour)
    if label is not None:
        _add_labels(root, label)
    return root


def add_style(path: Path, layer: str, style: ET.Element, day: str) -> None:
    """Write a style into a GeoPackage, as the default of one of its layers.

    Parameters
    ----------
    path
        Of the GeoPackage.
    layer
        Its layer.
    style
        As `polygon_style` makes it.
    day
        YYYY-MM-DD, said to be that of the last change: equal input gives equal bytes.
    """
    ET.indent(style)
    row = {
        "f_table_catalog": "",
        "f_table_schema": "",
        "f_table_name": layer,
        "f_geometry_column": "geom",
        "styleName": layer,
        "styleQML": ET.tostring(style, encoding="unicode"),
        "styleSLD": "",
        "useAsDefault": True,
        "description": "colours of the survey's classes",
        "owner": "",
        "ui": "",
        "update_time": pd.Timestamp(f"{day}T00:00:00", tz="UTC"),
    }
    frame = pd.DataFrame({name: [value] for name, value in row.items()})
    frame["useAsDefault"] = frame["useAsDefault"].astype(np.bool_)
    pyogrio.write_dataframe(frame, path, layer=TABLE, driver="GPKG", append=True)


def _add_fill(symbols: ET.Element, name: str, colour: str) -> None:
    symbol = ET.SubElement(symbols, "symbol", type="fill", name=name, alpha="1", force_rhr="0")
    layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill"}, enabled="1", locked="0")
    _options(
        layer,
        ("style", "solid"),
        ("color", _rgba(colour)),
        ("outline_style", "solid"),
        ("outline_color", "20,28,26,255"),
        ("outline_width", "0.26"),
        ("outline_width_unit", "MM"),
    )


def _add_labels(root: ET.Element, label: str) -> None:
    settings = ET.SubElement(
        ET.SubElement(root, "labeling", type="simple"), "settings", calloutType="simple"
    )
    text = ET.SubElement(
        settings,
        "text-style",
        fieldName=label,
        isExpression="1",
        fontSize="8",
        fontSizeUnit="Point",
        textColor="20,28,26,255",
        textOpacity="1",
    )
    ET.SubElement(
        text,
        "text-buffer",
        bufferDraw="1",
        bufferSize="0.8",
        bufferSizeUnits="MM",
        bufferColor="255,255,255,255",
        bufferOpacity="1",
    )
    ET.SubElement(settings, "placement", placement="1")
    # outlines too small for a label have none, rather than one over their neighbours
    ET.SubElement(settings, "rendering", drawLabels="1", obstacle="1", fontMinPixelSize="3")


def _options(parent: ET.Element, *pairs: tuple[str, str]) -> None:
    options = ET.SubElement(parent, "Option", type="Map")
    for name, value in pairs:
        ET.SubElement(options, "Option", type="QString", name=name, value=value)


def _rgba(colour: str) -> str:
    return ",".join(str(part) for part in (*bytes.fromhex(colour[1:]), 255))
