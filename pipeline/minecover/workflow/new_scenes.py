"""New scenes: what the catalog has more than a survey looked up, and the tiles that they touch.

A survey's items are frozen when its catalog is first looked up. When it is looked up anew, the
items of before are kept beside the new ones: a tile that reads the same items is done by both, and
stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from minecover.errors import MinecoverError
from minecover.ledger.stage_order import neighbourhood
from minecover.sources.freeze import freeze
from minecover.sources.manifest import ALWAYS, Item, Manifest
from minecover.sources.registry import sources_of
from minecover.stages.registry import stages_of
from minecover.storage.fingerprint import fingerprint
from minecover.storage.names import EARLIER_MANIFEST_FILE, MANIFESTS_FILE, manifest_of
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.workflow.layout import Kept
from minecover.workflow.stage import Workspace

__all__ = [
    "differences",
    "kept_of_cube",
    "kept_of_features",
    "look_up_again",
    "new_scenes",
    "remember_manifest",
]

CATALOG, CUBE, FEATURES = "catalog", "cube", "features"

Reading = tuple[tuple[int, str], ...]
"""What a tile reads of a source and season: overpass and item, in order."""


def differences(survey: Survey, now: Manifest) -> Iterator[str]:
    """Say what the catalog has more and less than the survey's store looked up.

    Parameters
    ----------
    survey
        Whose store it is.
    now
        What the catalog has; of a survey of periods, of the latest.
    """
    workspace = Workspace(survey, stages_of(survey))
    store, ledger = workspace.store, workspace.ledger
    latest = manifest_of(survey.period_names[-1])
    if store.read(latest) is None:
        return
    if not ledger.is_stage_done(CATALOG, workspace.fingerprint(CATALOG)):
        return  # of other settings: the next run looks everything up
    before, after = (
        {(item.source, item.id): item for item in manifest.found}
        for manifest in (Manifest.load(store, latest), now)
    )
    new, gone = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    common = after.keys() & before.keys()
    changed = sum(_content(after[key]) != _content(before[key]) for key in common)
    if not new and not gone and not changed:
        return
    parts = [f"{len(new)} scenes more than were looked up" if new else ""]
    parts += [f"{len(gone)} less" if gone else "", f"{changed} otherwise" if changed else ""]
    first = f" (the first: {(new or gone)[0][1]})" if new or gone else ""
    yield (
        f"new scenes: the catalog has {', '.join(filter(None, parts))}{first}; take them up by "
        "`minecover run --new-scenes` with the survey: only the tiles that they touch are composed "
        "again"
    )


def new_scenes(survey: Survey) -> Iterator[str]:
    """Ask the catalog, and say what it has more than the survey's store looked up."""
    try:
        # of a survey of periods the seasons are those of the latest
        sources, grid = sources_of(survey.sources), survey_grid(survey)
        yield from differences(survey, freeze(sources, survey.catalog, survey.seasons, grid))
    except MinecoverError as error:
        yield f"new scenes: it is not known whether there are any: {error}"


def look_up_again(workspace: Workspace, periods: Collection[str]) -> None:
    """Have the items of some periods looked up again, and no others."""
    known: Any = workspace.store.read_json(MANIFESTS_FILE, {"periods": dict})
    if known is not None:
        rest = {name: key for name, key in known["periods"].items() if name not in periods}
        workspace.store.write_json(MANIFESTS_FILE, {**known, "periods": rest})
    workspace.ledger.reopen_stage(CATALOG)


def remember_manifest(workspace: Workspace, period: str, found: Manifest) -> None:
    """Keep the items of before where the cube is made of them.

    Parameters
    ----------
    workspace, period
        Whose manifest is about to be replaced.
    found
        What replaces it.
    """
    store, layout = workspace.store, workspace.ledger.layout(CUBE)
    name = manifest_of(period)
    known = store.read_json(name)
    if known is None or layout is None or Manifest.load(store, name) == found:
        return
    if _made(layout).get(period) == _current(workspace, CUBE)[period]:
        store.write_json(manifest_of(period, EARLIER_MANIFEST_FILE), known)


