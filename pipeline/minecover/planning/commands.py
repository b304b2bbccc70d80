"""The commands `plan` and `calibrate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from minecover.survey import load

__all__ = ["PricesOption", "add_plan_commands"]

SurveyFile = Annotated[Path, typer.Argument(metavar="SURVEY", help="the survey file (YAML)")]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="folder or s3:// instead of the survey's own")
]
PricesOption = Annotated[
    Path | None, typer.Option("--prices", metavar="FILE", help="price list (YAML)")
]


def add_plan_commands(app: typer.Typer, console: Console) -> None:
    """Add the commands to `app`; they print on `console`."""

    @app.command()
    def plan(
        survey: SurveyFile,
        store: StoreOption = None,
        prices: PricesOption = None,
        as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
    ) -> None:
        """Tell by stage what a run will take: bytes, memory, core-hours, time and money."""
        # the stages bring torch, dask and GDAL with them: seconds that `--help` need not spend
        from minecover.planning.plan import plan_survey
        from minecover.planning.prices import load_prices
        from minecover.planning.table import plan_document, print_plan
        from minecover.progress import TerminalProgress
        from minecover.run import Run
        from minecover.stages import STAGES

        listed = None if prices is None else load_prices(prices)
        job = Run(load(survey, store=store), TerminalProgress(console), STAGES)
        planned = plan_survey(job, listed)
        if as_json:
            typer.echo(json.dumps(plan_document(planned)))
        else:
            print_plan(console, planned)

    @app.command()
    def calibrate(survey: SurveyFile, store: StoreOption = None) -> None:
        """Measure what a survey's work takes on this machine, for `plan`; kept in the store."""
        from minecover.planning.calibrate import calibrate as measure
        from minecover.planning.constants import KEY
        from minecover.stages import STAGES
        from minecover.store import Store

        loaded = load(survey, store=store)
        constants = measure(loaded, STAGES, lambda line: console.print(f" … {line}", style="dim"))
        Store(loaded.store).write_json(KEY, constants.model_dump(mode="json"))
        console.print(f"wrote {loaded.store}/{KEY}: measured on {constants.machine}")
