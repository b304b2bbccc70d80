"""What a selection of features came to: scores, ranks, the choice, and how firm it is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minecover.errors import DataError
from minecover.selection.redundancy import RedundantPair
from minecover.selection.stability import Stability

__all__ = ["CurvePoint", "SeasonAndGroup", "Selection", "season_and_group"]

_SEASONS = ("spring", "summer", "autumn", "winter")
_ALL_YEAR = "all year"
_GROUPS = {
    "spectral bands": ("B2", "B3", "B4", "B8", "B5", "B6", "B7", "B8A", "B11", "B12"),
    "spectral indices": ("NDVI", "EVI", "NDWI", "LSWI", "NDBI", "RRI", "NDRI"),
    "tasselled cap": ("BRIGHTNESS", "GREENNESS", "WETNESS"),
    "texture": ("ASM", "ENT", "CONTRAST", "IDM", "CORR"),
    "radar": ("VV", "VH"),
    "terrain": ("ELEVATION", "SLOPE", "ASPECT"),
    "night lights": ("NTL",),
}


@dataclass(frozen=True)
class CurvePoint:
    """Cross-validated accuracy of a forest on the best ``features`` features.

    Attributes
    ----------
    features : int
        How many.
    accuracy, standard_error : float
        Overall accuracy, 0-1: mean over the folds and its standard error.
    """

    features: int
    accuracy: float
    standard_error: float


@dataclass(frozen=True)
class SeasonAndGroup:
    """One cell of the table of chosen features (Liu et al. 2025, table 4).

    Attributes
    ----------
    season : str
        spring, summer, autumn, winter or "all year".
    group : str
        Kind of feature, such as "texture".
    names : tuple of str
        Chosen layers of that season and group, best first.
    """

    season: str
    group: str
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many layers were chosen."""
        return len(self.names)


def season_and_group(name: str) -> tuple[str, str]:
    """Season and group of a layer by its name: "winter_GLCM_ENT" is winter and texture.

    Raises
    ------
    DataError
        The name is none of the catalogue's.
    """
    season, _, feature = name.partition("_")
    if season not in _SEASONS:
        season, feature = _ALL_YEAR, name
    last = feature.upper().rpartition("_")[2]
    for group, members in _GROUPS.items():
        if last in members:
            return season, group
    raise DataError(f"layer {name!r} is of no known season and group: give them in `layers`")


@dataclass(frozen=True)
class Selection:
    """Features scored, ranked and chosen.

    Attributes
    ----------
    names : tuple of str
        All features, in the order of the samples' columns; `scores`, `ranks`, `combined`, `rank`
        and the stability's frequencies follow it.
    scores : mapping of method to tuple of float
        Scores of "relieff", "impurity" and "permutation", as far as they were asked for.
    ranks : mapping of method to tuple of int
        1 is best.
    combined : tuple of float
        Mean of the scores after each method's were scaled to 0-1.
    rank : tuple of int
        By `combined`; 1 is best.
    chosen : tuple of str
        The choice, best first.
    redundant : tuple of RedundantPair
        Pairs that say the same.
    dropped : tuple of str
        Features left out because a better one says the same.
    curve : tuple of CurvePoint
        Accuracy along the ranking, where it decided how many to keep. It was measured on the
        samples that made the ranking: good for comparing sizes, not for reporting.
    stability : tuple of Stability
        Over bootstrap and, where blocks are known, over spatial blocks.
    settings : mapping
        What `minecover.selection.ranking.select` was asked for.
    """

    names: tuple[str, ...]
    scores: Mapping[str, tuple[float, ...]]
    ranks: Mapping[str, tuple[int, ...]]
    combined: tuple[float, ...]
    rank: tuple[int, ...]
    chosen: tuple[str, ...]
    redundant: tuple[RedundantPair, ...]
    dropped: tuple[str, ...]
    curve: tuple[CurvePoint, ...]
    stability: tuple[Stability, ...]
    settings: Mapping[str, Any]

    @property
    def ordered(self) -> tuple[str, ...]:
        """All features, best first."""
        return tuple(name for _, name in sorted(zip(self.rank, self.names, strict=True)))

    def to_json(self) -> str:
        """Write as JSON, numbers to the last bit; a correlation that is undefined as null."""
        return json.dumps(_without_nan(dataclasses.asdict(self)), indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Selection:
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            The text is not a selection.
        """
        try:
            read = json.loads(text)
            return cls(
                names=tuple(read["names"]),
                scores={method: tuple(v) for method, v in read["scores"].items()},
                ranks={method: tuple(v) for method, v in read["ranks"].items()},
                combined=tuple(read["combined"]),
                rank=tuple(read["rank"]),
                chosen=tuple(read["chosen"]),
                redundant=tuple(_pair(pair) for pair in read["redundant"]),
                dropped=tuple(read["dropped"]),
                curve=tuple(CurvePoint(**point) for point in read["curve"]),
                stability=tuple(_stability(one) for one in read["stability"]),
                settings=read["settings"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"this is not a selection that minecover wrote ({error!r}): select again"
            ) from error

    def table_by_season_and_group(
        self, layers: Mapping[str, tuple[str, str]] | None = None
    ) -> tuple[SeasonAndGroup, ...]:
        """Count the chosen layers by season and group (Liu et al. 2025, table 4).

        Parameters
        ----------
        layers : mapping of name to (season, group), or None
            None goes by the names of the catalogue: "summer_NDVI", "winter_GLCM_ENT",
            "elevation".

        Returns
        -------
        tuple of SeasonAndGroup
            Cells that hold any layer, by season in the order of the year, then by group.

        Raises
        ------
        DataError
            A chosen layer of which season and group are not known.
        """
        cells: dict[tuple[str, str], list[str]] = {}
        for name in self.chosen:
            if layers is None:
                cell = season_and_group(name)
            elif name in layers:
                cell = layers[name]
            else:
                raise DataError(f"layer {name!r} was chosen but is not among `layers`: add it")
            cells.setdefault(cell, []).append(name)
        return tuple(
            SeasonAndGroup(season, group, tuple(cells[season, group]))
            for season, group in sorted(cells, key=_order)
        )


def _order(cell: tuple[str, str]) -> tuple[int, str, int, str]:
    season, group = cell
    seasons, groups = (*_SEASONS, _ALL_YEAR), tuple(_GROUPS)
    return (
        seasons.index(season) if season in seasons else len(seasons),
        season,
        groups.index(group) if group in groups else len(groups),
        group,
    )


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and value != value else value


def _pair(read: Mapping[str, Any]) -> RedundantPair:
    nan = float("nan")
    r = {key: nan if read[key] is None else read[key] for key in ("pearson", "spearman")}
    return RedundantPair(read["better"], read["worse"], **r)


def _stability(read: Mapping[str, Any]) -> Stability:
    return Stability(**{**read, "frequency": tuple(read["frequency"])})
