"""One tree of errors, grouped by what the person at the keyboard can do next.

==================  ==========================================  =========
class               what to do                                  exit code
==================  ==========================================  =========
`SurveyError`       mend the survey file (or the command line)  2
`DataError`         mend or replace the named data              2
`StoreError`        give another store, or make room in it      2
`TryAgainError`     run the same command again: work resumes    75
`UnreachableError`  the same, when the store answers again      75
==================  ==========================================  =========

Anything else that escapes is a defect of minecover and ends with exit code 1. The codes are part
of the interface: a Kubernetes ``podFailurePolicy`` tells bad data from a passing fault by them
(75 is ``EX_TEMPFAIL`` of sysexits.h).
"""

from __future__ import annotations

import re

__all__ = [
    "BudgetError",
    "DataError",
    "HeldError",
    "InvalidatedError",
    "MinecoverError",
    "StoreError",
    "SurveyError",
    "TryAgainError",
]


LONGEST_WORD, LONGEST_LINE, LONGEST = 400, 1200, 6000
"""Characters of a word, a line and a message: what it quotes may have been written by anybody."""

LAST = 300
"""Characters of the end of a line that is cut, where it says how to fix what is wrong."""

_WORDS = re.compile(rf"\S{{{LONGEST_WORD},}}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def _printable(message: str) -> str:
    """Cut what is too long to read, and take out what would steer a terminal."""
    text = _WORDS.sub(lambda word: f"{word[0][: LONGEST_WORD // 2]}...", str(message))
    text = "\n".join(map(_cut, text.split("\n")))
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def _cut(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[: LONGEST_LINE - LAST]} ... {line[-LAST:]}"


class MinecoverError(Exception):
    """Base of every error raised on purpose.

    The message names what is wrong, where, and how to fix it, in one or a few lines.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(_printable(message))


class SurveyError(MinecoverError):
    """The survey file or an argument asks for something that cannot be."""

    exit_code = 2


class DataError(MinecoverError):
    """An item, an asset, a sample file or a stored array is missing or damaged."""

    exit_code = 2


class StoreError(MinecoverError):
    """The store belongs to another survey, is full, or does not keep its promises."""

    exit_code = 2


class BudgetError(MinecoverError):
    """The budget is used up; what is done is kept.

    Not 75: whoever repeats a command on that code would repeat this one for ever.
    """

    exit_code = 3


class TryAgainError(MinecoverError):
    """A passing fault (network, a lost worker); the same command resumes the work."""

    exit_code = 75


class UnreachableError(StoreError, TryAgainError):
    """The store does not answer now: as a store it failed, as a fault it passes."""

    exit_code = 75


class InvalidatedError(TryAgainError):
    """What a stage is made from was invalidated or replaced while it was at work."""

    def __init__(self, stage: str, store: str) -> None:
        super().__init__(
            f"{stage}: what it is made from was invalidated or replaced in {store} meanwhile; run "
            "again"
        )
        self.stage, self.store = stage, store

    def __reduce__(self) -> tuple[type[InvalidatedError], tuple[str, str]]:
        return InvalidatedError, (self.stage, self.store)


class HeldError(TryAgainError):
    """Another worker holds the lease.

    Attributes
    ----------
    until
        When its lease runs out if it is not renewed, Unix seconds.
    """

    def __init__(self, message: str, until: float) -> None:
        super().__init__(message)
        self.until = until
