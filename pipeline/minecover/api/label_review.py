"""Labels looked at again, and points to label next, for somebody who has the results at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import geopandas as gpd

from minecover.api.messages import speaking_of_arguments
from minecover.api.progress import shown_progress
from minecover.errors import StoreError
from minecover.label_review.doubtful_labels import DoubtOptions, find_doubts
from minecover.label_review.suggested_points import SuggestOptions, suggest_points
from minecover.stages.registry import stages_of
from minecover.workflow.run import Run

if TYPE_CHECKING:
    from minecover.storage.store import Store
    from minecover.survey import Survey
    from minecover.workflow.progress import Progress

__all__ = ["doubts", "suggest"]


def doubts(
    store: Store,
    survey: Survey | None,
    share: float,
    model: str,
    progress: Progress | str,
) -> gpd.GeoDataFrame:
    """See `Results.doubts`."""
    with _opened(store, survey, progress) as run:
        document, table = find_doubts(run, DoubtOptions(share=share, model=model))
    table.attrs["wrong_labels"] = document["wrong_labels"]
    return table


def suggest(
    store: Store, survey: Survey | None, points: int, seed: int, period: str | None
) -> gpd.GeoDataFrame:
    """See `Results.suggest`."""
    with _opened(store, survey, "none") as run:
        return suggest_points(run, SuggestOptions(points, seed, period))


@contextmanager
def _opened(store: Store, survey: Survey | None, progress: Progress | str) -> Iterator[Run]:
    """Open the survey whose results these are.

    Raises
    ------
    StoreError
        It is not at hand.
    """
    if survey is None:
        raise StoreError(
            f"{store.url}: this needs the survey; open it by open_survey(...).results()"
        )
    with speaking_of_arguments(survey), shown_progress(progress) as shown:
        yield Run(survey, stages_of(survey), shown)
