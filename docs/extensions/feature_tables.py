"""The features, from their catalogue."""

from __future__ import annotations

from markup import table
from pydantic import TypeAdapter

from minecover.features.catalogue import FeatureCatalogue, feature_catalogue
from minecover.features.settings import FeatureSettings
from minecover.features.tasselled_cap import TASSELLED_CAPS
from minecover.sources.chosen import SourceSettings
from minecover.sources.registry import SOURCES, sources_of

LUOJIA = {"path": "luojia1.tif"}
SEASONS = ("spring", "summer", "autumn", "winter")


def catalogue() -> FeatureCatalogue:
    """Give the features of a survey with every source of this package and four seasons."""
    own = (name for name in SOURCES.own_names() if not SOURCES[name].extra)
    named: dict[str, dict[str, str]] = {name: {} for name in own}
    sections = TypeAdapter(SourceSettings).validate_python(named | {"night_lights": LUOJIA})
    layers = [layer for source in sources_of(sections) for layer in source.layers()]
    return feature_catalogue(SEASONS, layers, FeatureSettings())


def features() -> str:
    """List the features, by their number in the paper."""
    found = sorted(catalogue().features, key=lambda feature: feature.code or 0)
    rows = [
        (
            str(feature.code or ""),
            f"`{feature.name}`",
            feature.source,
            feature.group,
            feature.description,
            feature.unit,
            "each season" if feature.seasonal else "once",
        )
        for feature in found
    ]
    return table(("code", "name", "source", "group", "what it is", "unit", "layers"), rows)


def tasselled_caps() -> str:
    """List the sets of coefficients."""
    rows = [
        (
            f"`{cap.name}`",
            ", ".join(cap.bands),
            *(", ".join(f"{value:.4f}" for value in values) for values in components),
            cap.source,
            cap.derived_for,
        )
        for cap in TASSELLED_CAPS.values()
        for components in [(cap.brightness, cap.greenness, cap.wetness)]
    ]
    heads = ("bands", "brightness", "greenness", "wetness", "published in", "derived for")
    return table(("`features.tasselled_cap`", *heads), rows)
