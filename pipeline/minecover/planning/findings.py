"""What a check of a survey found: things that are right, worth a look, or wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from minecover.errors import MinecoverError, SurveyError, TryAgainError
from minecover.workflow.stage import Remark

__all__ = ["Finding", "findings_of", "raise_faults"]


@dataclass(frozen=True)
class Finding:
    """One line of a check.

    Attributes
    ----------
    kind
        `right`, `remark` (a run would do, but look at it), or `wrong`.
    text
        What was found, and for what is wrong how to fix it.
    exit_code
        With which a run would end: 0 unless something is wrong.
    """

    kind: Literal["right", "remark", "wrong"]
    text: str
    exit_code: int = 0


def findings_of(look: Callable[[], Iterable[str]]) -> Iterator[Finding]:
    """Look at one thing: give its lines, and what it raises as what is wrong."""
    try:
        for line in look():
            yield Finding("remark" if isinstance(line, Remark) else "right", str(line))
    except MinecoverError as error:
        yield Finding("wrong", str(error), error.exit_code)


def raise_faults(findings: Sequence[Finding]) -> None:
    """Raise all that is wrong as one error.

    Raises
    ------
    SurveyError
        Something is wrong that a person can mend.
    TryAgainError
        All that is wrong may pass.
    """
    wrong = [finding for finding in findings if finding.kind == "wrong"]
    if not wrong:
        return
    lines = [finding.text for finding in wrong]
    text = lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} things are wrong:", *lines])
    passing = all(finding.exit_code == TryAgainError.exit_code for finding in wrong)
    raise (TryAgainError if passing else SurveyError)(text)
