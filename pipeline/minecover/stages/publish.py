"""The publish stage: gather what the report tells, and write the products."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np

from minecover.features.catalogue import FEATURES, SOURCES, feature
from minecover.features.computed import feature_layer_names
from minecover.planning.actual import actuals
from minecover.planning.plan import planned_before
from minecover.products.publishing import publish
from minecover.products.report import ReportFacts
from minecover.selection.result import Selection
from minecover.sources.links import redacted
from minecover.sources.manifest import Manifest
from minecover.stages.registry import PURPOSES
from minecover.stages.select import read_selection
from minecover.storage.canonical_json import Json
from minecover.storage.location import is_url
from minecover.survey import Survey
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["PUBLISH", "publish_products"]

VERSIONS = ("minecover", "numpy", "xarray", "zarr", "dask", "ray", "torch", "scikit-learn", "numba")
"""Packages whose versions the report gives."""


def publish_products(context: StageContext) -> Facts:
    """Write everything under `products/`."""
    run = context.workspace
    stages = run.facts()
    manifest = Manifest.load(run.store)
    facts = ReportFacts(
        accuracy=run.store.read_json("accuracy.json"),
        selection=selection_document(read_selection(run), run.survey.selection.method),
        groups=layer_groups(run),
        observations=clear_observations(run, manifest),
        samples=_samples(stages),
        missing=missing_features(run),
        stages=stage_figures(run, stages),
        versions={name: importlib.metadata.version(name) for name in VERSIONS},
        derived_from=item_addresses(run.survey, manifest),
        manifest=manifest.fingerprint,
    )
    keys, summary = publish(run.store, run.survey, run.grid, facts)
    return {"products": len(keys), "applicability": summary.applicability}


def stage_figures(run: Workspace, stages: dict[str, Facts]) -> list[dict[str, Any]]:
    """List what every stage before this took, beside what was planned when the run began.

    Core-hours are cores held x time.
    """
    took, planned = actuals(run), planned_before(run.store, run.survey)
    return [
        {
            "stage": name,
            "seconds": marker["seconds"],
            "tiles": marker["facts"].get("tiles"),
            "core_hours": took[name].core_hours if name in took else None,
            "planned_core_hours": planned.get(name),
        }
        for name, marker in stages.items()
        if name != "publish"
    ]


def selection_document(selection: Selection, method: str) -> dict[str, Any]:
    """Ranks and scores by layer name, as the report shows them."""
    labels = {"relieff": "relieff", "impurity": "forest"}
    return {
        "method": method,
        "names": list(selection.names),
        "chosen": list(selection.chosen),
        "ranks": dict(zip(selection.names, selection.rank, strict=True)),
        "scores": {
            label: dict(zip(selection.names, selection.scores[key], strict=True))
            for key, label in labels.items()
            if key in selection.scores
        },
        "redundant": [[pair.better, pair.worse] for pair in selection.redundant],
    }


def item_addresses(survey: Survey, manifest: Manifest) -> list[str]:
    """Addresses of the items that went in: of the API, or inside the static catalog."""
    url = survey.catalog.url
    places = {(item.collection, item.id) for item in manifest.found if item.collection}
    if not is_url(url) or url.endswith(".json"):
        return sorted(f"{collection}/{name}" for collection, name in places)
    base = redacted(url).rstrip("/")
    return sorted(f"{base}/collections/{collection}/items/{name}" for collection, name in places)


def layer_groups(run: Workspace) -> dict[str, tuple[str | None, str]]:
    """Season (or None) and group of every layer of the survey."""
    groups: dict[str, tuple[str | None, str]] = {}
    for name in feature_layer_names(run.survey):
        entry = feature(name)
        season = name.removesuffix(f"_{entry.name}") if entry.seasonal else None
        groups[name] = (season, entry.group)
    return groups


def missing_features(run: Workspace) -> dict[str, list[str]]:
    """Name the sources that the survey lacks, with the features left out for it."""
    present = tuple(run.survey.sources)
    return {
        source: [entry.name for entry in FEATURES if entry.source == source]
        for source in SOURCES
        if source not in present
    }


def clear_observations(run: Workspace, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Count clear observations a pixel, by season: least, median, most, the share without any.

    Counted tile by tile in a histogram, so that memory does not grow with the area.
    """
    seasons = tuple(run.survey.seasons)
    cube = run.store.layers("cube.zarr")
    names = [f"{season}_CLEAR" for season in seasons]
    counts = np.zeros((len(seasons), 1000), dtype=np.int64)
    for tile in run.grid.tiles:
        block = cube.read(run.grid.window(tile), names)
        for index, layer in enumerate(block):
            seen = layer[np.isfinite(layer)].astype(np.int64)
            counts[index] += np.bincount(np.minimum(seen, 999), minlength=1000)
    return {
        season: {"items": len(manifest.items("sentinel2", season)), **_histogram_figures(histogram)}
        for season, histogram in zip(seasons, counts, strict=True)
        if histogram.any()
    }


def _histogram_figures(histogram: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, Any]:
    present = np.flatnonzero(histogram)
    median = int(np.searchsorted(histogram.cumsum(), histogram.sum() / 2))
    return {
        "minimum": int(present[0]),
        "median": median,
        "maximum": int(present[-1]),
        "unobserved": round(float(histogram[0] / histogram.sum()), 6),
    }


def _samples(stages: dict[str, Facts]) -> Facts | None:
    marker = stages.get("samples")
    if marker is None:
        return None
    facts = marker["facts"]
    given = facts["points"] + sum(facts["dropped"].values())
    return {
        "given": given,
        "used": facts["points"],
        "classes": facts["classes"],
        "dropped": facts["dropped"],
    }


def _depends_on(run: Workspace) -> Json:
    return [[item.model_dump(mode="json") for item in run.survey.classes], run.survey.name]


PUBLISH = Stage(
    "publish",
    PURPOSES["publish"],
    _depends_on,
    publish_products,
    code=("products", "geography/ground_area.py", "stages/publish.py"),
)
"""Its result: everything under `products/`."""
