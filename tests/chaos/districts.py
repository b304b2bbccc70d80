"""Surveys of a small simulated district in one season, from catalog to report."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from minecover.survey import load

__all__ = ["CLUSTERS", "LOCAL", "described"]

LOCAL = {"tiles": "local", "prediction": "local", "training": "local", "workers": 1}
CLUSTERS = {"tiles": "dask", "prediction": "ray", "training": "local", "workers": 2}

NETWORK = {"epochs": 2, "window": 9}
"""Settings of a ResNet-50 that is trained quickly."""


def described(district: Path, folder: Path, engine: Mapping[str, Any], model: str) -> Path:
    """Copy a district to a folder, with a survey of one season; the survey file."""
    shutil.copytree(district, folder)
    survey = load(folder / "survey.yaml", store=str(folder / "store")).replace(
        grid__tile=64,
        seasons={"summer": ["2021-06-01/2021-08-31"]},
        sources={"sentinel2": {}, "terrain": {}},
        engine=dict(engine),
        model={"kind": model, **(NETWORK if model == "resnet50" else {})},
        selection={"keep": 5, "trees": 20},
        samples__folds=2,
    )
    path = folder / "place.yaml"
    path.write_text(yaml.safe_dump(survey.model_dump(mode="json"), sort_keys=False))
    return path
