"""What there is to look at in the cube and the features: pictures by season, indices, the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minecover.features.registry import INDICES
from minecover.products.product import Shown
from minecover.sources.optical import OpticalSource
from minecover.sources.registry import SOURCES
from minecover.stages.natural_colours import false_colour_bands, natural_bands
from minecover.storage.raster import Raster

__all__ = ["INDICES_GROUP", "features_shown", "pictures_shown", "season_of"]

INDICES_GROUP = "Indices"

PICTURES = (("True colour", natural_bands), ("False colour", false_colour_bands))


def pictures_shown(cube: Raster, seasons: Sequence[str]) -> Iterator[Shown]:
    """List true and false colour of every season of every optical source."""
    kinds = [kind for kind in SOURCES if issubclass(kind, OpticalSource)]
    for group, bands_of in PICTURES:
        for kind in kinds:
            bands = bands_of(kind) or ()
            for season in seasons:
                names = tuple(f"{season}_{band}" for band in bands)
                if names and set(names) <= set(cube.names):
                    yield Shown(group, f"{group}, {season}", season, "cube", cube, names)


def features_shown(features: Raster, seasons: Sequence[str]) -> Iterator[Shown]:
    """List every feature; spectral indices are a group of their own."""
    indices = set(INDICES.names())
    for name in features.names:
        season, plain = season_of(name, seasons)
        group = INDICES_GROUP if plain in indices else "Features"
        title = f"{plain}, {season}" if season else plain
        yield Shown(group, title, season or "", "features", features, (name,))


def season_of(name: str, seasons: Sequence[str]) -> tuple[str | None, str]:
    """Season of a layer, None where it has none, and its name without that."""
    for season in seasons:
        if name.startswith(f"{season}_"):
            return season, name.removeprefix(f"{season}_")
    return None, name
