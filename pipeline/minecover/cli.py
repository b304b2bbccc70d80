"""The command line."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from minecover.errors import MinecoverError, SurveyError
from minecover.survey import Survey, load

__all__ = ["app", "main"]

app = typer.Typer(
    name="minecover",
    help="Land-use maps of open-pit mining areas, from one district to whole provinces.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)

SurveyFile = Annotated[Path, typer.Argument(metavar="SURVEY", help="the survey file (YAML)")]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="folder or s3:// instead of the survey's own")
]


def _execute(survey: Survey, last: str, *, again: bool = False) -> None:
    """Run the stages up to `last` and show them."""
    # the stages bring torch, dask and GDAL with them: seconds that `--help` need not spend
    from minecover.check import check_samples
    from minecover.progress import TerminalProgress
    from minecover.run import Run
    from minecover.stages import STAGES

    order = list(STAGE_PURPOSES)
    with TerminalProgress(console) as progress:
        job = Run(survey, progress, STAGES)
        if order.index(last) >= order.index("samples"):
            # a mistake in the points is told now, not when the cube is done
            check_samples(survey, job.grid)
        job.until(last, again=again)


@app.command()
def run(survey: SurveyFile, store: StoreOption = None) -> None:
    """Carry a survey from its catalog to map, accuracy and report; finished work stands."""
    loaded = load(survey, store=store)
    _execute(loaded, "publish")
    _point_out(loaded)


def _point_out(survey: Survey) -> None:
    from minecover.store import Store

    accuracy = Store(survey.store).read_json("accuracy.json")
    for name, split in (accuracy or {"splits": {}})["splits"].items():
        console.print(
            f"   {name.replace('_', ' '):<15} overall accuracy {split['overall_accuracy']:.4f}, "
            f"kappa {split['kappa']:.4f}, macro-F1 {split['macro_f1']:.4f} "
            f"({split['samples']} points)"
        )
    products = f"{survey.store.rstrip('/')}/products"
    console.print(f"   map             {products}/landuse.tif", soft_wrap=True)
    console.print(f"   report          {products}/report.html", soft_wrap=True)


def _stage_command(name: str, purpose: str) -> Callable[..., None]:
    def command(
        survey: SurveyFile,
        store: StoreOption = None,
        again: Annotated[
            bool, typer.Option("--again", help="also where its result stands")
        ] = False,
    ) -> None:
        _execute(load(survey, store=store), name, again=again)

    command.__doc__ = f"{purpose[0].upper()}{purpose[1:]} (and what it needs before it)."
    return command


STAGE_PURPOSES = {
    "catalog": "look up the items and freeze them into the manifest",
    "cube": "read, mask and harmonise the items and compose the seasons",
    "features": "compute indices, tasselled cap, texture and terrain",
    "samples": "read the labelled points and divide them into folds",
    "select": "rank the layers by Relief-F and random forest and choose",
    "train": "train the classifier",
    "predict": "classify every pixel, with probabilities and entropy",
    "assess": "measure the accuracy by random split and by spatial blocks",
    "publish": "write map, polygons, STAC item and report",
}
"""The stages in order; here too, so that `--help` need not import them."""

for _name, _purpose in STAGE_PURPOSES.items():
    app.command(_name, rich_help_panel="Stages")(_stage_command(_name, _purpose))


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="where to write it")] = Path("survey.yaml"),
) -> None:
    """Write a commented survey file to start from."""
    text = resources.files("minecover").joinpath("template.yaml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise SurveyError(f"{path}: there already; give another name") from error
    except OSError as error:
        raise SurveyError(f"{path}: cannot write it: {error.strerror}") from error
    console.print(f"wrote {path}: edit it, then `minecover check {path}`", soft_wrap=True)


@app.command()
def check(survey: SurveyFile) -> None:
    """Hold a survey against the world: area, CRS, files, catalog, items, samples."""
    from minecover.check import check_survey

    for line in check_survey(load(survey)):
        console.print(Text.assemble((" ✓ ", "green"), line), soft_wrap=True)


@app.command()
def schema() -> None:
    """Print the JSON schema of survey files, for editors."""
    typer.echo(json.dumps(Survey.model_json_schema(), indent=2))


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="where the district and its map go")],
    size: Annotated[int, typer.Option(help="edge of the district in pixels of 10 m")] = 512,
) -> None:
    """Build a SIMULATED mining district with its catalog, and map it."""
    from minecover.demo import build_district

    console.print(f"building a simulated mining district of {size} x {size} pixels in {folder}")
    district = build_district(folder.resolve(), size=size)
    loaded = load(district.survey)
    _execute(loaded, "publish")
    console.print("   data            simulated: no satellite saw this district")
    _point_out(loaded)


def _quiet() -> None:
    """Keep what libraries say to each other off the person's screen."""
    warnings.filterwarnings("ignore", category=PendingDeprecationWarning)
    for name in ("distributed", "ray", "rasterio", "fiona", "pyogrio", "botocore"):
        logging.getLogger(name).setLevel(logging.ERROR)


def main() -> None:
    """Run the command line; errors raised on purpose become one message and an exit code."""
    if not sys.warnoptions:
        _quiet()
    try:
        app()
    except MinecoverError as error:
        Console(stderr=True, highlight=False).print(
            Text.assemble(("minecover: ", "bold red"), str(error)), soft_wrap=True
        )
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on where it was", file=sys.stderr)
        sys.stdout.flush()
        os._exit(130)  # clusters started here must not hold up the person who wants out
