"""The stage that looks up the items and freezes them into the manifest."""

from __future__ import annotations

import hashlib
from typing import Any

from minecover.sources.checksum import recorded_checksum
from minecover.sources.freeze import freeze
from minecover.sources.links import unsigned
from minecover.sources.registry import CLOUD_MASKS, SOURCES, named_masks, sources_of
from minecover.sources.source import Source
from minecover.stages.registry import PURPOSES
from minecover.storage.canonical_json import Json
from minecover.storage.location import content_digest, is_url
from minecover.survey import Survey
from minecover.workflow.cost import StageCost
from minecover.workflow.new_scenes import remember_manifest
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["CATALOG"]


def _look_up(context: StageContext) -> Facts:
    workspace = context.workspace
    survey = workspace.survey
    manifest = freeze(sources_of(survey.sources), survey.catalog, survey.seasons, workspace.grid)
    remember_manifest(workspace, manifest)
    manifest.save(workspace.store)
    facts: Facts = {"items": len(manifest.found), "manifest": manifest.fingerprint}
    return {**facts, "left_out": len(manifest.left_out)} if manifest.left_out else facts


def _depends_on(workspace: Workspace) -> Json:
    """Sections that decide what is found; files by their content, the same in any folder."""
    survey, url = workspace.survey, workspace.survey.catalog.url
    area = hashlib.sha256(workspace.grid.area.wkb).hexdigest()
    # its first document, not the thousands it links to: those that are taken go into the manifest
    advice = "give a STAC API or a catalog.json"
    catalog = unsigned(url) if is_url(url) else content_digest(url, "catalog.url", advice)
    sources = {source.name: _source_facts(source) for source in sources_of(survey.sources)}
    seasons = list(survey.model_dump(mode="json")["seasons"].items())  # in the order of layers
    return [area, workspace.grid.crs, seasons, sources, catalog]


def _source_facts(source: Source[Any]) -> Json:
    """Give the settings of a source, and what is in the files that they name."""
    settings = source.settings.model_dump(mode="json", exclude=set(source.path_keys))
    files = {
        key: unsigned(path) if is_url(path) else recorded_checksum(path, key)
        for key, path in source.own_files().items()
    }
    return [settings, files]


def _modules(survey: Survey) -> tuple[str, ...]:
    """Name the modules of sources and cloud masks of other packages."""
    masks = [name for section in survey.sources.values() for name in named_masks(section)]
    return (
        *(SOURCES.module(name) for name in survey.sources if not SOURCES.is_own(name)),
        *map(CLOUD_MASKS.module, dict.fromkeys(masks)),
    )


CATALOG = Stage(
    "catalog",
    PURPOSES["catalog"],
    _depends_on,
    _look_up,
    code=(
        "sources",
        "geography/grid.py",
        "geography/boundary.py",
        "geography/datums.py",
        "geography/gcj02.py",
        "geography/polygon_files.py",
        "geography/vector_files.py",
        "geography/projection.py",
        "layers.py",
        "simulated.py",
        "storage/location.py",
    ),
    modules=_modules,
    cost=StageCost(
        units=lambda survey, work: float(work.items), volume=lambda survey, v: (0.0, 0.0)
    ),
)
"""Its result: `manifest.json`."""
