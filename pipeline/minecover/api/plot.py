"""Figures of maps and results, as `mc.plot.map(run.map)`: Matplotlib axes with units.

Colours are the survey's, and those of the report. Each function draws on `ax` where it is given, on
a new figure otherwise, and returns the axes, whose figure is saved by
`.figure.savefig("map.pdf")`.
"""

from minecover.api.accuracy_figures import accuracy, areas, confusion
from minecover.api.map_figures import curves, map
from minecover.api.model_figures import comparison, importance, scaling

__all__ = [
    "accuracy",
    "areas",
    "comparison",
    "confusion",
    "curves",
    "importance",
    "map",
    "scaling",
]
