"""The 31 features of Liu et al. 2025 (doi:10.6046/zrzyyg.2024080), Table 2.

The first 27 exist once per season, the last four once: 112 layers for four seasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from minecover.errors import SurveyError

__all__ = ["FEATURES", "S2_BANDS", "SOURCES", "Feature", "feature", "layer_names"]

SOURCES = ("sentinel2", "sentinel1", "terrain", "night_lights")
"""Sources a survey may draw on, in the order their layers are stored."""

S2_BANDS = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12")
"""Sentinel-2 bands as assets are called, in the order of the catalogue."""


@dataclass(frozen=True)
class Feature:
    """One feature of the catalogue.

    Attributes
    ----------
    code
        Number in Table 2 of the paper, 1 to 31.
    name
        Name of the layer, without the season.
    source
        One of `SOURCES`.
    group
        Kind of feature: band, index, tasselled cap, texture, backscatter, terrain, night lights.
    unit
        Unit of the values; ``"1"`` for a pure number.
    seasonal
        Whether there is one layer per season, or one for the whole survey.
    formula
        How it is computed and where that comes from. B, G, R, N, S1 and S2 are reflectance in
        B02, B03, B04, B08, B11 and B12; p is the co-occurrence matrix of grey levels i and j.
    """

    code: int
    name: str
    source: str
    group: str
    unit: str
    seasonal: bool
    formula: str


_BANDS = tuple(
    (band.replace("B0", "B"), f"surface reflectance of {band}, 0-1") for band in S2_BANDS
)
_INDICES = (
    ("NDVI", "(N - R) / (N + R)"),
    ("EVI", "2.5 (N - R) / (N + 6 R - 7.5 B + 1), bounded to -1..1"),
    ("NDWI", "(G - S1) / (G + S1), Xu 2006"),
    ("LSWI", "(N - S1) / (N + S1)"),
    ("NDBI", "(S1 - N) / (S1 + N), which is -LSWI"),
    ("RRI", "B / N, Wu et al. 2006 (as cited, not verified), bounded to 0..10"),
    (
        "NDRI",
        "(S2 - N) / (S2 + N), Zhang & Gan 2014 (as cited, not verified), or (S1 - G) / (S1 + G)",
    ),
)
_TASSELLED_CAP = tuple(
    (name, "linear combination of bands, Shi & Xu 2019 doi:10.1109/JSTARS.2019.2938388 by default")
    for name in ("brightness", "greenness", "wetness")
)
_TEXTURE = (
    ("GLCM_ASM", "sum of p^2"),
    ("GLCM_ENT", "-sum of p ln p"),
    ("GLCM_CONTRAST", "sum of (i - j)^2 p"),
    ("GLCM_IDM", "sum of p / (1 + (i - j)^2)"),
    ("GLCM_CORR", "sum of (i - mu)(j - mu) p / sigma^2; 1 where sigma is 0"),
)
_BACKSCATTER = (("VV", "backscatter, VV"), ("VH", "backscatter, VH"))
_TERRAIN = (
    ("elevation", "m", "NASA DEM"),
    ("slope", "degree", "Horn 1981"),
    ("aspect", "degree", "Horn 1981, clockwise from north; -1 where flat"),
)
_TEXTURE_UNITS = {"GLCM_ENT": "nat", "GLCM_CONTRAST": "level^2"}


def _catalogue() -> tuple[Feature, ...]:
    rows: list[tuple[str, str, str, str, bool, str]] = [
        *((name, "sentinel2", "band", "1", True, text) for name, text in _BANDS),
        *((name, "sentinel2", "index", "1", True, text) for name, text in _INDICES),
        *((name, "sentinel2", "tasselled cap", "1", True, text) for name, text in _TASSELLED_CAP),
        *(
            (name, "sentinel2", "texture", _TEXTURE_UNITS.get(name, "1"), True, text)
            for name, text in _TEXTURE
        ),
        *((name, "sentinel1", "backscatter", "dB", True, text) for name, text in _BACKSCATTER),
        *((name, "terrain", "terrain", unit, False, text) for name, unit, text in _TERRAIN),
        ("NTL", "night_lights", "night lights", "W m-2 sr-1 um-1", False, "Luojia-1: DN^1.5 1e-10"),
    ]
    return tuple(Feature(code, *row) for code, row in enumerate(rows, start=1))


FEATURES: tuple[Feature, ...] = _catalogue()
"""All 31 features in the order of their codes."""

_BY_NAME = {entry.name: entry for entry in FEATURES}


def feature(layer: str) -> Feature:
    """Return the feature behind a layer name, with or without its season.

    Raises
    ------
    SurveyError
        If no feature has that name.

    Examples
    --------
    >>> feature("summer_NDVI").code
    11
    """
    for name in (layer, layer.partition("_")[2]):
        if name in _BY_NAME:
            return _BY_NAME[name]
    raise SurveyError(
        f"no feature is called {layer!r}; features are {', '.join(_BY_NAME)}, "
        "seasonal ones with their season in front, as in summer_NDVI"
    )


def layer_names(seasons: Sequence[str], sources: Iterable[str] = SOURCES) -> tuple[str, ...]:
    """Names of the layers of a survey, season by season, then those that have no season.

    Parameters
    ----------
    seasons
        Names of the seasons in order, for example ``("spring", "summer")``.
    sources
        Which of `SOURCES` the survey draws on.

    Returns
    -------
    tuple of str
        ``"<season>_<feature>"`` for seasonal features, ``"<feature>"`` for the others.

    Raises
    ------
    SurveyError
        If a season is named twice or a source is unknown.

    Examples
    --------
    >>> len(layer_names(("spring", "summer", "autumn", "winter")))
    112
    """
    chosen = set(sources)
    if unknown := chosen - set(SOURCES):
        raise SurveyError(
            f"unknown source {sorted(unknown)[0]!r}; choose from {', '.join(SOURCES)}"
        )
    if len(set(seasons)) != len(seasons):
        raise SurveyError(f"a season is named twice in {list(seasons)}; give each its own name")
    wanted = [entry for entry in FEATURES if entry.source in chosen]
    seasonal = tuple(f"{s}_{entry.name}" for s in seasons for entry in wanted if entry.seasonal)
    return seasonal + tuple(entry.name for entry in wanted if not entry.seasonal)
