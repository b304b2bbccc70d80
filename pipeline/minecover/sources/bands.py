"""Bands and masks of a sensor: what each is called by providers, and which feature it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minecover.errors import SurveyError
from minecover.sources.item_document import Document, ItemError
from minecover.sources.links import is_in_store

__all__ = [
    *("BAND", "Band", "Mask"),
    *("asset_of", "assets_of_bands", "bands_in_data", "present_assets"),
]


BAND = "minecover:band"
"""Field of an asset made of one band of a file: its number, or what it is called there."""

BAND_LISTS = ("raster:bands", "eo:bands", "bands")
"""Fields of an asset that list the bands of its file."""

BAND_NAMES = ("name", "common_name", "eo:common_name", "description")
"""Fields of a band that say what it is called."""


@dataclass(frozen=True)
class Band:
    """One band, or one polarisation.

    Attributes
    ----------
    name
        Of its layer in the cube.
    feature
        Name of the feature that it is.
    assets
        Names that providers give to its asset; the first that an item has is taken.
    description
        What it is.
    code
        Number in Table 2 of Liu et al. 2025 (10.6046/zrzyyg.2024080); None: not of it.
    """

    name: str
    feature: str
    assets: tuple[str, ...]
    description: str
    code: int | None = None


@dataclass(frozen=True)
class Mask:
    """The asset that says what each pixel shows.

    Attributes
    ----------
    key
        Under which the manifest keeps it.
    assets
        Names that providers give to it; the first that an item has is taken.
    advice
        What to do where an item has none.
    """

    key: str
    assets: tuple[str, ...]
    advice: str = "take the item out of the catalog"


def bands_in_data(bands: Sequence[Band], named: Sequence[str] | None, key: str) -> tuple[Band, ...]:
    """Choose the bands of a sensor that a survey's data has, in the sensor's order.

    Parameters
    ----------
    bands
        Of the sensor.
    named
        What the survey says that its data has; None: all.
    key
        Under which it says so.

    Raises
    ------
    SurveyError
        It names a band that the sensor does not have, or none.
    """
    if named is None:
        return tuple(bands)
    known = [band.name for band in bands]
    unknown = [name for name in named if name not in known]
    if unknown or not named:
        raise SurveyError(
            f"{key}: {'no band ' + ', '.join(unknown) if unknown else 'it is empty'}; name those "
            f"of {', '.join(known)} that the data has, or take the key out if it has all"
        )
    return tuple(band for band in bands if band.name in named)


def assets_of_bands(
    item: Document, bands: Sequence[Band], named: Mapping[str, str], source: str
) -> dict[str, str]:
    """Find the assets of all bands of an item; see `present_assets`.

    Raises
    ------
    SurveyError
        `named` names no band of the source.
    ItemError
        An asset is missing.
    """
    keys, faults = present_assets(item, bands, named, source)
    if faults:
        raise faults[0]
    return keys


def present_assets(
    item: Document, bands: Sequence[Band], named: Mapping[str, str], source: str, key: str = "bands"
) -> tuple[dict[str, str], list[ItemError]]:
    """Find the assets of those bands that an item has.

    Parameters
    ----------
    item
        Its STAC document.
    bands
        Of the source.
    named
        The survey's own names of assets, by band.
    source
        Name of the source.
    key
        Of its section, which says what bands the data has.

    Returns
    -------
    Key of the asset by name of the band, and a fault for each band that has none.

    Raises
    ------
    SurveyError
        `named` names no band of the source.
    """
    unknown = set(named) - {band.name for band in bands}
    if unknown:
        raise SurveyError(
            f"sources.{source}.assets: no band {', '.join(sorted(unknown))}; the data has "
            f"{', '.join(band.name for band in bands)}"
        )
    keys, faults, files = dict[str, str](), list[ItemError](), Counter(named.values())
    for band in bands:
        names = (named[band.name],) if band.name in named else band.assets
        if files[names[0]] > 1 and not recorded_bands(item["assets"].get(names[0], {})):
            names = (f"{names[0].partition('#')[0]}#{band.name}",)  # called so in the file
        advice = (
            f"name it in `sources.{source}.assets`, as `{band.name}: its-name`, or, where all of "
            f"the data lacks it, those that it has in `sources.{source}.{key}`"
        )
        try:
            keys[band.name] = asset_of(item, band.name, names, advice, band.assets)
        except ItemError as fault:
            faults.append(fault)
    return keys, faults


def asset_of(
    item: Document, what: str, names: Sequence[str], advice: str, called: Sequence[str] = ()
) -> str:
    """Find the first asset of an item that has one of some names.

    A name may say which band of the file is meant, `image#3` or `image#red`, or which array of a
    group of a Zarr store, `SR_10m#b02`; without it, of an
    asset that records several bands the one that is called as it should be is taken.

    Parameters
    ----------
    item
        Its STAC document; a band of a file becomes an asset of it, called `image#3`.
    what
        Name of the band or mask.
    names
        Of assets.
    advice
        What to do where there is none.
    called
        What the band may be called in a file of several.

    Raises
    ------
    ItemError
        There is none; the message ends in `advice`.
    """
    present = item.get("assets", {})
    for name in names:
        key, _, band = name.partition("#")
        if name in present and not band and not recorded_bands(present[name]):
            return name
        if key in present:
            return _band_of(item, key, (band,) if band else (what, *called), what)
    raise ItemError(
        f"item {item.get('id')}: asset missing: {what} (looked for {', '.join(names)}); "
        f"there are {', '.join(sorted(present)) or 'none'}; {advice}"
    )


def recorded_bands(asset: Mapping[str, Any]) -> list[list[str]]:
    """List what each band of an asset is called, where it records several."""
    lists = [asset.get(key) for key in BAND_LISTS]
    longest = max((len(bands) for bands in lists if isinstance(bands, list)), default=0)
    called: list[list[str]] = [[] for _ in range(longest)]
    for bands in lists:
        for names, band in zip(called, bands if isinstance(bands, list) else (), strict=False):
            if isinstance(band, Mapping):
                names += [str(band[field]) for field in BAND_NAMES if field in band]
    return called if longest > 1 else []


def _band_of(item: Document, key: str, wanted: Sequence[str], what: str) -> str:
    """Make an asset of one band of a file; its name is looked for in the file if need be."""
    asset = item["assets"][key]
    if is_in_store(asset["href"]) and len(wanted) == 1:  # a group of arrays: named by the survey
        place = f"{asset['href'].rstrip('/')}/{wanted[0]}"
        own = {field: value for field, value in asset.items() if field not in BAND_LISTS}
        item["assets"][f"{key}#{wanted[0]}"] = {**own, "href": place}
        return f"{key}#{wanted[0]}"
    known = recorded_bands(asset)
    number: int | str = int(wanted[0]) if wanted[0].isdecimal() else wanted[0]
    if isinstance(number, str) and known:
        numbers = [n for n, names in enumerate(known, start=1) if set(names) & set(wanted)]
        if len(numbers) == 1:
            number = numbers[0]
        elif any(known):
            raise ItemError(
                f"item {item.get('id')}, asset {key}: of its {len(known)} bands "
                f"{'none is' if not numbers else 'several are'} called {' or '.join(wanted)}; "
                f"name it by its number, as `{what}: {key}#1`"
            )
    cut = {field: asset[field] for field in BAND_LISTS if field in asset}
    if isinstance(number, int):
        cut = {field: bands[number - 1 : number] for field, bands in cut.items()}
    item["assets"][f"{key}#{number}"] = {**asset, **cut, BAND: number}
    return f"{key}#{number}"
