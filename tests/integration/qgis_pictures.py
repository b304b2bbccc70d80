"""Pictures of what is published, as QGIS draws it: runs in the Python of QGIS.

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 qgis_pictures.py PRODUCTS PICTURES

Every layer is opened as a person does who drops its file into QGIS, and once more from the project.
One JSON document on standard output says what QGIS made of each; a picture of each lies under its
name, `SCALE` pixels wide for each pixel of the map, with nothing smoothed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsMapLayer,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

SCALE = 4


def opened(path: Path) -> QgsMapLayer:
    """Open a file by itself."""
    if path.suffix == ".gpkg":
        return QgsVectorLayer(f"{path}|layername={path.stem}", path.stem, "ogr")
    return QgsRasterLayer(str(path), path.stem)


def draw(layer: QgsMapLayer, whole: QgsRasterLayer, picture: Path, labels: bool) -> None:
    """Draw a layer over the extent of the whole map."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(whole.crs())
    settings.setExtent(whole.extent())
    settings.setOutputSize(QSize(SCALE * whole.width(), SCALE * whole.height()))
    settings.setBackgroundColor(QColor(255, 255, 255))
    settings.setFlag(QgsMapSettings.Antialiasing, False)
    settings.setFlag(QgsMapSettings.DrawLabeling, labels)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    assert not job.errors(), [error.message for error in job.errors()]
    assert job.renderedImage().save(str(picture))


def facts(layer: QgsMapLayer) -> dict[str, object]:
    """What QGIS says of a layer."""
    known = {"valid": layer.isValid(), "crs": layer.crs().authid(), "name": layer.name()}
    if not layer.isValid():
        return known
    known["renderer"] = layer.renderer().type()
    if isinstance(layer, QgsVectorLayer):
        labels = layer.labeling()
        known["features"] = layer.featureCount()
        known["fields"] = [field.name() for field in layer.fields()]
        known["labels"] = labels.settings().fieldName if layer.labelsEnabled() and labels else ""
        known["legend"] = {c.value(): c.label() for c in layer.renderer().categories()}
    else:
        known["bands"] = [layer.bandName(number + 1) for number in range(layer.bandCount())]
        known["shown"] = layer.renderer().usesBands()
        items = layer.renderer().legendSymbologyItems()
        known["legend"] = {label: colour.name() for label, colour in items}
    return known


def main(folder: Path, pictures: Path) -> None:
    """Open and draw everything of a folder."""
    application = QgsApplication([], False)
    application.initQgis()
    whole = QgsRasterLayer(str(folder / "landuse.tif"), "whole")
    found: dict[str, object] = {"version": Qgis.QGIS_VERSION}
    for path in sorted([*folder.glob("*.tif"), *folder.glob("*.gpkg")]):
        layer = opened(path)
        found[path.name] = facts(layer)
        if layer.isValid():
            draw(layer, whole, pictures / f"{path.name}.png", labels=False)
            if path.suffix == ".gpkg":
                draw(layer, whole, pictures / f"{path.name}-labels.png", labels=True)
        del layer
    project = QgsProject.instance()
    assert project.read(str(folder / "survey.qgs")), project.error()
    tree = project.layerTreeRoot().findLayers()
    found["project"] = {
        "title": project.title(),
        "crs": project.crs().authid(),
        "shown": [node.layerId() for node in tree if node.isVisible()],
        "layers": {node.layerId(): facts(node.layer()) for node in tree},
    }
    for node in tree:
        draw(node.layer(), whole, pictures / f"project-{node.layerId()}.png", labels=False)
    print(json.dumps(found))
    sys.stdout.flush()
    del whole, tree
    project.clear()
    application.exitQgis()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
