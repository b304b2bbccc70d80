"""The publish stage: gather what products may use, and write them."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from minecover.features.catalogue import feature_catalogue
from minecover.models.lookup import kind_of
from minecover.planning.actual import actuals
from minecover.planning.plan import planned_before
from minecover.products.product import Publication, Shown, SourceFacts
from minecover.products.publishing import publish
from minecover.products.registry import PRODUCTS
from minecover.selection.result import Selection
from minecover.sources.links import redacted
from minecover.sources.manifest import Manifest
from minecover.sources.registry import SOURCES
from minecover.stages.clear_observations import clear_observations
from minecover.stages.natural_colours import true_colour
from minecover.stages.registry import PURPOSES, map_stage
from minecover.stages.select import read_selection
from minecover.stages.shown_layers import INDICES_GROUP, features_shown, pictures_shown
from minecover.stages.timeline import check_register, register_digest, register_of, timeline_of
from minecover.storage.canonical_json import Json
from minecover.storage.layers import Layers
from minecover.storage.location import is_url
from minecover.storage.names import (
    ACCURACY_FILE,
    AREAS_FILE,
    COMBINED_ACCURACY_FILE,
    CUBE_RASTER,
    FEATURES_RASTER,
    MAP_RASTER,
    PRODUCTS_FOLDER,
    RUN_FILE,
    manifest_of,
)
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.carried import carried_origin
from minecover.workflow.cost import StageCost, Volumes
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = [
    "PUBLISH",
    "estimated_areas",
    "installed_versions",
    "layer_groups",
    "publish_now",
    "publish_products",
    "selection_document",
    "source_facts",
]

VERSIONS = ("minecover", "numpy", "xarray", "zarr", "dask", "ray", "torch", "scikit-learn", "numba")
"""Packages whose versions the report gives, if they are installed."""


def publish_products(context: StageContext) -> Facts:
    """Write everything under `products/`."""
    workspace = context.workspace
    # what differs from run to run stays out of what is published
    workspace.store.write_json(RUN_FILE, {"stages": stage_figures(workspace)})
    return {"products": len(publish_now(workspace))}


def publish_now(workspace: Workspace) -> list[str]:
    """Write all products of a finished map; keys of their files."""
    return publish(workspace.store, publication_of(workspace), workspace.survey.products)


def estimated_areas(workspace: Workspace) -> Json:
    """Areas with intervals, where `minecover areas` estimated them for today's map; else None."""
    document = workspace.store.read_json(AREAS_FILE)
    predicted = workspace.ledger.stage(map_stage(workspace.survey))
    if document is None or predicted is None or document.get("map") != predicted["fingerprint"]:
        return None
    return document if set(document["classes"]) == set(workspace.survey.class_codes) else None


def measured_accuracy(workspace: Workspace) -> Json:
    """Give the accuracy document; with `combined`, that of the combined maps of the periods."""
    document = workspace.store.read_json(ACCURACY_FILE)
    if document is None or not workspace.survey.combines_periods:
        return document
    return document | {"combined": workspace.store.read_json(COMBINED_ACCURACY_FILE)}


def publication_of(workspace: Workspace) -> Publication:
    """Gather what products may use."""
    survey, stages = workspace.survey, workspace.facts()
    manifest = Manifest.load(workspace.store, manifest_of(survey.period_names[-1]))
    observations = clear_observations(workspace, manifest)
    shown = true_colour(workspace, manifest, observations)
    timeline = timeline_of(workspace, shown)
    return Publication(
        name=survey.name,
        title=survey.title or "",
        author=survey.author or "",
        mines=survey.mines,
        grid=workspace.grid,
        classes=survey.classes,
        seasons=survey.seasons,
        map=workspace.store.layers(MAP_RASTER),
        timeline=timeline,
        register=register_of(workspace, timeline),
        rasters=_rasters(workspace.store),
        sources=source_facts(survey, manifest),
        missing=missing_features(workspace),
        model=_model(survey),
        accuracy=measured_accuracy(workspace),
        areas=estimated_areas(workspace),
        selection=selection_document(read_selection(workspace), survey.selection.method),
        groups=layer_groups(workspace),
        observations=observations,
        true_colour=shown,
        shown=_shown(workspace),
        samples=_samples(workspace, stages),
        stages=_stages(stages),
        versions=dict(installed_versions()),
        derived_from=item_addresses(survey, manifest),
        manifest=manifest.fingerprint,
        left_out=[(item.source or "catalog", item.reason) for item in manifest.left_out],
    )


def installed_versions() -> Iterator[tuple[str, str]]:
    """Names and versions of packages; an image for classical models has neither Ray nor torch."""
    for name in VERSIONS:
        with suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def _model(survey: Survey) -> str:
    """Name the model: its kind, and the seed or the survey that it is of."""
    carried = survey.model.carried_from is not None
    of = f"of survey {carried_origin(survey).survey}" if carried else f"seed {survey.model.seed}"
    return f"{kind_of(survey.model).label}, {of}"


