"""Which features a survey has: what its sources observe, and what is computed from that.

In the paper (Liu et al. 2025, doi:10.6046/zrzyyg.2024080, Table 2) there are 31: the first 27 once
a season, the last four once, which makes 112 layers for four seasons. A survey has those of its
sources, and may have other sources and other spectral indices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from minecover.errors import SurveyError
from minecover.features.indices import NDRI_FORMULAS
from minecover.features.registry import INDICES
from minecover.features.settings import FeatureSettings
from minecover.features.spectral_index import SpectralIndex
from minecover.features.tasselled_cap import TasselledCap, tasselled_cap
from minecover.layers import Layer, RasterLayer, raster_layers

__all__ = ["ELEVATION", "FeatureCatalogue", "chosen_index", "feature_catalogue"]

ELEVATION = "elevation"
"""Layer of the cube from which slope and aspect are computed."""

_TASSELLED_CAP = (
    ("brightness", "1", "sum of coefficient x band"),
    ("greenness", "1", "sum of coefficient x band"),
    ("wetness", "1", "sum of coefficient x band"),
)
_TEXTURE = (
    ("GLCM_ASM", "1", "sum of p^2, p the co-occurrence of grey levels i and j"),
    ("GLCM_ENT", "nat", "-sum of p ln p"),
    ("GLCM_CONTRAST", "level^2", "sum of (i - j)^2 p"),
    ("GLCM_IDM", "1", "sum of p / (1 + (i - j)^2)"),
    ("GLCM_CORR", "1", "sum of (i - mu)(j - mu) p / sigma^2; 1 where sigma is 0"),
)
_TERRAIN = (
    ("slope", "degree", "Horn 1981"),
    ("aspect", "degree", "Horn 1981, clockwise from north; -1 where flat"),
)


@dataclass(frozen=True)
class FeatureCatalogue:
    """The features of a survey; see `feature_catalogue`.

    Attributes
    ----------
    seasons
        In their order.
    cube
        Layers of the cube without their seasons, in the order of their sources.
    settings
        Of the survey.
    lacking
        Layers of the cube that its sources could have and its data has not.
    """

    seasons: tuple[str, ...]
    cube: tuple[Layer, ...]
    settings: FeatureSettings
    lacking: tuple[Layer, ...] = ()

    @cached_property
    def indices(self) -> tuple[SpectralIndex, ...]:
        """Spectral indices that are computed, in the survey's order."""
        return tuple(index for index in self._chosen if index.name not in self.left_out)

    @cached_property
    def left_out(self) -> dict[str, tuple[str, ...]]:
        """Features that need what the data lacks, without their seasons: name to those layers."""
        cap, absent = self._cap.bands, {layer.name for layer in self.lacking}
        needed = dict[str, tuple[str, ...]]()
        needed |= {layer.feature: (layer.name,) for layer in self.lacking if layer.feature}
        needed |= {index.name: index.bands for index in self._chosen}
        needed |= {name: cap for name, _, _ in _TASSELLED_CAP}
        return {
            name: tuple(layer for layer in layers if layer in absent)
            for name, layers in needed.items()
            if not absent.isdisjoint(layers)
        }

    @cached_property
    def _chosen(self) -> tuple[SpectralIndex, ...]:
        return tuple(chosen_index(name, self.settings.ndri) for name in self.settings.indices)

    @property
    def _cap(self) -> TasselledCap:
        return tasselled_cap(self.settings.tasselled_cap)

    @cached_property
    def features(self) -> tuple[Layer, ...]:
        """Features without their seasons: source by source, observed ones before computed ones."""
        computed = tuple(self._computed())
        return tuple(
            feature
            for source in dict.fromkeys(layer.source for layer in self.cube)
            for feature in (*self.observed.values(), *computed)
            if feature.source == source
        )

    @cached_property
    def observed(self) -> dict[str, Layer]:
        """Features that need no computation, by the name of the layer of the cube that they are."""
        return {
            layer.name: replace(layer, name=layer.feature, feature=None)
            for layer in self.cube
            if layer.feature is not None
        }

    @cached_property
    def layers(self) -> tuple[RasterLayer, ...]:
        """Season by season, then those of the whole survey."""
        return raster_layers(self.seasons, self.features)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the layers."""
        return tuple(layer.name for layer in self.layers)

    def __getitem__(self, name: str) -> RasterLayer:
        """Find a layer by its name.

        Raises
        ------
        SurveyError
            There is none of that name.
        """
        found = self._by_name.get(name)
        if found is None:
            raise SurveyError(
                f"no layer of features is called {name!r}; features are "
                f"{', '.join(feature.name for feature in self.features)}, seasonal ones with "
                f"their season in front, as in {self.names[0]}"
            )
        return found

    @cached_property
    def _by_name(self) -> dict[str, RasterLayer]:
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def _cube_by_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.cube}

    def _computed(self) -> Iterator[Layer]:
        """Features that are computed from the cube."""
        for index in self.indices:
            bands = self._needed(f"indices: {index.name}", index.bands)
            seasonal = any(band.seasonal for band in bands)
            source, text = bands[0].source, index.formula
            yield Layer(index.name, source, "index", index.unit, seasonal, text, None, index.code)
        cap = self._cap
        if _TASSELLED_CAP[0][0] not in self.left_out:
            bands = self._needed(f"tasselled_cap: {cap.name}", cap.bands)
            origin = f", {cap.source}, derived for {cap.derived_for}"
            yield from _layers(bands[0], "tasselled cap", _TASSELLED_CAP, 18, origin)
        bands = self._needed("texture_band", (self.settings.texture_band,))
        yield from _layers(bands[0], "texture", _TEXTURE, 21)
        if ELEVATION in self._cube_by_name:
            yield from _layers(self._cube_by_name[ELEVATION], "terrain", _TERRAIN, 29)

    def _needed(self, key: str, names: Sequence[str]) -> list[Layer]:
        """Layers of the cube that are needed for what a key of the settings asks for."""
        missing = [name for name in names if name not in self._cube_by_name]
        if missing:
            raise SurveyError(
                f"features.{key} needs {', '.join(missing)}, which no source of the survey has; "
                f"there are {', '.join(self._cube_by_name)}; name another, or take it out"
            )
        return [self._cube_by_name[name] for name in names]


def _layers(
    given: Layer, group: str, rows: Sequence[tuple[str, str, str]], code: int, origin: str = ""
) -> Iterator[Layer]:
    for place, (name, unit, text) in enumerate(rows):
        yield Layer(
            name, given.source, group, unit, given.seasonal, text + origin, None, code + place
        )


def feature_catalogue(
    seasons: Sequence[str],
    cube: Sequence[Layer],
    settings: FeatureSettings,
    lacking: Sequence[Layer] = (),
) -> FeatureCatalogue:
    """List the features of a survey.

    Parameters
    ----------
    seasons
        Of the survey, in their order.
    cube
        Layers that its sources bring to the cube, source by source.
    settings
        Which indices, and how.
    lacking
        Layers that its sources could bring and the survey's data has not; features that need
        them are left out.

    Raises
    ------
    SurveyError
        An index is not one, or is computed from layers that no source brings; two features have
        one name.
    """
    catalogue = FeatureCatalogue(tuple(seasons), tuple(cube), settings, tuple(lacking))
    _ = catalogue.layers  # refused here, not where they are first looked at
    return catalogue


def chosen_index(name: str, ndri: str) -> SpectralIndex:
    """Find a spectral index by its name, NDRI by the choice of its formula.

    Raises
    ------
    SurveyError
        There is none of that name, or that of another package is none.
    """
    index = INDICES[name]
    if INDICES.is_own(name):
        return NDRI_FORMULAS[ndri] if index in NDRI_FORMULAS.values() else index
    if index.name != name:
        raise SurveyError(
            f"spectral index {name!r}: it is registered under this name, and is called "
            f"{index.name!r} itself; give both the same"
        )
    index.check()
    return index
