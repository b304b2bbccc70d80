"""QGIS style of points to label: a form with one choice that does not show the map's class.

Whoever labels a point must not see what the map says there, or the labels lean towards the map
(Olofsson et al. 2014, section 4.1: the reference classification is made independently).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from minecover.samples.classes import LandUseClass

__all__ = ["write_design_style"]

HIDDEN = ("stratum", "pixels", "inclusion", "weight")
"""Columns that show the class on the map."""

OPEN, DONE = "#e8552d", "#2f9e6e"


def write_design_style(path: Path, classes: Sequence[LandUseClass], columns: Sequence[str]) -> None:
    """Write a QGIS layer style that is found beside the GeoPackage by its name.

    Points not yet labelled are orange, labelled ones green; they are crosses, which hide little
    of the ground.

    Parameters
    ----------
    path
        Of the style, `design.qml` beside `design.gpkg`.
    classes
        Choices of the columns of the true class.
    columns
        Their names.
    """
    root = ET.Element("qgis", styleCategories="Symbology|Fields|Forms|AttributeTable")
    _fields(root, classes, columns)
    _symbols(root, columns)
    _table(root, columns)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _fields(root: ET.Element, classes: Sequence[LandUseClass], columns: Sequence[str]) -> None:
    configuration = ET.SubElement(root, "fieldConfiguration")
    for name in HIDDEN:
        field = ET.SubElement(configuration, "field", name=name)
        ET.SubElement(ET.SubElement(field, "editWidget", type="Hidden"), "config")
    for column in columns:
        field = ET.SubElement(configuration, "field", name=column)
        config = ET.SubElement(ET.SubElement(field, "editWidget", type="ValueMap"), "config")
        options = ET.SubElement(config, "Option", type="Map")
        listed = ET.SubElement(options, "Option", type="List", name="map")
        for label, value in [("not labelled", ""), *((c.name, c.name) for c in classes)]:
            entry = ET.SubElement(listed, "Option", type="Map")
            ET.SubElement(entry, "Option", type="QString", name=label, value=value)
    editable = ET.SubElement(root, "editable")
    for name in ("id", *HIDDEN):
        ET.SubElement(editable, "field", name=name, editable="0")
    for column in columns:
        ET.SubElement(editable, "field", name=column, editable="1")


def _symbols(root: ET.Element, columns: Sequence[str]) -> None:
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", symbollevels="0")
    rules = ET.SubElement(renderer, "rules", key="rules")
    empty = " OR ".join(f'"{column}" IS NULL OR "{column}" = \'\'' for column in columns)
    symbols = ET.SubElement(renderer, "symbols")
    for index, (label, test, colour) in enumerate(
        (("to label", empty, OPEN), ("labelled", f"NOT ({empty})", DONE))
    ):
        ET.SubElement(
            rules, "rule", key=f"rule{index}", symbol=str(index), label=label, filter=test
        )
        symbol = ET.SubElement(symbols, "symbol", type="marker", name=str(index), alpha="1")
        layer = ET.SubElement(symbol, "layer", {"class": "SimpleMarker"}, enabled="1")
        red, green, blue = bytes.fromhex(colour[1:])
        options = ET.SubElement(layer, "Option", type="Map")
        for name, value in (
            ("name", "cross2"),
            ("color", f"{red},{green},{blue},255"),
            ("outline_color", f"{red},{green},{blue},255"),
            ("outline_width", "0.5"),
            ("size", "3"),
        ):
            ET.SubElement(options, "Option", type="QString", name=name, value=value)


def _table(root: ET.Element, columns: Sequence[str]) -> None:
    listed = ET.SubElement(ET.SubElement(root, "attributetableconfig"), "columns")
    for name in ("id", *columns, *HIDDEN):
        hidden = "1" if name in HIDDEN else "0"
        ET.SubElement(listed, "column", type="field", name=name, hidden=hidden)
