"""The stage that looks up the items and freezes them into the manifest."""

from __future__ import annotations

import hashlib
from typing import Any

from minecover.sources.catalog import ADVICE
from minecover.sources.checksum import recorded_checksum
from minecover.sources.freeze import freeze
from minecover.sources.links import unsigned
from minecover.sources.manifest import Manifest
from minecover.sources.registry import CLOUD_MASKS, SOURCES, named_masks, sources_of
from minecover.sources.source import Source
from minecover.stages.registry import PURPOSES
from minecover.storage.canonical_json import Json
from minecover.storage.location import content_digest, is_url
from minecover.storage.names import MANIFESTS_FILE, manifest_of
from minecover.survey import Survey
from minecover.survey.periods import about_period
from minecover.workflow.cost import StageCost
from minecover.workflow.new_scenes import remember_manifest
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["CATALOG"]


def _look_up(context: StageContext) -> Facts:
    workspace = context.workspace
    facts = [_look_up_in(context, name) for name in workspace.survey.period_names]
    if len(facts) == 1:
        return facts[0]
    periods = dict(zip(workspace.survey.periods, facts, strict=True))
    counts = {key: sum(one.get(key, 0) for one in facts) for key in ("items", "left_out")}
    return {**{key: count for key, count in counts.items() if count}, "periods": periods}


def _look_up_in(context: StageContext, period: str) -> Facts:
    """Freeze the items of a period; those that are frozen stay."""
    workspace = context.workspace
    found = _frozen(context, period)
    if found is None:
        part = workspace.in_period(period)
        survey = part.survey
        with about_period(period):
            found = freeze(sources_of(survey.sources), survey.catalog, survey.seasons, part.grid)
        remember_manifest(workspace, period, found)
        found.save(workspace.store, manifest_of(period))
        _note_frozen(context, period)
    facts: Facts = {"items": len(found.found), "manifest": found.fingerprint}
    return {**facts, "left_out": len(found.left_out)} if found.left_out else facts


def _frozen(context: StageContext, period: str) -> Manifest | None:
    """Read what was found for a period with these settings, and is not to be looked up again."""
    store = context.workspace.store
    if not period or _noted(context).get(period) != context.periods[period]:
        return None
    name = manifest_of(period)
    return None if store.read(name) is None else Manifest.load(store, name)


def _noted(context: StageContext) -> dict[str, str]:
    """Give the fingerprints under which the periods were looked up."""
    known: Any = context.workspace.store.read_json(MANIFESTS_FILE, {"generation": int})
    generation = context.workspace.invalidation.known[context.stage]
    return {} if known is None or known["generation"] != generation else dict(known["periods"])


def _note_frozen(context: StageContext, period: str) -> None:
    if period:
        noted = {**_noted(context), period: context.periods[period]}
        current = {name: key for name, key in noted.items() if name in context.periods}
        generation = context.workspace.invalidation.known[context.stage]
        document: Json = {"generation": generation, "periods": dict(current)}
        context.workspace.store.write_json(MANIFESTS_FILE, document)


def _depends_on(workspace: Workspace) -> Json:
    """Sections that decide what is found; files by their content, the same in any folder."""
    survey, url = workspace.survey, workspace.survey.catalog.url
    area = hashlib.sha256(workspace.grid.area.wkb).hexdigest()
    # its first document, not the thousands it links to: those that are taken go into the manifest
    catalog = unsigned(url) if is_url(url) else content_digest(url, "catalog.url", ADVICE)
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
    by_period=True,
    cost=StageCost(
        units=lambda survey, work: float(work.items), volume=lambda survey, v: (0.0, 0.0)
    ),
)
"""Its result: `manifest.json`; of a survey of periods one for each, under `manifests/`."""
