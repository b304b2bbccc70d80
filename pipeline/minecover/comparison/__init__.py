"""The paper's comparison for a survey of one's own: six models, four layer sets, several seeds."""

from minecover.comparison.driver import compare
from minecover.comparison.plan import Options

__all__ = ["Options", "compare"]
