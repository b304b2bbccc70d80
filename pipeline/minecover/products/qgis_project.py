"""A project for QGIS that opens everything that is published, each with its style."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyproj

from minecover.products.landuse import APPLICABILITY, ENTROPY, MAP, PROBABILITY
from minecover.products.legend import raster_styles
from minecover.products.mines import MINES
from minecover.products.polygons import POLYGONS
from minecover.products.product import File, Product, Publication
from minecover.products.raster_style import write_xml
from minecover.products.vector_style import polygon_style

__all__ = ["PROJECT"]

FILE = File(
    "survey.qgs", "Project for QGIS", "application/x-qgis-project", "project", ("overview",)
)

TITLES = {
    MAP: "Land use",
    PROBABILITY: "Probability",
    ENTROPY: "Entropy",
    APPLICABILITY: "Area of applicability",
}


class QgisProject(Product[None]):
    """All published layers in one QGIS project; the map and the mines are switched on."""

    name = "project"
    requires = ("landuse",)

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List the project."""
        del publication
        return (FILE,)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Write it."""
        write_xml(paths[FILE.name], _project(publication))


PROJECT = QgisProject()


@dataclass(frozen=True)
class _Layer:
    """A layer of the project.

    Attributes
    ----------
    key
        Its identifier in the project; QGIS gives another to layers of one of 10 letters or fewer.
    title
        For people.
    source
        Beside the project.
    style
        Element `qgis`, whose parts become the layer's.
    shown
        Whether it is switched on.
    """

    key: str
    title: str
    source: str
    style: ET.Element
    shown: bool = False

    @property
    def is_vector(self) -> bool:
        return "|layername=" in self.source


def _layers(publication: Publication) -> Iterator[_Layer]:
    """List the layers from the topmost."""
    for product in (MINES, POLYGONS):
        if product in publication:
            style = polygon_style(product.classes(publication), labels=True)
            source = f"./{product.file.name}|layername={product.name}"
            key, shown = f"minecover-{product.name}", product is MINES
            yield _Layer(key, product.file.title, source, style, shown)
    for name, style in raster_styles(publication).items():
        title = TITLES[name]
        if name == PROBABILITY:
            band = style.find("pipe/rasterrenderer")
            number = int(band.attrib["band"]) if band is not None else 1
            title = f"{title} of {publication.classes[number - 1].name}"
        key, shown = f"minecover-{name.removesuffix('.tif')}", name == MAP
        yield _Layer(key, title, f"./{name}", style, shown)


def _project(publication: Publication) -> ET.Element:
    simulated = " (simulated data)" if publication.simulated else ""
    title = f"{publication.title or publication.name}{simulated}"
    root = ET.Element("qgis", projectname=title, version="3.22.16-Białowieża")
    ET.SubElement(root, "homePath", path="")
    ET.SubElement(root, "title").text = title
    crs = _crs(publication.grid.crs)
    ET.SubElement(root, "projectCrs").append(crs)
    layers = list(_layers(publication))
    tree = ET.SubElement(root, "layer-tree-group")
    listed = ET.SubElement(root, "projectlayers")
    for layer in layers:
        provider = "ogr" if layer.is_vector else "gdal"
        ET.SubElement(
            tree,
            "layer-tree-layer",
            id=layer.key,
            name=layer.title,
            source=layer.source,
            providerKey=provider,
            checked="Qt::Checked" if layer.shown else "Qt::Unchecked",
            expanded="1",
        )
        listed.append(_map_layer(layer, provider, publication.grid.crs))
    _view(root, publication)
    properties = ET.SubElement(root, "properties")
    paths = ET.SubElement(properties, "Paths")
    ET.SubElement(paths, "Absolute", type="bool").text = "false"
    reference = ET.SubElement(properties, "SpatialRefSys")
    ET.SubElement(reference, "ProjectionsEnabled", type="int").text = "1"
    return root


def _map_layer(layer: _Layer, provider: str, crs: str) -> ET.Element:
    kind = {"type": "vector", "geometry": "Polygon"} if layer.is_vector else {"type": "raster"}
    switches = {name: layer.style.get(name, "0") for name in ("labelsEnabled",) if layer.is_vector}
    element = ET.Element("maplayer", {**kind, **switches, "autoRefreshEnabled": "0"})
    for name, text in (
        ("id", layer.key), ("datasource", layer.source), ("layername", layer.title)
    ):  # fmt: skip
        ET.SubElement(element, name).text = text
    ET.SubElement(element, "srs").append(_crs(crs))
    ET.SubElement(element, "provider", encoding="UTF-8").text = provider
    element.extend(layer.style)
    return element


def _crs(name: str) -> ET.Element:
    crs = pyproj.CRS(name)
    element = ET.Element("spatialrefsys")
    ET.SubElement(element, "wkt").text = crs.to_wkt()
    if crs.to_authority():
        ET.SubElement(element, "authid").text = ":".join(crs.to_authority())
    return element


def _view(root: ET.Element, publication: Publication) -> None:
    """Show the whole map when the project is opened."""
    canvas = ET.SubElement(root, "mapcanvas", name="theMapCanvas", annotationsVisible="1")
    extent = ET.SubElement(canvas, "extent")
    bounds = publication.grid.geobox.boundingbox
    for name, value in zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True):
        ET.SubElement(extent, name).text = repr(float(value))
    settings = ET.SubElement(canvas, "destinationsrs")
    settings.append(_crs(publication.grid.crs))
