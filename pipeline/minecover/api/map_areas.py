"""Areas of classes: as they are mapped, and as they are on the ground."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from minecover.errors import StoreError
from minecover.geography.ground_area import Surface
from minecover.storage.layers import Layers
from minecover.storage.names import AREAS_FILE, MAP_RASTER
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

__all__ = ["area_table"]


def area_table(store: Store, survey: Survey | None, period: str | None) -> pd.DataFrame:
    """Lay out the area of each class; see `Results.areas`.

    Raises
    ------
    StoreError
        There is no map, or neither estimates nor the survey with its area are at hand.
    """
    document = store.read_json(AREAS_FILE)
    if document is not None:
        return estimated_areas(document)
    if survey is None:
        raise StoreError(
            f"{store.url}: mapped areas need the survey's area; "
            "open it by open_survey(...).results()"
        )
    return mapped_areas(survey, store.layers(MAP_RASTER, period))


def estimated_areas(document: dict[str, Any]) -> pd.DataFrame:
    """Lay out the estimates of `minecover areas`: hectares by class, mapped and on the ground."""
    rows = {
        name: {"mapped_ha": document["mapped_ha"][name], **_interval(document["area_ha"][name])}
        for name in document["classes"]
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("class")


def _interval(estimate: dict[str, float]) -> dict[str, float]:
    return {"area_ha": estimate["value"], "low_ha": estimate["low"], "high_ha": estimate["high"]}


def mapped_areas(survey: Survey, layers: Layers) -> pd.DataFrame:
    """Sum up the ground of each class on a map, tile by tile, in hectares."""
    grid = survey_grid(survey)
    surface, hectares = Surface(grid), np.zeros(256)
    for tile in grid.tiles:
        window = grid.window(tile)
        landuse = layers.read(window, ["landuse"])[0]
        seen = landuse[grid.area_mask(window) & np.isfinite(landuse)].astype(np.uint8)
        hectares += np.bincount(seen, minlength=256) * surface.pixel_hectares(window)
    mapped = {name: hectares[code] for name, code in survey.class_codes.items()}
    return pd.Series(mapped, name="mapped_ha").rename_axis("class").to_frame()
