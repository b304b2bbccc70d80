"""A driver on stubbed kernels in a process of its own, for tests that kill it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from minecover.errors import MinecoverError
from minecover.run import Run
from minecover.share import do_share
from minecover.stopping import stopping_in_order
from minecover.testing.stages import Silent, number_stages, tile_survey


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", required=True)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--version", default="A")
    parser.add_argument("--engine", default="local")
    parser.add_argument("--lease", type=float, default=120.0)
    parser.add_argument("--share", type=int, nargs=2)
    parser.add_argument("--counts", type=Path)
    given = parser.parse_args()
    survey = tile_survey(
        given.store, given.rows, given.columns, tiles=given.engine, lease=given.lease
    )
    stages, progress = number_stages(given.version, seconds=given.seconds), Silent()
    try:
        with stopping_in_order():
            if given.share:
                do_share(survey, "cube", *given.share, progress, stages)
            else:
                Run(survey, progress, stages).until("features")
    except MinecoverError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        if given.counts:
            given.counts.write_text(json.dumps(progress.counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