def _rasters(store: Store) -> tuple[Layers, ...]:
    """Open the rasters that the store has."""
    names = (CUBE_RASTER, FEATURES_RASTER, MAP_RASTER)
    return tuple(
        store.layers(name) for name in names if store.read(f"{name}/zarr.json") is not None
    )


def _shown(workspace: Workspace) -> list[Shown]:
    """List the pictures of the seasons, and the indices where they need not be computed."""
    store, seasons = workspace.store, list(workspace.survey.seasons)
    pictures = list(pictures_shown(store.layers(CUBE_RASTER), seasons))
    if not workspace.survey.features.are_stored:
        return pictures
    features = features_shown(store.layers(FEATURES_RASTER), seasons)
    indices = [shown for shown in features if shown.group == INDICES_GROUP and shown.season]
    return [*pictures, *indices]


def source_facts(survey: Survey, manifest: Manifest) -> tuple[SourceFacts, ...]:
    """List the sources of a survey, and whether their data was simulated."""
    return tuple(
        SourceFacts(name, SOURCES[name].label, name in manifest.simulated)
        for name in survey.sources
    )


def _stages(stages: dict[str, Facts]) -> list[dict[str, Any]]:
    """List every stage before this: its tiles, and those that were skipped."""
    return [
        {
            "stage": name,
            "tiles": marker["facts"].get("tiles"),
            "skipped": marker["facts"].get("skipped", {}),
        }
        for name, marker in stages.items()
        if name != "publish"
    ]


def stage_figures(workspace: Workspace) -> list[dict[str, Any]]:
    """List what every stage before this took, beside what was planned when the run began.

    Core-hours are cores held x time.
    """
    took, planned = actuals(workspace), planned_before(workspace.store, workspace.survey)
    stages = workspace.facts()
    return [
        {
            "stage": name,
            "seconds": marker["seconds"],
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


def layer_groups(workspace: Workspace) -> dict[str, tuple[str | None, str]]:
    """Season (or None) and group of every layer of the survey."""
    layers = workspace.survey.feature_catalogue().layers
    return {layer.name: (layer.season, layer.content.group) for layer in layers}


def missing_features(workspace: Workspace) -> dict[str, list[str]]:
    """Label the sources and bands that the survey lacks, with the features left out for each."""
    present = workspace.survey.feature_catalogue()
    bands = dict[str, list[str]]()
    for layer in present.lacking:
        needing = [name for name, names in present.left_out.items() if names[0] == layer.name]
        bands[f"{SOURCES[layer.source].label} {layer.name}"] = needing
    kinds = [SOURCES[name] for name in SOURCES.own_names() if name not in workspace.survey.sources]
    lacking = [kind(kind.settings_type.model_construct()) for kind in kinds if not kind.extra]
    layers = [layer for source in lacking for layer in source.layers()]
    complete = feature_catalogue(
        present.seasons, [*present.cube, *layers], present.settings, present.lacking
    )
    return bands | {
        source.label: [item.name for item in complete.features if item.source == source.name]
        for source in lacking
    }


def _samples(workspace: Workspace, stages: dict[str, Facts]) -> Facts | None:
    marker = stages.get("samples")
    if marker is None:
        return None
    facts = marker["facts"]
    with workspace.ledger.reading_facts("samples"):
        return {
            "given": facts["points"] + sum(facts["dropped"].values()),
            "used": facts["points"],
            "classes": facts["classes"],
            "dropped": facts["dropped"],
            "block_metres": facts["block_metres"],
            "autocorrelation_range": facts.get("autocorrelation_range"),
            "warnings": facts["warnings"],
        }


def _depends_on(workspace: Workspace) -> Json:
    survey = workspace.survey
    classes = [item.model_dump(mode="json") for item in survey.classes]
    texts = [survey.name, survey.title, survey.author]
    mines, register = survey.mines.model_dump(mode="json"), register_digest(survey.registers)
    return [classes, texts, mines, list(survey.products), register]


def _modules(survey: Survey) -> tuple[str, ...]:
    """Name the modules of products of other packages."""
    return tuple(PRODUCTS.module(name) for name in survey.products if not PRODUCTS.is_own(name))


def _overview_read(survey: Survey, v: Volumes) -> float:
    """Bytes that are read to show the cube from afar, and half of the features: indices' chunks."""
    return v.cube + v.features / 2 if "overview" in survey.products else 0.0


PUBLISH = Stage(
    "publish",
    PURPOSES["publish"],
    _depends_on,
    publish_products,
    code=(
        "mine_history",
        "land_register",
        "products",
        "geography/approximation.py",
        "geography/ground_area.py",
        "stages/clear_observations.py",
        "stages/natural_colours.py",
        "stages/publish.py",
        "stages/shown_layers.py",
        "storage/decimated.py",
        "stages/timeline.py",
        "transitions/from_to.py",
        "transitions/settings.py",
    ),
    modules=_modules,
    check=check_register,
    writes=(PRODUCTS_FOLDER,),
    cost=StageCost(
        units=lambda survey, work: float(work.pixels),
        volume=lambda survey, v: (v.map + v.clear_counts + _overview_read(survey, v), v.products),
        layers=lambda work: 1,
    ),
)
"""Its result: everything under `products/`."""
