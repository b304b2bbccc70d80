"""Runs one after another in one process: what they leave behind must not grow."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import psutil

from services.runs import environment

__all__ = ["GROWS", "ten_in_a_row"]

GROWS = "GROWS"
"""Begins what is said of something that grows."""

RUNS = 10


def ten_in_a_row(folder: Path, engine: str) -> str:
    """Run stubbed stages ten times in one new process; say what grew after the second run."""
    told = subprocess.run(
        [sys.executable, __file__, str(folder / f"row-{engine}"), engine],
        env=environment(), capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    if told.returncode:
        return f"{GROWS}: exit code {told.returncode}: {told.stderr[-1500:]}"
    return told.stdout.strip()


def left_behind() -> Counter[str]:
    """Count what this process holds and what lies about on the machine by its doing."""
    process = psutil.Process()
    places = (tempfile.gettempdir(), "/dev/shm")
    return Counter(
        {
            "temporary files": sum(
                "minecover" in path.name or "dask" in path.name or "ray" in path.name
                for place in places
                for path in Path(place).iterdir()
            ),
            "processes": len(process.children(recursive=True)),
            "listening ports": sum(
                connection.status == psutil.CONN_LISTEN
                for one in (process, *process.children(recursive=True))
                for connection in one.net_connections()
            ),
            "open files": process.num_fds(),
            "threads": process.num_threads(),
        }
    )


def main(folder: Path, engine: str) -> None:
    from minecover.testing.stages import number_stages, tile_survey
    from minecover.workflow.progress import Silent
    from minecover.workflow.run import Run

    counts, sizes = [], []
    for number in range(RUNS):
        survey = tile_survey(str(folder / str(number)), 2, 2, tiles=engine, workers=2)
        Run(survey, number_stages(), Silent()).until("features")
        counts.append(left_behind())
        sizes.append(psutil.Process().memory_info().rss >> 20)
    # what a library makes at its first use stays; what each run adds shows from then on
    grown = {
        name: [count[name] for count in counts]
        for name in counts[0]
        if counts[-1][name] > counts[1][name] + 1
    }
    flat = ", ".join(f"{number} {name}" for name, number in sorted(counts[-1].items()))
    print(f"{GROWS}: {grown}" if grown else f"flat: after the second and the tenth {flat}", end="")
    print(f"; {sizes[1]} and {sizes[-1]} MiB resident")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
