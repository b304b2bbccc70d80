"""Readings of the periods of a simulated district by its own survey: cube, features and model."""

from __future__ import annotations

import numpy as np

from benchmarks.forest_readings import NAMES, Readings, Values
from minecover.demo.district import District
from minecover.errors import DataError
from minecover.geography.grid import Window
from minecover.models.registry import MODELS
from minecover.storage.names import FEATURES_RASTER, READINGS_RASTER, probability_layers
from minecover.storage.store import Store
from minecover.survey import Survey, load
from minecover.survey.grid import survey_grid
from minecover.workflow.progress import Silent
from minecover.workflow.run import run_survey

__all__ = ["survey_readings"]

ALONE = {"tiles": "local", "prediction": "local", "training": "local", "workers": 1}
"""One process, so that what it takes can be told; results are the same on any engine."""


def survey_readings(district: District, kind: str) -> Readings:
    """Read the periods as a run of the district's survey does, before anything is smoothed.

    Models of one district share cube, features and selection.

    Parameters
    ----------
    district
        With a history.
    kind
        Of the model; its other settings are those of the survey.
    """
    folder = district.survey.parent / "store"
    survey = load(district.survey, store=str(folder), model={"kind": kind}).replace(
        **{f"engine__{key}": value for key, value in ALONE.items()}
    )
    plain = survey.replace(
        prediction__smoothing=0, prediction__borders=0, prediction__applicability=False
    )
    run_survey(plain, Silent(), "predict")
    probabilities = _rasters(plain, READINGS_RASTER, probability_layers(NAMES))
    bands = _rasters(plain, FEATURES_RASTER, survey.border_layers)
    return Readings(probabilities, bands, MODELS[kind].smoothness)


def _rasters(survey: Survey, raster: str, names: tuple[str, ...]) -> Values:
    """Layers of all periods, (period, layer, y, x), without a gap."""
    store, (height, width) = Store(survey.store), survey_grid(survey).shape
    whole = Window(0, height, 0, width)
    out = np.stack([store.layers(raster, name).read(whole, names) for name in survey.periods])
    if np.isnan(out).any():
        raise DataError(f"{raster}: there are gaps, which the scores do not know")
    return out
