"""The command line."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from minecover.commands.accuracy import add_accuracy_commands
from minecover.commands.export import add_export_command
from minecover.commands.files import add_file_commands
from minecover.commands.kubernetes import add_kubernetes_commands
from minecover.commands.label import add_label_command
from minecover.commands.label_review import add_label_review_commands
from minecover.commands.ledger import add_ledger_commands
from minecover.commands.plan import add_plan_commands
from minecover.commands.point import add_point_command
from minecover.commands.signals import StoppedError, stopping_in_order
from minecover.commands.stages import add_demo_command, add_stage_commands
from minecover.commands.terminal import (
    QuietOption,
    VerboseOption,
    VersionOption,
    quiet_libraries,
    set_loudness,
)
from minecover.commands.view import add_view_command
from minecover.errors import MinecoverError
from minecover.stages.registry import PURPOSES

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    """Commands that all end in order when they are told to stop."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - a class that typer does not name
        with stopping_in_order():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - as above
        """Name the commands, the stages in their order: typer puts a group after commands."""
        names = super().list_commands(ctx)
        stages = iter([name for name in PURPOSES if name in names])
        return [next(stages) if name in PURPOSES else name for name in names]


app = typer.Typer(
    name="minecover",
    cls=_Commands,
    help="Land-use maps of open-pit mining areas, from one district to whole provinces.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _options(
    version: VersionOption = False, quiet: QuietOption = False, verbose: VerboseOption = False
) -> None:
    del version  # it has been printed
    set_loudness(quiet=quiet, verbose=verbose)


# in the order in which the help lists them
for _add in (
    add_stage_commands,
    add_file_commands,
    add_ledger_commands,
    add_point_command,
    add_export_command,
    add_view_command,
    add_kubernetes_commands,
    add_accuracy_commands,
    add_label_command,
    add_label_review_commands,
    add_plan_commands,
    add_demo_command,
):
    _add(app)


def main() -> None:
    """Run the command line; errors raised on purpose become one message and an exit code."""
    if not sys.warnoptions:
        quiet_libraries()
    try:
        app()
    except MinecoverError as error:
        Console(stderr=True, highlight=False).print(
            Text.assemble(("minecover: ", "bold red"), str(error)), soft_wrap=True
        )
        if isinstance(error, StoppedError):
            sys.stdout.flush()
            os._exit(error.exit_code)  # threads and clusters must not hold up who wants out
        sys.exit(error.exit_code)
