"""Every command with its arguments and options, from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from markup import fenced, heading, option

from minecover.commands.app import app
from minecover.commands.catalog import STAGE

KINDS = {"float": "number", "int": "integer", "str": "text"}
"""What readers call the types of values."""

Command = Any
"""Of typer, which calls its classes its own."""


def commands() -> str:
    """Describe all commands, in the order of `minecover --help`."""
    group = typer.main.get_command(app)
    return "\n\n".join(
        part for name, command in group.commands.items() for part in _command(name, command)
    )


def _command(name: str, command: Command) -> Iterator[str]:
    for part, member in getattr(command, "commands", {}).items():
        # a stage that has other commands beside it is called by its own name
        yield from _command(name if part == STAGE else f"{name} {part}", member)
    if hasattr(command, "commands"):
        return
    yield heading(f"`minecover {name}`", 2)
    yield str(command.help)
    yield fenced("program", f"minecover {name}", [])
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join(["minecover", name, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage.replace('{', '').replace('}', '')}\n```"
    for parameter in command.params:
        yield _parameter(parameter, context)


def _parameter(parameter: Any, context: Any) -> str:  # noqa: ANN401
    if parameter.param_type_name == "argument":
        names = parameter.metavar or parameter.name.upper()
    else:
        metavar = "" if parameter.is_flag else f" <{_kind(parameter, context)}>"
        names = ", ".join([*parameter.opts, *parameter.secondary_opts]) + metavar
    return option(names, [". ".join(_facts(parameter))])


def _facts(parameter: Any) -> Iterator[str]:  # noqa: ANN401
    yield str(parameter.help or "")
    if parameter.required:
        yield "Required"
    elif parameter.default is not None and parameter.default is not False:
        yield f"Default: `{parameter.default}`"
    bounds = [f"{word} {bound}" for word, bound in _bounds(parameter) if bound is not None]
    if bounds:
        yield f"A number, {' and '.join(bounds)}"
    if parameter.envvar:
        yield f"Else the environment's `{parameter.envvar}`"


def _bounds(parameter: Any) -> Iterator[tuple[str, float | None]]:  # noqa: ANN401
    yield from (("at least", parameter.min), ("at most", parameter.max))


def _kind(parameter: Any, context: Any) -> str:  # noqa: ANN401
    if parameter.metavar:
        return str(parameter.metavar).lower()
    kind = str(parameter.display_type(context)).strip("<>").removesuffix(" range")
    return KINDS.get(kind, kind)
