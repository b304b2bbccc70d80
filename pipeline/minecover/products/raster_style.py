"""QGIS styles of rasters: a QML file beside a GeoTIFF, with its name, which QGIS then applies.

Each style is one renderer: colours of classes, three bands as red, green and blue, or a colour ramp
over one band.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from minecover.products.palette import OUTSIDE, SEQUENTIAL, ramp_of
from minecover.samples.classes import LandUseClass

__all__ = [
    "Entry",
    "class_style",
    "colour_style",
    "palette_style",
    "ramp_style",
    "threshold_style",
    "write_xml",
]

Entry = tuple[int, str, str]
"""Value of a pixel, its name and its colour, #rrggbb."""


def class_style(classes: Sequence[LandUseClass]) -> ET.Element:
    """Show the codes of band 1 in the colours of their classes, each under its name."""
    return palette_style([(item.code, item.name, item.colour) for item in classes])


def palette_style(entries: Sequence[Entry]) -> ET.Element:
    """Show the values of band 1 in their colours, each under its name."""
    root, renderer = _renderer("paletted", band="1")
    palette = ET.SubElement(renderer, "colorPalette")
    for value, label, colour in entries:
        ET.SubElement(
            palette, "paletteEntry", value=str(value), label=label, color=colour, alpha="255"
        )
    return root


def colour_style(bands: tuple[int, int, int], low: float, high: float) -> ET.Element:
    """Show three bands as red, green and blue, each from `low` (dark) to `high` (bright)."""
    names = ("red", "green", "blue")
    numbers = {f"{name}Band": str(band) for name, band in zip(names, bands, strict=True)}
    root, renderer = _renderer("multibandcolor", **numbers)
    for name in names:
        contrast = ET.SubElement(renderer, f"{name}ContrastEnhancement")
        for key, value in (("minValue", low), ("maxValue", high)):
            ET.SubElement(contrast, key).text = _number(value)
        ET.SubElement(contrast, "algorithm").text = "StretchToMinimumMaximum"
    return root


def ramp_style(
    low: float, high: float, unit: str, *, band: int = 1, colours: Sequence[str] = ()
) -> ET.Element:
    """Show a band by a colour ramp.

    Parameters
    ----------
    low, high
        Ends of the ramp; without `colours` see `ramp_of`.
    unit
        Of the values.
    band
        Its number, from 1.
    colours
        From low to high, as #rrggbb; none: those that fit the values.
    """
    if not colours:
        colours, low, high = ramp_of(low, high, unit)
    root, shader = _shader(band, low, high, "INTERPOLATED")
    _add_colours(shader, colours, low, high, "" if unit == "1" else f" {unit}")
    return root


def threshold_style(threshold: float, name: str) -> ET.Element:
    """Show band 1 in steps of colour up to a threshold, and in one colour above it.

    Parameters
    ----------
    threshold
        Above 0; values are 0 and more.
    name
        What is said of values above it.
    """
    root, shader = _shader(1, 0.0, threshold, "DISCRETE")
    colours = SEQUENTIAL[1:]
    for place, colour in enumerate(colours, start=1):
        end = threshold * place / len(colours)
        exact = _number(end) if place < len(colours) else repr(threshold)
        _add_item(shader, exact, f"≤ {end:.3g}", colour)
    _add_item(shader, "inf", name, OUTSIDE)
    return root


def write_xml(path: Path, root: ET.Element) -> None:
    """Write a document, one element a line."""
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _renderer(kind: str, **attributes: str) -> tuple[ET.Element, ET.Element]:
    """Begin a style with one renderer; the document and the renderer."""
    root = ET.Element("qgis", styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    given = {"type": kind, **attributes, "opacity": "1", "alphaBand": "-1"}
    return root, ET.SubElement(pipe, "rasterrenderer", given)


def _shader(band: int, low: float, high: float, kind: str) -> tuple[ET.Element, ET.Element]:
    """Begin a style of one band by colours from low to high; the document and the shader."""
    ends = {"classificationMin": _number(low), "classificationMax": _number(high)}
    root, renderer = _renderer("singlebandpseudocolor", band=str(band), **ends)
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType=kind,
        classificationMode="1",
        clip="0",
        minimumValue=_number(low),
        maximumValue=_number(high),
    )
    return root, shader


def _add_item(shader: ET.Element, value: str, label: str, colour: str) -> None:
    ET.SubElement(shader, "item", value=value, label=label, color=colour, alpha="255")


def _add_colours(
    shader: ET.Element, colours: Sequence[str], low: float, high: float, unit: str
) -> None:
    """Add the ramp, from which QGIS makes more steps, and the steps it is shown in."""
    shares = [number / (len(colours) - 1) for number in range(len(colours))]
    ramp = ET.SubElement(shader, "colorramp", type="gradient", name="[source]")
    points = [f"{share:g};{_rgba(colour)}" for share, colour in zip(shares, colours, strict=True)]
    for key, value in (
        ("color1", _rgba(colours[0])),
        ("color2", _rgba(colours[-1])),
        ("discrete", "0"),
        ("rampType", "gradient"),
        ("stops", ":".join(points[1:-1])),
    ):
        ET.SubElement(ramp, "prop", k=key, v=value)
    for share, colour in zip(shares, colours, strict=True):
        at = low + share * (high - low)
        label = f"{at:.4g}" if abs(at) < 10_000 else f"{at:.0f}"
        _add_item(shader, _number(at), f"{label}{unit}", colour)


def _rgba(colour: str) -> str:
    return ",".join(str(part) for part in (*bytes.fromhex(colour[1:]), 255))


def _number(value: float) -> str:
    return f"{value:.6g}"
