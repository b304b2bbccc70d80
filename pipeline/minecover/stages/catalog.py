"""The stage that looks up the items and freezes them into the manifest."""

from __future__ import annotations

import hashlib
from typing import Any

from minecover.sources.checksum import recorded_checksum
from minecover.sources.freeze import freeze
from minecover.sources.links import unsigned
from minecover.sources.registry import SOURCES, sources_of
from minecover.sources.source import Source
from minecover.storage.canonical_json import Json
from minecover.storage.fingerprint import module_version
from minecover.storage.location import content_digest, is_url
from minecover.workflow.progress import Facts
from minecover.workflow.run import Run

__all__ = []


def _catalog(run: Run, mark: str) -> Facts:
    del mark
    survey = run.survey
    manifest = freeze(sources_of(survey.sources), survey.catalog, survey.seasons, run.grid)
    manifest.save(run.store)
    return {"items": len(manifest.found), "manifest": manifest.fingerprint}


def _catalog_sections(run: Run) -> Json:
    """Sections that decide what is found; files by their content, the same in any folder."""
    survey, url = run.survey, run.survey.catalog.url
    area = hashlib.sha256(run.grid.area.wkb).hexdigest()
    # its first document, not the thousands it links to: those that are taken go into the manifest
    advice = "give a STAC API or a catalog.json"
    catalog = unsigned(url) if is_url(url) else content_digest(url, "catalog.url", advice)
    sources = {source.name: _source_facts(source) for source in sources_of(survey.sources)}
    modules = [SOURCES.module(name) for name in survey.sources if not SOURCES.is_own(name)]
    seasons = survey.model_dump(mode="json")["seasons"]
    return [area, run.grid.crs, seasons, sources, catalog, *map(module_version, modules)]


def _source_facts(source: Source[Any]) -> Json:
    """Give the settings of a source, and what is in the files that they name."""
    settings = source.settings.model_dump(mode="json", exclude=set(source.path_keys))
    files = {
        key: unsigned(path) if is_url(path) else recorded_checksum(path, key)
        for key, path in source.own_files().items()
    }
    return [settings, files]
