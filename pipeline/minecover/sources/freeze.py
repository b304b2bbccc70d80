"""Search the catalog once and freeze what was found into the manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minecover.errors import DataError, SurveyError
from minecover.geography.grid import Grid
from minecover.sources import night_lights, sentinel1, sentinel2, terrain
from minecover.sources.checksum import recorded_checksum
from minecover.sources.links import redacted
from minecover.sources.locate import OWN, Locator
from minecover.sources.manifest import ALWAYS, Item, Manifest
from minecover.sources.native import read_header
from minecover.sources.overpass import numbered
from minecover.sources.search import Raw, Search, asset_on, day_of, is_in, rounded
from minecover.sources.settings import BANDS, NightLightsSettings, TerrainSettings
from minecover.storage.location import is_url
from minecover.survey import Survey

__all__ = ["freeze"]


def freeze(survey: Survey, grid: Grid) -> Manifest:
    """Search all sources of a survey over its area.

    Parameters
    ----------
    survey
        Sources, seasons and catalog.
    grid
        Its grid.

    Raises
    ------
    SurveyError
        The catalog is wrong, lacks a collection, does not cover the area, has no item in a
        season, or has more than `catalog.max_items`.
    DataError
        An item lacks an asset, a grid, or what turns its DN into reflectance.
    TryAgainError
        The catalog does not answer.
    """
    search = Search(survey, grid, Locator(survey))
    found: list[Item] = []
    for source in survey.present_sources():
        found += _FINDERS[source](search)
    found.sort(key=lambda item: (item.source, item.datetime or "", item.id))
    return Manifest(crs=grid.crs, found=tuple(found))


def _find_sentinel2(search: Search) -> list[Item]:
    settings = search.survey.sources.sentinel2
    unknown = set(settings.assets) - set(BANDS)
    if unknown:
        raise SurveyError(
            f"sources.sentinel2.assets: no band {', '.join(sorted(unknown))}; there are "
            f"{', '.join(BANDS)}"
        )

    def clear_enough(raw: Raw) -> bool:
        cover = raw.get("properties", {}).get("eo:cloud_cover")
        return cover is None or float(cover) <= settings.max_cloud_cover

    def build(raw: Raw) -> Item:
        assets, reasons = {}, set()
        for band, key in sentinel2.asset_keys(raw, settings).items():
            if band == sentinel2.SCL:
                assets[band] = search.asset(raw, key, 1.0, 0.0)
                continue
            decision = sentinel2.scaling(raw, key, settings)
            reasons.add(decision.reason)
            assets[band] = search.asset(raw, key, decision.scale, decision.offset)
        known = sentinel2.baseline(raw)
        found = search.item("sentinel2", raw, assets)
        record = {"decision": "; ".join(sorted(reasons)), "baseline": known[0] if known else 0.0}
        return found.model_copy(update=record)

    items = _by_season(search, "sentinel2", settings.collection, clear_enough, build)
    return numbered(items, search.grid.crs)


def _find_sentinel1(search: Search) -> list[Item]:
    settings = search.survey.sources.sentinel1
    assert settings is not None

    def build(raw: Raw) -> Item:
        keys = sentinel1.asset_keys(raw, settings)
        assets = {name: search.asset(raw, key) for name, key in keys.items()}
        return search.item("sentinel1", raw, assets)

    items = _by_season(search, "sentinel1", settings.collection, lambda raw: True, build)
    return numbered(items, search.grid.crs)


def _find_terrain(search: Search) -> list[Item]:
    settings = search.survey.sources.terrain
    assert settings is not None
    return _find_still(search, "terrain", settings, terrain.ASSET)


def _find_night_lights(search: Search) -> list[Item]:
    settings = search.survey.sources.night_lights
    assert settings is not None
    return _find_still(search, "night_lights", settings, night_lights.ASSET)


_FINDERS: dict[str, Callable[[Search], list[Item]]] = {
    "sentinel2": _find_sentinel2,
    "sentinel1": _find_sentinel1,
    "terrain": _find_terrain,
    "night_lights": _find_night_lights,
}


def _by_season(
    search: Search,
    source: str,
    collection: str,
    keep: Callable[[Raw], bool],
    build: Callable[[Raw], Item],
) -> list[Item]:
    """Items that `keep` lets through, with the seasons they fall in; no season may be empty."""
    seasons = search.survey.seasons
    ranges = [text for texts in seasons.values() for text in texts]
    kept, dropped = [], dict.fromkeys(seasons, 0)
    # streamed: a province's documents do not fit into memory, what is kept of them does
    for raw in search.items(source, collection, ranges):
        names = tuple(name for name, texts in seasons.items() if is_in(day_of(raw), texts))
        if keep(raw):
            kept.append(build(raw).model_copy(update={"seasons": names}))
        else:
            for name in names:
                dropped[name] += 1
    for season in seasons:
        if not any(season in item.seasons for item in kept):
            search.refuse_empty(source, collection, season, dropped[season])
    return kept


def _find_still(
    search: Search, source: str, settings: TerrainSettings | NightLightsSettings, key: str
) -> list[Item]:
    """Items of a source without seasons: one file, or all of a collection over the area."""
    if settings.path is not None:
        return [_own_file(search, source, settings.path, key)]
    collection = str(settings.collection)
    items = []
    for raw in search.items(source, collection, ()):
        if settings.asset not in raw.get("assets", {}):
            raise DataError(
                f"item {raw.get('id')}: asset missing: {settings.asset}; there are "
                f"{', '.join(sorted(raw.get('assets', {}))) or 'none'}; "
                f"name the right one in `sources.{source}.asset`"
            )
        items.append(search.item(source, raw, {key: search.asset(raw, settings.asset)}))
    if not items:
        search.refuse_empty(source, collection)
    return items


def _own_file(search: Search, source: str, path: str, key: str) -> Item:
    where = f"sources.{source}.path"
    checksum = None if is_url(path) else recorded_checksum(path, where)
    header = read_header(search.locator(OWN + source), path, where)
    bounds = rounded(header.grid.bounds(search.grid.crs))
    left, bottom, right, top = search.grid.area.bounds
    if bounds[0] >= right or bounds[2] <= left or bounds[1] >= top or bounds[3] <= bottom:
        raise SurveyError(
            f"{where}: {redacted(path)} does not touch the area: it covers {_metres(bounds)}, the "
            f"area {_metres((left, bottom, right, top))} (left, bottom, right, top in "
            f"{search.grid.crs_name}); give another file"
        )
    asset = asset_on(OWN + source, header.grid, None, 1.0, 0.0)
    return Item(
        source=source,
        seasons=(ALWAYS,),
        id=source,
        bounds=bounds,
        decision="the survey's file",
        simulated=header.simulated,
        assets={key: asset.model_copy(update={"checksum": checksum})},
    )


def _metres(box: Sequence[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in box)
