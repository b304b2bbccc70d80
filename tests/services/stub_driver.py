"""A driver on stubbed kernels in a process of its own, for tests that kill it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from minecover.commands.signals import stopping_in_order
from minecover.engines.registry import ENGINES
from minecover.errors import MinecoverError
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from minecover.workflow.share import do_share


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser()
    main.add_argument("--store", required=True)
    main.add_argument("--rows", type=int, default=4)
    main.add_argument("--columns", type=int, default=4)
    main.add_argument("--seconds", type=float, default=0.0)
    main.add_argument("--version", default="A")
    main.add_argument("--engine", default="local", choices=ENGINES.names())
    main.add_argument("--address", help="of a cluster that runs")
    main.add_argument("--workers", type=int, default=2)
    main.add_argument("--lease", type=float, default=120.0)
    main.add_argument("--share", type=int, nargs=2)
    main.add_argument("--counts", type=Path)
    return main


def engine(given: argparse.Namespace) -> dict[str, Any]:
    """Section of the survey."""
    settings: dict[str, Any] = {"workers": given.workers, "lease": given.lease}
    if given.engine != "local":
        settings["tiles"] = given.engine
        settings[f"{given.engine}_address"] = given.address
    return settings


def main() -> int:
    given = parser().parse_args()
    survey = tile_survey(given.store, given.rows, given.columns, **engine(given))
    stages, progress = number_stages(given.version, seconds=given.seconds), Silent()
    try:
        with stopping_in_order():
            if given.share:
                do_share(survey, "cube", *given.share, progress, stages)
            else:
                Run(survey, stages, progress).until("features")
    except MinecoverError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        if given.counts:
            given.counts.write_text(json.dumps(progress.counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
