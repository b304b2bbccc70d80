"""Runs one after another in one process: what they leave behind must not grow."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

from chaos.differences import differences
from chaos.districts import LOCAL, described
from minecover.errors import TryAgainError
from minecover.stages.registry import stages_of
from minecover.survey import load
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from services.runs import environment

__all__ = ["GROWS", "ten_in_a_row", "ten_whole_in_a_row"]

GROWS = "GROWS"
"""Begins what is said of something that grows."""

RUNS = 10


OF_RAY = {"open files": 3, "threads": 2}
"""What Ray itself leaves in a process of each session at most, as pure `ray.init` does (2.60)."""

TRIES = 3
"""How often a run is begun that asks for it, as where Ray does not start in time."""


def ten_in_a_row(folder: Path, engine: str) -> str:
    """Run stubbed stages ten times in one new process; say what grew after the second run."""
    return _told(folder / f"row-{engine}", engine)


def ten_whole_in_a_row(folder: Path, district: Path, model: str, expected: Path) -> str:
    """Do the same from catalog to report, with the map read on Ray, and compare each store."""
    return _told(folder / "row-whole", str(district), model, str(expected))


def _told(folder: Path, *arguments: str) -> str:
    """Run this module in a process that has a folder for temporary files of its own."""
    temporary = folder.with_name("t")  # Ray wants short names
    temporary.mkdir(exist_ok=True)
    told = subprocess.run(
        [sys.executable, __file__, str(folder), *arguments], env=environment(TMPDIR=str(temporary)),
        capture_output=True, text=True, timeout=7200, check=False,
    )  # fmt: skip
    if told.returncode:
        return f"{GROWS}: exit code {told.returncode}: {told.stderr[-1500:]}"
    return told.stdout.strip()


def left_behind() -> Counter[str]:
    """Count what this process holds and what lies about on the machine by its doing."""
    process = psutil.Process()
    shared = [path for path in Path("/dev/shm").iterdir() if "minecover" in path.name]
    return Counter(
        {
            "temporary files": len([*Path(tempfile.gettempdir()).iterdir(), *shared]),
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


def _stubbed(engine: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        survey = tile_survey(str(folder), 2, 2, tiles=engine, workers=2)
        Run(survey, number_stages(), Silent()).until("features")

    return run


def _whole(district: str, model: str, expected: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        engine = {**LOCAL, "prediction": "ray"}
        survey = load(described(Path(district), folder, engine, model))
        for tries in range(1, TRIES + 1):
            try:
                Run(survey, stages_of(survey), Silent()).until("publish")
                break
            except TryAgainError as error:
                print(error, file=sys.stderr)
                if tries == TRIES:
                    raise
        wrong = differences(folder / "store", Path(expected))
        assert not wrong, f"other bytes: {wrong}"

    return run


def main(folder: Path, *arguments: str) -> None:
    whole = len(arguments) > 1
    run = _whole(*arguments) if whole else _stubbed(*arguments)
    rays = RUNS - 2 if whole or arguments == ("ray",) else 0
    counts, sizes = [], []
    for number in range(RUNS):
        run(folder / str(number))
        counts.append(left_behind())
        sizes.append(psutil.Process().memory_info().rss >> 20)
    # what a library makes at its first use stays; what each run adds shows from then on
    grown = {
        name: [count[name] for count in counts]
        for name in counts[0]
        if counts[-1][name] > counts[1][name] + 1 + rays * OF_RAY.get(name, 0)
    }
    ends = [f"{counts[1][name]} and {counts[-1][name]} {name}" for name in sorted(counts[-1])]
    print(f"{GROWS}: {grown}; " if grown else "", end="")
    print(f"after the second and the tenth {', '.join(ends)}; {sizes[1]} and {sizes[-1]} MiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
