"""The stage that looks up the items and freezes them into the manifest."""

from __future__ import annotations

import hashlib

from minecover.sources.checksum import recorded_checksum
from minecover.sources.freeze import freeze
from minecover.sources.links import unsigned
from minecover.storage.canonical_json import Json
from minecover.storage.location import content_digest, is_url
from minecover.workflow.progress import Facts
from minecover.workflow.run import Run

__all__ = []


def _catalog(run: Run, mark: str) -> Facts:
    del mark
    manifest = freeze(run.survey, run.grid)
    manifest.save(run.store)
    return {"items": len(manifest.found), "manifest": manifest.fingerprint}


def _catalog_sections(run: Run) -> Json:
    """Sections that decide what is found; files by their content, the same in any folder."""
    dump, url = run.survey.model_dump(mode="json"), run.survey.catalog.url
    area = hashlib.sha256(run.grid.area.wkb).hexdigest()
    for name, source in dump["sources"].items():
        path = (source or {}).get("path")
        if path is not None:
            key = f"sources.{name}.path"
            source["path"] = unsigned(path) if is_url(path) else recorded_checksum(path, key)
    # its first document, not the thousands it links to: those that are taken go into the manifest
    advice = "give a STAC API or a catalog.json"
    catalog = unsigned(url) if is_url(url) else content_digest(url, "catalog.url", advice)
    return [area, run.grid.crs, dump["seasons"], dump["sources"], catalog]
