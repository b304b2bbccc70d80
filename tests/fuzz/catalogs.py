"""A catalog with a document that somebody spoiled, looked up and read."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from _catalogs import CatalogWriter, survey_over
from minecover.sources import header, records
from minecover.sources.freeze import freeze
from minecover.sources.registry import sources_of
from minecover.survey.grid import survey_grid

Json = Any


class StaticCatalog:
    """Documents of a static catalog of three sources."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        writer = CatalogWriter(folder)
        ground, scl = np.full((32, 32), 2000, np.uint16), np.full((16, 16), 4, np.uint8)
        writer.sentinel2(
            "s2", "2021-06-10T03:00:00Z", ground, rasters={"SCL": scl}, pixels={"SCL": 20.0}
        )
        power = np.full((32, 32), 0.1, np.float32)
        writer.item("sentinel-1-rtc", "s1", "2021-06-11T10:00:00Z", {"VV": power, "VH": power})
        writer.item("nasadem", "dem", "2000-02-20T00:00:00Z", {"elevation": power})
        self.survey = survey_over(
            writer.write(), (32, 32), sources={"sentinel2": {}, "sentinel1": {}, "terrain": {}}
        )
        self.grid = survey_grid(self.survey)
        self.documents: dict[str, Json] = {
            str(path.relative_to(folder)): json.loads(path.read_text())
            for path in sorted(folder.rglob("*.json"))
        }

        # images stay whole: each header is read once under each name that documents give it
        self.read_header = cache(header.read_header)

    def look_up(self, name: str, data: bytes) -> None:
        """Freeze the catalog with one document replaced."""
        path = self.folder / name
        whole = path.read_bytes()
        path.write_bytes(data)
        read, records.read_header = records.read_header, self.read_header  # type: ignore[assignment]
        try:
            survey = self.survey
            freeze(sources_of(survey.sources), survey.catalog, survey.seasons, self.grid)
        finally:
            records.read_header = read
            path.write_bytes(whole)
