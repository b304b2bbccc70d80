"""The survey file: everything a person decides, validated and frozen.

A survey is a tree of frozen pydantic models that forbid unknown keys. `load` reads the YAML,
resolves relative paths against the file's folder and turns every mistake into one `SurveyError`
that names the key, what is wrong there and how to mend it. The canonical JSON of its sections is
what the ledger's fingerprints are made of.
"""

from minecover.survey.document import PATH_KEYS, Survey, load
from minecover.survey.engine import Engine
from minecover.survey.inputs import (
    Area,
    Catalog,
    DateRange,
    GridSection,
    NightLights,
    Sentinel1,
    Sentinel2,
    Sources,
    Terrain,
)
from minecover.survey.methods import (
    Assessment,
    Features,
    LandUseClass,
    Model,
    Prediction,
    Reading,
    Regions,
    Samples,
    Selection,
)
from minecover.survey.section import BANDS, SOURCES, content_digest, is_url

__all__ = [
    "BANDS",
    "PATH_KEYS",
    "SOURCES",
    "Area",
    "Assessment",
    "Catalog",
    "DateRange",
    "Engine",
    "Features",
    "GridSection",
    "LandUseClass",
    "Model",
    "NightLights",
    "Prediction",
    "Reading",
    "Regions",
    "Samples",
    "Selection",
    "Sentinel1",
    "Sentinel2",
    "Sources",
    "Survey",
    "Terrain",
    "content_digest",
    "is_url",
    "load",
]
