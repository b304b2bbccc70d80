"""Bands and masks of a sensor: what each is called by providers, and which feature it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minecover.errors import SurveyError
from minecover.sources.item_document import ItemError

__all__ = ["Band", "Mask", "asset_of", "assets_of_bands", "present_assets"]


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


def assets_of_bands(
    item: Mapping[str, Any], bands: Sequence[Band], named: Mapping[str, str], source: str
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
    item: Mapping[str, Any], bands: Sequence[Band], named: Mapping[str, str], source: str
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
            f"sources.{source}.assets: no band {', '.join(sorted(unknown))}; there are "
            f"{', '.join(band.name for band in bands)}"
        )
    keys, faults = dict[str, str](), list[ItemError]()
    for band in bands:
        names = (named[band.name],) if band.name in named else band.assets
        advice = f"name it in `sources.{source}.assets`, as `{band.name}: its-name`"
        try:
            keys[band.name] = asset_of(item, band.name, names, advice)
        except ItemError as fault:
            faults.append(fault)
    return keys, faults


def asset_of(item: Mapping[str, Any], what: str, names: Sequence[str], advice: str) -> str:
    """Find the first asset of an item that has one of some names.

    Raises
    ------
    ItemError
        None has; the message ends in `advice`.
    """
    present = item.get("assets", {})
    for name in names:
        if name in present:
            return name
    raise ItemError(
        f"item {item.get('id')}: asset missing: {what} (looked for {', '.join(names)}); "
        f"there are {', '.join(sorted(present)) or 'none'}; {advice}"
    )
