"""The commands that carry a survey out: all of it, up to one stage, or a simulated one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minecover.accuracy.few import FEW_POINTS
from minecover.commands.catalog import STAGE, StageGroup, from_files
from minecover.commands.terminal import (
    LogOption,
    ModelOption,
    PricesOption,
    StoreOption,
    SurveyFile,
    console,
    load_survey,
    point_to,
)
from minecover.stages.registry import purposes
from minecover.storage.names import ACCURACY_FILE, COMBINED_ACCURACY_FILE, manifest_of

if TYPE_CHECKING:
    from minecover.survey import Survey
    from minecover.workflow.guard import Guard

__all__ = ["add_demo_command", "add_stage_commands"]

CATALOG = "catalog"


def add_stage_commands(app: typer.Typer) -> None:
    """Add `run`, `update` and a command for each stage, to an application."""
    app.command()(run)
    app.command()(update)
    for name, purpose in purposes().items():
        command = _stage_command(name, purpose)
        if name == CATALOG:
            app.add_typer(_catalog_group(command), name=name, rich_help_panel="Stages")
        else:
            app.command(name, rich_help_panel="Stages")(command)


def _catalog_group(stage: Callable[..., None]) -> typer.Typer:
    """Give the stage of the catalog the command `from-files` beside it."""
    group = typer.Typer(
        cls=StageGroup,
        help=stage.__doc__,
        no_args_is_help=True,
        subcommand_metavar="SURVEY | from-files FOLDER",
    )
    group.command(STAGE, hidden=True)(stage)
    group.command("from-files")(from_files)
    return group


def add_demo_command(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(demo)


def run(
    survey: SurveyFile,
    store: StoreOption = None,
    log: LogOption = None,
    budget: Annotated[
        float | None, typer.Option(min=0, help="stop before more is spent on this survey")
    ] = None,
    prices: PricesOption = None,
    new_scenes: Annotated[
        bool, typer.Option("--new-scenes", help="take up what the catalog has by now")
    ] = False,
    model: ModelOption = None,
) -> None:
    """Carry a survey from its catalog to map, accuracy and report; what is done is kept."""
    from minecover.planning.guard import PlanGuard
    from minecover.planning.prices import load_prices

    guard = PlanGuard(None if prices is None else load_prices(prices), budget)
    loaded = load_survey(survey, store, model)
    ask = not new_scenes and _has_looked_up(loaded)
    _execute(loaded, new_scenes=new_scenes, log=log, guard=guard)
    _show_results(loaded)
    if ask:
        _tell_new_scenes(loaded)


def update(
    survey: SurveyFile,
    store: StoreOption = None,
    log: LogOption = None,
    prices: PricesOption = None,
) -> None:
    """Add the newest period of a survey, or what the catalog has more of it; the others stay."""
    from minecover.planning.guard import PlanGuard
    from minecover.planning.prices import load_prices

    guard = PlanGuard(None if prices is None else load_prices(prices))
    loaded = load_survey(survey, store)
    _execute(loaded, latest=True, log=log, guard=guard)
    _show_results(loaded)


def demo(
    folder: Annotated[Path, typer.Argument(help="where the district and its map go")],
    size: Annotated[int, typer.Option(help="edge of the district in pixels of 10 m")] = 512,
    seed: Annotated[int, typer.Option(min=0, help="another seed is another district")] = 0,
    periods: Annotated[
        int | None, typer.Option(help="give it a history of 2 to 9 periods, with licences")
    ] = None,
) -> None:
    """Build a SIMULATED mining district with its catalog, and map it."""
    from minecover.demo.district import build_district
    from minecover.demo.frame import Frame
    from minecover.demo.years import draw_years
    from minecover.planning.guard import PlanGuard

    scale = Frame(size).points_scale  # refuses a size that cannot be simulated
    in_time = "" if periods is None else f" in {len(draw_years(periods, seed))} periods"
    console.print(
        f"building a simulated mining district of {size} x {size} pixels{in_time} in {folder}"
    )
    district = build_district(
        folder.resolve(), size=size, seed=seed, points_scale=scale, periods=periods
    )
    loaded = load_survey(district.survey)
    _execute(loaded, guard=PlanGuard())
    console.print("   data            simulated: no satellite saw this district")
    _show_results(loaded)


def _stage_command(name: str, purpose: str) -> Callable[..., None]:
    def command(
        survey: SurveyFile,
        store: StoreOption = None,
        again: Annotated[
            bool, typer.Option("--again", help="also where its result is complete")
        ] = False,
        log: LogOption = None,
        model: ModelOption = None,
    ) -> None:
        _execute(load_survey(survey, store, model), name, again=again, log=log)

    command.__doc__ = f"{purpose[0].upper()}{purpose[1:]} (and what it needs before it)."
    return command


def _execute(
    survey: Survey,
    last: str | None = None,
    *,
    again: bool = False,
    new_scenes: bool = False,
    latest: bool = False,
    log: str | None = None,
    guard: Guard | None = None,
) -> None:
    """Run the stages up to `last`, or all of them, and show them."""
    # the stages bring dask, scikit-learn and GDAL with them: seconds that `--help` need not spend
    from minecover.api.progress import TerminalProgress
    from minecover.workflow.run import run_survey

    with TerminalProgress(console) as progress:
        options = {"again": again, "new_scenes": new_scenes, "latest": latest}
        run_survey(survey, progress, last, guard=guard, log=log, **options)


def _has_looked_up(survey: Survey) -> bool:
    """Tell whether the items of a survey were looked up by an earlier run."""
    from minecover.storage.store import Store

    return Store(survey.store).read(manifest_of(survey.period_names[-1])) is not None


def _tell_new_scenes(survey: Survey) -> None:
    """Ask the catalog what it has more than was looked up."""
    from minecover.workflow.new_scenes import new_scenes

    for line in new_scenes(survey):
        console.print(line, soft_wrap=True, markup=False)


def _show_results(survey: Survey) -> None:
    from minecover.products.registry import in_order
    from minecover.storage.store import Store

    accuracy = Store(survey.store).read_json(ACCURACY_FILE)
    if accuracy is not None and "carried" in accuracy:
        console.print(f"   {'accuracy':<15} {accuracy['carried']['statement']}", soft_wrap=True)
    for name, split in (accuracy or {"splits": {}})["splits"].items():
        bounds, points = split["intervals"]["overall_accuracy"], split["samples"]
        few = "; so few give a rough figure only" if points < FEW_POINTS else ""
        console.print(
            f"   {name.replace('_', ' '):<15} overall accuracy {split['overall_accuracy']:.4f}, "
            f"kappa {_figure(split['kappa'])}, macro-F1 {split['macro_f1']:.4f} ({points} points, "
            f"95 % interval of the accuracy {bounds['low']:.4f} to {bounds['high']:.4f}{few})",
            soft_wrap=True,
        )
    if accuracy is not None and survey.periods:
        _show_periods(survey, accuracy.get("periods", {}))
    if accuracy is not None and survey.combines_periods:
        _show_combined(Store(survey.store).read_json(COMBINED_ACCURACY_FILE))
    for product in in_order(survey.products):
        point_to(survey.store, **product.highlights)


def _show_combined(measured: dict[str, Any] | None) -> None:
    """Say how accurate the periods are once they are combined, where that was measured."""
    if measured is not None:
        split = measured["splits"]["spatial_blocks"]
        again = "; before the network reads them again" if measured.get("before_network") else ""
        console.print(
            f"   {'combined':<15} overall accuracy {split['overall_accuracy']:.4f} in spatial "
            f"blocks, by themselves {split['by_itself']:.4f} ({split['samples']} points{again})",
            soft_wrap=True,
        )


def _show_periods(survey: Survey, measured: dict[str, Any]) -> None:
    """Say of each period how accurate its map is, or that nobody measured it."""
    for name in survey.periods:
        split = measured.get(name, {}).get("spatial_blocks")
        text = "not measured: no sample of this period was tested; the model learned from others"
        if split is not None:
            text = (
                f"overall accuracy {split['overall_accuracy']:.4f} in spatial blocks "
                f"({split['samples']} points)"
            )
        console.print(f"   {name:<15} {text}", soft_wrap=True)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
