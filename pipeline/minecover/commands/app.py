"""The command line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from minecover.commands.accuracy import add_commands
from minecover.commands.plan import add_plan_commands
from minecover.commands.terminal import (
    LogOption,
    PricesOption,
    StoreOption,
    SurveyFile,
    VersionOption,
    console,
    point_to,
    quiet_libraries,
)
from minecover.errors import MinecoverError, SurveyError
from minecover.stages.registry import purposes, stage_names, stages_of
from minecover.storage.names import ACCURACY_FILE
from minecover.survey import Survey, load

if TYPE_CHECKING:
    from minecover.workflow.guard import Guard

__all__ = ["app", "main"]

app = typer.Typer(
    name="minecover",
    help="Land-use maps of open-pit mining areas, from one district to whole provinces.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _options(version: VersionOption = False) -> None:
    del version  # it has been printed


def _execute(
    survey: Survey,
    last: str,
    *,
    again: bool = False,
    log: str | None = None,
    guard: Guard | None = None,
) -> None:
    """Run the stages up to `last` and show them."""
    # the stages bring torch, dask and GDAL with them: seconds that `--help` need not spend
    from minecover.commands.progress import TerminalProgress
    from minecover.commands.signals import stopping_in_order
    from minecover.workflow.guard import Guard
    from minecover.workflow.run import Run
    from minecover.workflow.tile_log import logging_tiles

    with stopping_in_order(), logging_tiles(log), TerminalProgress(console) as progress:
        job = Run(survey, stages_of(survey), progress, guard=guard or Guard())
        job.until(last, again=again)


@app.command()
def run(
    survey: SurveyFile,
    store: StoreOption = None,
    log: LogOption = None,
    budget: Annotated[
        float | None, typer.Option(min=0, help="stop before more is spent on this survey")
    ] = None,
    prices: PricesOption = None,
) -> None:
    """Carry a survey from its catalog to map, accuracy and report; finished work stands."""
    from minecover.planning.guard import PlanGuard
    from minecover.planning.prices import load_prices

    if budget is not None and prices is None:
        raise SurveyError("--budget: money needs a price list; give one with --prices")
    loaded = load(survey, store=store)
    guard = PlanGuard(None if prices is None else load_prices(prices), budget)
    _execute(loaded, "publish", log=log, guard=guard)
    _show_results(loaded)


def _show_results(survey: Survey) -> None:
    from minecover.products.registry import in_order
    from minecover.storage.store import Store

    accuracy = Store(survey.store).read_json(ACCURACY_FILE)
    for name, split in (accuracy or {"splits": {}})["splits"].items():
        console.print(
            f"   {name.replace('_', ' '):<15} overall accuracy {split['overall_accuracy']:.4f}, "
            f"kappa {split['kappa']:.4f}, macro-F1 {split['macro_f1']:.4f} "
            f"({split['samples']} points)"
        )
    for product in in_order(survey.products):
        point_to(survey.store, **product.highlights)


def _stage_command(name: str, purpose: str) -> Callable[..., None]:
    def command(
        survey: SurveyFile,
        store: StoreOption = None,
        again: Annotated[
            bool, typer.Option("--again", help="also where its result stands")
        ] = False,
        log: LogOption = None,
    ) -> None:
        _execute(load(survey, store=store), name, again=again, log=log)

    command.__doc__ = f"{purpose[0].upper()}{purpose[1:]} (and what it needs before it)."
    return command


for _name, _purpose in purposes().items():
    app.command(_name, rich_help_panel="Stages")(_stage_command(_name, _purpose))


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="where to write it")] = Path("survey.yaml"),
) -> None:
    """Write a commented survey file to start from."""
    text = resources.files("minecover.survey").joinpath("template.yaml").read_text(encoding="utf-8")
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
    from minecover.commands.check import check_survey

    for line in check_survey(load(survey)):
        console.print(Text.assemble((" ✓ ", "green"), line), soft_wrap=True)


@app.command()
def status(
    survey: SurveyFile,
    store: StoreOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="in the text format of Prometheus")
    ] = False,
) -> None:
    """Tell from the ledger what is done, at work, expired and set aside, and the time left."""
    from minecover.commands.prometheus import exposition
    from minecover.commands.status_table import print_status
    from minecover.ledger.status import survey_status
    from minecover.storage.identity import known_store

    loaded = load(survey, store=store)
    opened = known_store(loaded.store)
    statuses = survey_status(opened, list(stage_names(loaded)))
    if prometheus:
        typer.echo(exposition(loaded.name, statuses), nl=False)
    elif as_json:
        typer.echo(json.dumps({"store": opened.url, "stages": [asdict(s) for s in statuses]}))
    else:
        print_status(console, statuses)


@app.command()
def retry(
    survey: SurveyFile,
    store: StoreOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="tiles that were set aside")] = False,
    tile: Annotated[list[str] | None, typer.Option(help="a tile by name, as r0003c0012")] = None,
    since: Annotated[datetime | None, typer.Option(help="tiles ended since (local time)")] = None,
    stage: Annotated[str | None, typer.Option(help="of this stage only")] = None,
) -> None:
    """Have tiles, and what was made from them, done again by the next run."""
    from minecover.storage.identity import known_store
    from minecover.workflow.retry import TileChoice
    from minecover.workflow.retry import retry as invalidate
    from minecover.workflow.stage import Workspace

    loaded = load(survey, store=store)
    opened = known_store(loaded.store)
    choice = TileChoice(failed, tile or (), since.timestamp() if since else None, stage)
    order = Workspace(loaded, stages_of(loaded)).order
    chosen = invalidate(opened, choice, order)
    for name, tiles in chosen.items():
        console.print(f"{name}: {len(tiles):,} tile(s) will be done again")
    if not chosen:
        console.print("no such tile: nothing to do again")


@app.command()
def tile(
    survey: SurveyFile,
    stage: Annotated[str, typer.Option(help="cube, features or predict")],
    of: Annotated[int, typer.Option(min=1, help="into how many shares the tiles are dealt")],
    index: Annotated[
        int, typer.Option(min=0, envvar="JOB_COMPLETION_INDEX", help="which share, from 0")
    ],
    store: StoreOption = None,
    log: LogOption = "-",
) -> None:
    """Do one share of a stage's tiles in this process, as an index of a Kubernetes Job."""
    from minecover.commands.progress import TerminalProgress
    from minecover.commands.signals import stopping_in_order
    from minecover.workflow.share import do_share
    from minecover.workflow.tile_log import logging_tiles

    loaded = load(survey, store=store)
    shown = Console(stderr=True, highlight=False)
    with stopping_in_order(), logging_tiles(log), TerminalProgress(shown) as progress:
        do_share(loaded, stage, index, of, progress, stages_of(loaded))


