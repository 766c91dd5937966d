"""Open a GeoPackage in QGIS, say what a planner would see there, and draw it. Runs in the Python that has QGIS."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRenderContext,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QSize

#: What is drawn, the uppermost first.
DRAWN = ("sites", "gaps", "facilities", "places", "ground", "water", "service_areas", "townships")


def told(layer: QgsVectorLayer) -> dict[str, object]:
    """Say how a layer is opened: shape, rows, names of fields, styles, how many of its features are drawn."""
    renderer, context, drawn = layer.renderer().clone(), QgsRenderContext(), 0
    renderer.startRender(context, layer.fields())
    for feature in layer.getFeatures():
        context.expressionContext().setFeature(feature)
        drawn += renderer.symbolForFeature(feature, context) is not None
    renderer.stopRender(context)
    styles = layer.listStylesInDatabase()
    return {"valid": layer.isValid(), "rows": layer.featureCount(), "crs": layer.crs().authid(), "drawn": drawn,
            "shape": QgsWkbTypes.displayString(layer.wkbType()), "renderer": renderer.type(),
            "parts": len(layer.dataProvider().subLayers()), "styles": sorted(styles[2][: styles[0]]),
            "names": {field.name(): layer.attributeDisplayName(at) for at, field in enumerate(layer.fields())},
            "labels": layer.labelsEnabled(), "rights": layer.metadata().rights(),
            "abstract": layer.metadata().abstract()}


def main(path: str, picture: str) -> None:
    """Print what is told of each layer as JSON, and save the picture."""
    application = QgsApplication([], False)
    application.initQgis()
    with closing(sqlite3.connect(path)) as database:
        names = [row[0] for row in database.execute("SELECT table_name FROM gpkg_contents WHERE data_type='features'")]
    layers = {name: QgsVectorLayer(f"{path}|layername={name}", name, "ogr") for name in names}
    print(json.dumps({name: told(layer) for name, layer in layers.items()}))
    QgsProject.instance().addMapLayers(list(layers.values()))
    settings = QgsMapSettings()
    settings.setLayers([layers[name] for name in DRAWN if name in layers])
    settings.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    settings.setOutputSize(QSize(1400, 900))
    settings.setExtent(layers["townships"].extent())
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(picture)
    QgsProject.instance().removeAllMapLayers()
    application.exitQgis()


if __name__ == "__main__":
    main(*sys.argv[1:])
