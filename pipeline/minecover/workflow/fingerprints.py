"""What a stage's result depends on, as fingerprints: as a whole, and for each period of a survey.

Without periods each fingerprint is made of the one before it. Where a survey names periods, what is
made for a period depends on that period alone, and on the model; the model depends on the
periods that have labels. So each period has a chain of its own, beside the one of the model, and
what is done of a period stays done when others are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["StageFingerprint"]


@dataclass(frozen=True)
class StageFingerprint:
    """All that the result of a stage depends on.

    Attributes
    ----------
    stage, whole
        Name of the stage, and its fingerprint.
    periods
        Of a stage that works period by period: a fingerprint for each, of what its part depends
        on; empty: it does not, or the survey names none.
    """

    stage: str
    whole: str
    periods: Mapping[str, str] = field(default_factory=dict)

    def changed(self, known: Mapping[str, str]) -> frozenset[str]:
        """Name the periods of which something else is known than would be made now."""
        return frozenset(name for name, key in known.items() if self.periods.get(name) != key)
