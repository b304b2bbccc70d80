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

__all__ = ["CurvePoint", "Selection"]


@dataclass(frozen=True)
class CurvePoint:
    """Cross-validated accuracy of a forest on the best ``features`` features.

    Attributes
    ----------
    features
        How many.
    accuracy, standard_error
        Overall accuracy, 0-1: mean over the folds and its standard error.
    """

    features: int
    accuracy: float
    standard_error: float


@dataclass(frozen=True)
class Selection:
    """Features scored, ranked and chosen.

    Attributes
    ----------
    names
        All features, in the order of the samples' columns; `scores`, `ranks`, `combined`, `rank`
        and the stability's frequencies follow it.
    scores
        Scores of "relieff", "impurity" and "permutation", as far as they were wanted.
    ranks
        1 is best.
    combined
        Mean of the scores after each method's were scaled to 0-1.
    rank
        By `combined`; 1 is best.
    chosen
        The choice, best first.
    redundant
        Pairs that say the same.
    dropped
        Features left out because a better one says the same.
    curve
        Accuracy along the ranking, where it decided how many to keep. It was measured on the
        samples that made the ranking: good for comparing sizes, not for reporting.
    stability
        Over bootstrap and, where blocks are known, over spatial blocks.
    settings
        Arguments of `minecover.selection.ranking.select`.
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
