"""Open exported GeoTIFFs in QGIS itself: names, styles, and a picture of each.

Runs in the Python of QGIS, which is not that of minecover and no part of its tests in CI:

    minecover export survey.yaml --raster map --out exports
    QT_QPA_PLATFORM=offscreen /usr/bin/python3 tests/acceptance/qgis_check.py exports pictures
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

SIZE = QSize(600, 450)


def check(path: Path) -> QgsRasterLayer:
    """Open a file as a person does by dropping it into QGIS."""
    layer = QgsRasterLayer(str(path), path.stem)
    assert layer.isValid(), f"{path}: QGIS cannot open it"
    bands = [layer.bandName(number + 1) for number in range(layer.bandCount())]
    assert all(": " in band for band in bands), f"{path}: a band without a name: {bands}"
    wanted = ET.parse(path.with_suffix(".qml")).getroot().find("pipe/rasterrenderer").get("type")
    shown = layer.renderer().type()
    assert shown == wanted, f"{path}: shown as {shown}, styled as {wanted}"
    print(f"{path.name}: {layer.crs().authid()}, {shown}, {', '.join(bands)}")
    return layer


def draw(layer: QgsRasterLayer, picture: Path) -> None:
    """Draw a layer as QGIS shows it."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent())
    settings.setOutputSize(SIZE)
    settings.setBackgroundColor(QColor(255, 255, 255))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    colours = {image.pixel(x, y) for x in range(0, 600, 3) for y in range(0, 450, 3)}
    assert len(colours) > 2, f"{layer.name()}: QGIS draws nothing"
    assert image.save(str(picture))


def main(folder: Path, pictures: Path) -> None:
    """Check every GeoTIFF of a folder."""
    application = QgsApplication([], False)
    application.initQgis()
    print(f"QGIS {Qgis.QGIS_VERSION}")
    pictures.mkdir(parents=True, exist_ok=True)
    paths = sorted(folder.glob("*.tif"))
    assert paths, f"{folder}: no GeoTIFF"
    for path in paths:
        layer = check(path)
        draw(layer, pictures / f"{path.stem}.png")
        del layer
    application.exitQgis()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
