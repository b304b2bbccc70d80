"""A survey file, its area and its samples, one of which somebody spoiled: checked and planned."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyproj

from _catalogs import EPSG, LEFT, TOP
from fuzz.catalogs import StaticCatalog
from minecover.planning.check import check_survey
from minecover.planning.findings import raise_faults
from minecover.planning.plan import plan_survey
from minecover.stages.registry import stages_of
from minecover.survey.document import load
from minecover.workflow.stage import Workspace

__all__ = ["SurveyFiles"]

Json = Any
EDGE = 320.0
"""Of the area in metres."""


class SurveyFiles:
    """What a person writes, as files in the folder of a catalog."""

    def __init__(self, catalog: StaticCatalog) -> None:
        self.folder = catalog.folder
        self.documents: dict[str, Json] = {
            "survey.yaml": self._survey("samples.geojson"),
            "area.geojson": _collection([_feature("Polygon", [_outline()], {"name": "Ordos"})]),
            "samples.geojson": _collection(
                [
                    _feature("Point", list(at), {"class": "mine" if n % 2 else "ground"})
                    for n, at in enumerate(_points())
                ]
            ),
            "by_csv.yaml": self._survey("samples.csv"),
            "samples.csv": [
                ["x", "y", "class"],
                *([*at, "mine" if n % 2 else "ground"] for n, at in enumerate(_points())),
            ],
        }
        for name, document in self.documents.items():
            (self.folder / name).write_bytes(self._written(name, json.dumps(document).encode()))

    def _survey(self, samples: str) -> Json:
        classes = [("ground", False), ("mine", True)]
        return {
            "name": "spoiled",
            "area": {"path": "area.geojson", "where": {"name": "Ordos"}},
            "grid": {"crs": f"EPSG:{EPSG}", "resolution": 10, "tile": 32},
            "seasons": {"summer": ["2021-06-01/2021-08-31"]},
            "catalog": {"url": "catalog.json", "sign": "none", "max_items": 100},
            "sources": {
                "sentinel2": {"collection": "sentinel-2-l2a", "max_cloud_cover": 60},
                "sentinel1": {"collection": "sentinel-1-rtc"},
                "terrain": {"collection": "nasadem"},
            },
            "features": {"keep": "all", "indices": ["NDVI"], "texture_window": 5, "fill": "none"},
            "classes": [
                {"code": code, "name": name, "colour": "#000000", "mine": mine}
                for code, (name, mine) in enumerate(classes, start=1)
            ],
            "samples": {
                "path": samples, "column": "class", "folds": 2, "block": 100, "crs": "EPSG:4326",
            },
            "selection": {"method": "both", "keep": 5, "trees": 10},
            "model": {"kind": "resnet50", "window": 9, "epochs": 2, "members": 1, "seed": 0},
            "prediction": {"smoothness": 1.0},
            "assessment": {"areas": True},
            "products": ["landuse", "accuracy"],
            "engine": {"workers": 2, "threads": 1, "bad_tiles": "stop", "lease": 120},
            "store": "store",
        }  # fmt: skip

    def _written(self, name: str, data: bytes) -> bytes:
        """Rows of a table as text; other documents as they are."""
        if not name.endswith(".csv"):
            return data
        try:
            rows = json.loads(data)
            return "\n".join(",".join(map(str, row)) for row in rows).encode()
        except (ValueError, TypeError, RecursionError):
            return data

    def check(self, name: str, data: bytes) -> None:
        """Check and plan with one file replaced."""
        path = self.folder / name
        whole = path.read_bytes()
        path.write_bytes(self._written(name, data))
        try:
            by_csv = name in ("samples.csv", "by_csv.yaml")
            survey = load(self.folder / ("by_csv.yaml" if by_csv else "survey.yaml"))
            raise_faults(list(check_survey(survey)))
            plan_survey(Workspace(survey, stages_of(survey)))
        finally:
            path.write_bytes(whole)


def _degrees() -> Callable[[float, float], tuple[float, float]]:
    return pyproj.Transformer.from_crs(EPSG, 4326, always_xy=True).transform  # type: ignore[no-any-return]


def _outline() -> Json:
    corners = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
    return [list(_degrees()(LEFT + EDGE * x, TOP - EDGE * y)) for x, y in corners]


def _points() -> Json:
    places = [(LEFT + 15 + 30 * (n % 10), TOP - 15 - 30 * (n // 10)) for n in range(30)]
    return [list(_degrees()(*place)) for place in places]


def _feature(kind: str, coordinates: Json, properties: Json) -> Json:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _collection(features: Json) -> Json:
    return {"type": "FeatureCollection", "features": features}