@app.command()
def manifests(
    survey: SurveyFile,
    out: Annotated[Path, typer.Option(help="new folder for the manifests")],
    image: Annotated[str, typer.Option(help="image of cluster/Dockerfile, with its tag")],
    store: StoreOption = None,
    gpu_image: Annotated[str | None, typer.Option(help="image for GPUs; else --image")] = None,
    overlay: Annotated[
        list[str] | None, typer.Option(help="may be given several times; else all there are")
    ] = None,
    completions: Annotated[int | None, typer.Option(help="indexes of a Job of tiles")] = None,
    parallelism: Annotated[int, typer.Option(help="pods of a pool at once")] = 32,
    memory: Annotated[str | None, typer.Option(help="of a pod on tiles, as 6Gi")] = None,
    stage_memory: Annotated[
        str | None, typer.Option(help="of any other stage, and of Ray's head and workers, as 16Gi")
    ] = None,
    namespace: Annotated[str, typer.Option(help="where everything goes")] = "minecover",
    inputs_claim: Annotated[
        str | None, typer.Option(help="PersistentVolumeClaim with the survey's files")
    ] = None,
    monitoring: Annotated[str, typer.Option(help="namespace of Prometheus")] = "monitoring",
) -> None:
    """Write the Kubernetes manifests of a survey: see cluster/README.md."""
    from minecover.kubernetes.names import mebibytes
    from minecover.kubernetes.plan import OVERLAYS, Request, plan_cluster
    from minecover.kubernetes.render import render, write

    request = Request(
        image=image,
        gpu_image=gpu_image,
        overlays=tuple(overlay or OVERLAYS),
        completions=completions,
        parallelism=parallelism,
        memory=None if memory is None else mebibytes(memory),
        stage_memory=None if stage_memory is None else mebibytes(stage_memory, "--stage-memory"),
        namespace=namespace,
        inputs_claim=inputs_claim,
        monitoring=monitoring,
    )
    plan = plan_cluster(load(survey, store=store), request)
    write(render(plan), out)
    console.print(
        f"wrote {out}: {plan.completions} index(es) a stage of {plan.tile_memory} MiB each; keys "
        f"of the store are read from the Secret {plan.secret}",
        soft_wrap=True,
    )


add_commands(app)
add_plan_commands(app)


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
    from minecover.demo.district import build_district
    from minecover.planning.guard import PlanGuard

    console.print(f"building a simulated mining district of {size} x {size} pixels in {folder}")
    # points in proportion to the edge, not the area: a small district needs some of each class
    district = build_district(folder.resolve(), size=size, points_scale=512 / size)
    loaded = load(district.survey)
    _execute(loaded, "publish", guard=PlanGuard())
    console.print("   data            simulated: no satellite saw this district")
    _show_results(loaded)


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
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on where it was", file=sys.stderr)
        sys.stdout.flush()
        os._exit(130)  # clusters started here must not hold up the person who wants out
