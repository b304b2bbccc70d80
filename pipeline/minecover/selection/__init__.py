"""Which features tell the classes apart: Relief-F, random forest, and both together.

`relieff.relieff` and `distributed.relieff_dask` are imported from their modules.
"""

from __future__ import annotations

from minecover.selection.forest import ForestScores, forest_importance
from minecover.selection.ranking import select
from minecover.selection.relieff import ReliefScores, selection_scores
from minecover.selection.result import Selection

__all__ = [
    "ForestScores",
    "ReliefScores",
    "Selection",
    "forest_importance",
    "select",
    "selection_scores",
]
