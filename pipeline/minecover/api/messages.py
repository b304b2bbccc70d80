"""Messages of errors, as somebody who calls functions knows things."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from minecover.errors import MinecoverError
from minecover.settings import PARTS, Frozen
from minecover.stages.registry import STAGES
from minecover.storage.names import INPUTS_FOLDER
from minecover.survey import Survey

__all__ = ["speaking_of_arguments"]

METHODS = {"run": "run()", "check": "check()", "plan": "plan()", "doubts": "doubts()"}
"""Commands that are methods of a survey or of its results."""


@contextmanager
def speaking_of_arguments(survey: Survey) -> Iterator[None]:
    """Let errors name arguments where they name keys of a survey file, options and commands.

    Parameters
    ----------
    survey
        Whose keys they are: `samples.path` becomes `samples__path`, `samples.parquet` is a file.
    """
    try:
        yield
    except MinecoverError as error:
        text = in_arguments(_in_memory(str(error), survey), survey)
        error.args = (text, *error.args[1:])
        raise


def _in_memory(message: str, survey: Survey) -> str:
    """Name what was given in memory, rather than the file in the store that keeps it."""
    for place in (("area",), ("samples",), ("model", "regions")):
        kept = re.escape(os.path.join(survey.store, INPUTS_FOLDER + place[-1]))
        message, count = re.subn(rf"{kept}-[0-9a-f]{{16}}\.parquet", "what was given", message)
        if count:
            message = re.sub(rf"\b{'.'.join(place)}\.path\b", PARTS.join(place), message)
    return message


def in_arguments(message: str, survey: Survey) -> str:
    """Put arguments for keys, options and commands into a message."""
    message = re.sub(r"`?--([a-z]+)`?", r"`\1`", message)
    message = re.sub(r"`minecover (\w+)`", _method, message)
    message = re.sub(r"\brun the same command(?: again)?", "call it again", message)
    message = message.replace("the same command", "the same call")
    return re.sub(
        r"\b[a-z_]\w*(?:\.\w+)+\b", lambda found: _argument(found.group(), survey), message
    )


def _method(found: re.Match[str]) -> str:
    command = found[1]
    if command in STAGES:
        return f"`run(until={command!r})`"
    return f"`{METHODS[command]}`" if command in METHODS else found[0]


def _argument(dotted: str, survey: Survey) -> str:
    """Name the argument of a setting, which a file is not, nor a function of a package."""
    first, second, *_ = dotted.split(".")
    section = getattr(survey, first, None) if first in type(survey).model_fields else None
    known: object = ()
    if isinstance(section, Frozen):
        known = type(section).model_fields
    elif isinstance(section, Mapping):
        known = section
    assert isinstance(known, Mapping | tuple)
    return dotted.replace(".", PARTS) if second in known else dotted
