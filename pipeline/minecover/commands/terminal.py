"""What all commands share: their arguments and options, and the console they speak on."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.console import Console

from minecover.storage.names import PRODUCTS_FOLDER

if TYPE_CHECKING:
    from minecover.survey import Survey
    from minecover.workflow.run import Run

__all__ = [
    "LogOption",
    "ModelOption",
    "PeriodOption",
    "PricesOption",
    "QuietOption",
    "StoreOption",
    "SurveyFile",
    "VerboseOption",
    "VersionOption",
    "console",
    "load_survey",
    "opened_run",
    "point_to",
    "quiet_libraries",
    "set_loudness",
]

SurveyFile = Annotated[Path, typer.Argument(metavar="SURVEY", help="the survey file (YAML)")]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="folder or s3:// instead of the survey's own")
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="STORE", help="have the model of another survey map this one"),
]
PeriodOption = Annotated[
    str | None, typer.Option("--period", help="of a survey that names some; else the latest")
]
LogOption = Annotated[
    str | None,
    typer.Option("--log", metavar="FILE", help="append one line of JSON a tile; - for stdout"),
]
PricesOption = Annotated[
    Path | None, typer.Option("--prices", metavar="FILE", help="price list (YAML)")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        from minecover import __version__

        typer.echo(f"minecover {__version__}")
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="print the version and exit"
    ),
]

QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="say only what fails")]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="also what the libraries have to say")
]

console = Console(highlight=False)

LIBRARIES = ("distributed", "ray", "rasterio", "fiona", "pyogrio", "botocore")
"""Loggers whose news are of no use to most people."""

SHOW = warnings.showwarning


def load_survey(path: Path, store: str | None = None, model: str | None = None) -> Survey:
    """Read a survey file; only now is what that needs imported, seconds of it.

    Parameters
    ----------
    path
        The file.
    store, model
        Its own store, and that of another survey whose model maps it, instead of what it says.
    """
    from minecover.survey import load
    from minecover.survey.carried import carried_settings

    return load(path, store=store, model=None if model is None else carried_settings(model))


@contextmanager
def opened_run(survey: Path, store: str | None) -> Iterator[Run]:
    """Open a survey; stages that are done on the way show themselves."""
    from minecover.api.progress import TerminalProgress
    from minecover.stages.registry import stages_of
    from minecover.workflow.run import Run

    with TerminalProgress(console) as progress:
        loaded = load_survey(survey, store)
        yield Run(loaded, stages_of(loaded), progress)


def point_to(store: str, **products: str) -> None:
    """Say where products lie in a store: file names by what they are."""
    for what, name in products.items():
        path = f"{store.rstrip('/')}/{PRODUCTS_FOLDER}{name}"
        console.print(f"   {what:<15} {path}", soft_wrap=True)


def set_loudness(*, quiet: bool, verbose: bool) -> None:
    """Say only what fails, or also all that libraries say."""
    console.quiet = quiet
    if verbose:
        warnings.showwarning = SHOW
        logging.basicConfig(format="%(name)s: %(message)s")
        for name in (*LIBRARIES, "minecover"):
            logging.getLogger(name).setLevel(logging.INFO)


def quiet_libraries() -> None:
    """Keep what libraries say to each other off the person's screen; the rest is one line each.

    Filters of warnings alone would not: threads of scikit-learn take them away and put them back,
    not always in order.
    """

    def show_some(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        del filename, lineno, line
        between = issubclass(category, (DeprecationWarning, PendingDeprecationWarning))
        if not between and "sklearn.utils.parallel" not in str(message):
            text = " ".join(str(message).split())
            print(f"minecover: note: {text}", file=file or sys.stderr)

    warnings.showwarning = show_some
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.ERROR)