def kept_of_cube(workspace: Workspace) -> Kept | None:
    """Tiles of the cube that read the same items as before new scenes were taken up."""
    before = _before(workspace, CUBE)
    return Kept(before, lambda: _unchanged(workspace, before)) if before else None


def kept_of_features(workspace: Workspace) -> Kept | None:
    """Tiles of the features whose tiles of the cube, and those around them, were kept."""
    before = _before(workspace, FEATURES)

    def tiles() -> Collection[str]:
        names = {tile.name for tile in workspace.tiles_of(CUBE)}
        kept = workspace.ledger.kept(CUBE, workspace.fingerprint(CUBE))
        return {name for name in kept if kept.issuperset(names.intersection(neighbourhood(name)))}

    return Kept(before, tiles) if before else None


def _before(workspace: Workspace, stage: str) -> dict[str, str]:
    """Give the fingerprint of each period whose raster was made before new scenes were taken up."""
    periods, layout = workspace.survey.period_names, workspace.ledger.layout(stage)
    there = {name for name in periods if _has_earlier(workspace, name)}
    if layout is None or not there:
        return {}
    made, first, found = _made(layout), periods[0], dict[str, str]()
    # what is made of a period may depend on the first as well
    for name in periods:
        for earlier in ({name}, {name, first}, {first}):
            if earlier <= there:
                key = _current(replace(workspace, earlier=frozenset(earlier)), stage)[name]
                if made.get(name) == key:
                    found[name] = key
    return found


def _has_earlier(workspace: Workspace, period: str) -> bool:
    return workspace.store.read(manifest_of(period, EARLIER_MANIFEST_FILE)) is not None


def _made(layout: Mapping[str, Any]) -> Mapping[str, str]:
    """Give the fingerprint of each period of a raster as it was laid out."""
    made: Mapping[str, str] = layout.get("periods") or {
        "": layout.get("before", layout["fingerprint"])
    }
    return made


def _current(workspace: Workspace, stage: str) -> Mapping[str, str]:
    found = workspace.stage_fingerprint(stage)
    return found.periods or {"": found.whole}


def _unchanged(workspace: Workspace, periods: Iterable[str]) -> set[str]:
    """Names of the tiles that read the same items as before, in the same overpasses and order."""
    return {name for period in periods for name in _unchanged_in(workspace, period)}


def _unchanged_in(workspace: Workspace, period: str) -> set[str]:
    if not _has_earlier(workspace, period):
        return set()
    before = Manifest.load(workspace.store, manifest_of(period, EARLIER_MANIFEST_FILE))
    after = Manifest.load(workspace.store, manifest_of(period))
    contents = {id(item): _content(item) for item in (*before.found, *after.found)}
    survey, grid = workspace.survey.in_period(period), workspace.grid
    images = [
        (source.name, season)
        for source in sources_of(survey.sources)
        for season in (survey.seasons if source.is_seasonal else (ALWAYS,))
    ]

    def reads(manifest: Manifest, bounds: tuple[float, float, float, float]) -> list[Reading]:
        return [
            _reading(manifest.items(source, season, bounds), contents) for source, season in images
        ]

    tiles = grid.tiles.in_periods([period])
    rectangles = ((tile.name, grid.bounds(grid.window(tile))) for tile in tiles)
    return {name for name, bounds in rectangles if reads(before, bounds) == reads(after, bounds)}


def _content(item: Item) -> str:
    """Give all of an item but its number among others, which another item changes."""
    return fingerprint(item.model_dump(mode="json", exclude={"acquisition", "rank"}))


def _reading(items: tuple[Item, ...], contents: dict[int, str]) -> Reading:
    """Give what is read of items in order of overpass and rank, the overpasses numbered from 0."""
    overpasses = groupby(items, key=lambda item: item.acquisition)
    return tuple(
        (number, contents[id(item)])
        for number, (_, members) in enumerate(overpasses)
        for item in members
    )
