"""Names of what a store holds, in one place: its format.

Under `LEDGER` lies what is done and who is at work; `minecover.ledger` says how.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "ACCURACY_FILE",
    "AREAS_FILE",
    "CALIBRATION_FILE",
    "COMBINED_ACCURACY_FILE",
    "COMPARISON",
    "COMPARISON_FOLDER",
    "CUBE_RASTER",
    "DESIGN_FILE",
    "EARLIER_MANIFEST_FILE",
    "FEATURES_RASTER",
    "FORMAT",
    "HELD_OUT_FILE",
    "INPUTS_FOLDER",
    "LEDGER",
    "MANIFESTS_FILE",
    "MANIFEST_FILE",
    "MAP_RASTER",
    "MODEL_FOLDER",
    "ORIGIN_FILE",
    "PERIOD_NETWORK_FILE",
    "PLAN_FILE",
    "PRETRAINED_FILE",
    "PRODUCTS_FOLDER",
    "READINGS_RASTER",
    "REGIONS_FILE",
    "RUN_FILE",
    "SAMPLES_FILE",
    "SEGMENT",
    "SELECTION_FILE",
    "SURVEY_FILE",
    "TEXTURE_RANGE_FILE",
    "TRANSITIONS_FILE",
    "manifest_of",
    "probability_layers",
]

SEGMENT = re.compile(r"[\w-]+", re.ASCII)
"""What is part of a key, as a fingerprint: one step of it, which every store takes."""

FORMAT = 4
"""Of names and contents below; `storage.identity` says which others are read."""

SURVEY_FILE = "survey.json"
"""Whose store it is: name and grid of the survey, format, version that made it."""

LEDGER = "ledger"
"""Folder of what is done and who is at work."""

INPUTS_FOLDER = "inputs/"
"""Area, points and regions of a survey that was made in memory."""

MANIFEST_FILE = "manifest.json"
"""The items that are read."""

EARLIER_MANIFEST_FILE = "manifest.earlier.json"
"""The items that were read before new scenes were taken up."""

MANIFESTS_FILE = "manifests.json"
"""Which periods were looked up, and for what, where the survey names periods."""

CUBE_RASTER = "cube.zarr"
"""Seasonal composites: `reflectance` (season, band, y, x), `clear` (season, y, x) and so on."""

FEATURES_RASTER = "features.zarr"
"""Features, all or those that were selected: `features` (layer, y, x)."""

TEXTURE_RANGE_FILE = "features.json"
"""Range over which texture is quantised."""

SAMPLES_FILE = "samples.parquet"
"""Labelled points with their features and folds."""

SELECTION_FILE = "selection.json"
"""Ranks and choice of the layers."""

PRETRAINED_FILE = "pretrained.safetensors"
"""Weights of the model's network as it learned without labels, and what they were made of."""

MODEL_FOLDER = "model/"
"""The trained model; of several, each in a folder of its own below."""

REGIONS_FILE = f"{MODEL_FOLDER}regions.json"
"""Regions with a model of their own."""

ORIGIN_FILE = f"{MODEL_FOLDER}origin.json"
"""What the model was made of: by this it is checked where it is carried."""

MAP_RASTER = "map.zarr"
"""Classes, entropy, dissimilarity (y, x) and `probability` (class, y, x)."""

READINGS_RASTER = "readings.zarr"
"""The same of each period by itself, where a survey names periods and combines them."""

ACCURACY_FILE = "accuracy.json"
"""What the assessment measured."""

PERIOD_NETWORK_FILE = "period_network.safetensors"
"""Weights of the network that reads all periods together (`change.network`), and what they are of.
"""

TRANSITIONS_FILE = "transitions.json"
"""How often a year each class turns into each other one, where `change.learn` learned it."""

HELD_OUT_FILE = "held_out.parquet"
"""What held-out points were read as in all periods with samples, where a survey names periods."""

COMBINED_ACCURACY_FILE = "combined_accuracy.json"
"""The accuracy of the combined maps of the periods."""

PRODUCTS_FOLDER = "products/"
"""What is published."""

AREAS_FILE = f"{PRODUCTS_FOLDER}areas.json"
"""Areas with intervals, of `minecover areas`."""

DESIGN_FILE = f"{PRODUCTS_FOLDER}design.json"
"""Points drawn to measure accuracy and areas, of `minecover design`."""

RUN_FILE = f"{LEDGER}/run.json"
"""Seconds and core-hours of every stage, measured and planned, when the products were written."""

COMPARISON = "compare"
"""Name of a comparison in the ledger, beside those of stages."""

COMPARISON_FOLDER = "comparison/"
"""Trials of `minecover compare`."""

PLAN_FILE = "plan.json"
"""The plan with which a run began."""

CALIBRATION_FILE = "calibration.json"
"""What work takes on this machine, whatever the survey."""


def manifest_of(period: str, file: str = MANIFEST_FILE) -> str:
    """Name a manifest, or the earlier one, of a period.

    Examples
    --------
    >>> manifest_of(""), manifest_of("2023"), manifest_of("2023", EARLIER_MANIFEST_FILE)
    ('manifest.json', 'manifests/2023.json', 'manifests/2023.earlier.json')
    """
    return file.replace("manifest", f"manifests/{period}", 1) if period else file


def probability_layers(classes: Iterable[str]) -> tuple[str, ...]:
    """Name the layers of a map that hold the probabilities of classes, by their names."""
    return tuple(f"probability_{name}" for name in classes)
