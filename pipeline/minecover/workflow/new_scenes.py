"""New scenes: what the catalog has more than a survey looked up, and the tiles that they touch.

A survey's items are frozen when its catalog is first looked up. When it is looked up anew, the
items of before are kept beside the new ones: a tile that reads the same items is done by both, and
stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby

from minecover.errors import MinecoverError
from minecover.geography.grid import Grid
from minecover.ledger.stage_order import neighbourhood
from minecover.sources.freeze import freeze
from minecover.sources.manifest import ALWAYS, Item, Manifest
from minecover.sources.registry import sources_of
from minecover.stages.registry import stages_of
from minecover.storage.fingerprint import fingerprint
from minecover.storage.names import EARLIER_MANIFEST_FILE, MANIFEST_FILE
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.workflow.layout import Kept
from minecover.workflow.stage import Workspace

__all__ = [
    "differences",
    "kept_of_cube",
    "kept_of_features",
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
        What the catalog has.
    """
    workspace = Workspace(survey, stages_of(survey))
    store, ledger = workspace.store, workspace.ledger
    if store.read(MANIFEST_FILE) is None:
        return
    if not ledger.is_stage_done(CATALOG, workspace.fingerprint(CATALOG)):
        return  # of other settings: the next run looks everything up
    before, after = (
        {(item.source, item.id): item for item in manifest.found}
        for manifest in (Manifest.load(store), now)
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
        sources, grid = sources_of(survey.sources), survey_grid(survey)
        yield from differences(survey, freeze(sources, survey.catalog, survey.seasons, grid))
    except MinecoverError as error:
        yield f"new scenes: it is not known whether there are any: {error}"


def remember_manifest(workspace: Workspace, found: Manifest) -> None:
    """Keep the items of before where the cube is made of them.

    Parameters
    ----------
    workspace
        Whose manifest is about to be replaced.
    found
        What replaces it.
    """
    store, layout = workspace.store, workspace.ledger.layout(CUBE)
    known = store.read_json(MANIFEST_FILE)
    if known is None or layout is None or Manifest.load(store) == found:
        return
    made = layout.get("before", layout["fingerprint"])
    if made == _with_manifest(workspace, MANIFEST_FILE).fingerprint(CUBE):
        store.write_json(EARLIER_MANIFEST_FILE, known)


def kept_of_cube(workspace: Workspace) -> Kept | None:
    """Tiles of the cube that read the same items as before new scenes were taken up."""
    if workspace.store.read(EARLIER_MANIFEST_FILE) is None:
        return None
    before = _with_manifest(workspace, EARLIER_MANIFEST_FILE).fingerprint(CUBE)
    return Kept(before, lambda: _unchanged(workspace))


def kept_of_features(workspace: Workspace) -> Kept | None:
    """Tiles of the features whose tiles of the cube, and those around them, were kept."""
    if workspace.store.read(EARLIER_MANIFEST_FILE) is None:
        return None

    def tiles() -> Collection[str]:
        names = {tile.name for tile in workspace.grid.tiles}
        kept = workspace.ledger.kept(CUBE, workspace.fingerprint(CUBE))
        return {name for name in kept if kept.issuperset(names.intersection(neighbourhood(name)))}

    before = _with_manifest(workspace, EARLIER_MANIFEST_FILE).fingerprint(FEATURES)
    return Kept(before, tiles)


def _with_manifest(workspace: Workspace, manifest: str) -> Workspace:
    return Workspace(workspace.survey, workspace.stages, manifest=manifest)


def _unchanged(workspace: Workspace) -> set[str]:
    """Names of the tiles that read the same items as before, in the same overpasses and order."""
    before = Manifest.load(workspace.store, EARLIER_MANIFEST_FILE)
    after = Manifest.load(workspace.store)
    contents = {id(item): _content(item) for item in (*before.found, *after.found)}
    survey, grid = workspace.survey, workspace.grid
    images = [
        (source.name, season)
        for source in sources_of(survey.sources)
        for season in (survey.seasons if source.is_seasonal else (ALWAYS,))
    ]

    def reads(manifest: Manifest, bounds: tuple[float, float, float, float]) -> list[Reading]:
        return [
            _reading(manifest.items(source, season, bounds), contents) for source, season in images
        ]

    return {name for name, bounds in _bounds(grid) if reads(before, bounds) == reads(after, bounds)}


def _bounds(grid: Grid) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    for tile in grid.tiles:
        yield tile.name, grid.bounds(grid.window(tile))


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
