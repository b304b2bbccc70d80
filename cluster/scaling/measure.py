"""Strong and weak scaling over processes on tiles that share nothing, measured.

`python -m scaling.measure FOLDER` builds a simulated district in FOLDER, then has its tiles done in
turns by one process, by two, by two on a host each (root), half of them by one, and each half by
one in a store of its own at once; each is `minecover tile`, as an index of a Kubernetes Job.
What the ledger saw is appended to FOLDER/rounds.json, so that the command may be run again for more
rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from hosts import Lan, unavailable
from minecover.demo.district import build_district
from minecover.ledger.markers import TileMarkers
from minecover.planning.actual import tile_markers
from minecover.stages.registry import stages_of
from minecover.survey import Survey, load
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run

SIZE, TILE = 768, 128
MEASURED = ("cube",)
TURNS = ((1, 1, 1, 0), (2, 2, 1, 0), (2, 2, 1, 2), (1, 2, 1, 0), (2, 2, 2, 0))
"""Processes, into how many shares the tiles are dealt, stores, and hosts: one, two, two on a host
each, one on half of them, and two that know nothing of each other on a half each, which is what the
machine itself allows."""

ONE_THREAD = os.environ | {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Turn:
    """One way of doing the tiles of a stage.

    Attributes
    ----------
    stage, workers, shares, stores, hosts
        What was done, by how many processes, each one of so many shares, in how many stores, on how
        many hosts of `cluster/hosts`; 0: on none.
    span
        Seconds from the begin of the first tile to the end of the last.
    start
        From a process's begin until its first tile, the mean of the processes.
    seconds
        Of each tile.
    """

    stage: str
    workers: int
    shares: int
    stores: int
    hosts: int
    span: float
    start: float
    seconds: list[float]


def prepared(folder: Path, size: int = SIZE) -> Survey:
    """Build the district, and the store with its catalog, from which every turn starts."""
    if not (folder / "survey.yaml").exists():
        build_district(folder, size=size)
    survey = load(folder / "survey.yaml")
    survey = survey.replace(engine__tiles="local", engine__threads=1, grid__tile=TILE)
    _run(survey, folder / "before").until("catalog")
    return survey


def _run(survey: Survey, store: Path) -> Run:
    placed = survey.replace(store=str(store))
    return Run(placed, stages_of(placed), Silent())


def turn(
    survey: Survey,
    folder: Path,
    lan: Lan | None,
    stage: str,
    workers: int,
    shares: int,
    stores: int,
    hosts: int,
) -> Turn:
    """Do the tiles of a stage in stores in which nothing of it is done."""
    surveys = fresh(survey, folder, stores)
    commands = []
    for index in range(workers):
        file = Path(surveys[index % stores].store).with_suffix(".yaml")
        command = _command(file, stage, index, shares)
        if hosts and lan is not None:
            command = lan.command(1 + index % hosts, *command)
        commands.append(command)
    return Turn(stage, workers, shares, stores, hosts, *timed(surveys, stage, commands))


def fresh(survey: Survey, folder: Path, stores: int) -> list[Survey]:
    """Make stores in which nothing but the catalog is done, each with a file of its survey."""
    places = [folder / f"turn-{number}" for number in range(stores)]
    surveys = [survey.replace(store=str(place)) for place in places]
    for place, own in zip(places, surveys, strict=True):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder / "before", place)
        # JSON is YAML
        place.with_suffix(".yaml").write_text(own.model_dump_json(), encoding="utf-8")
    return surveys


def timed(
    surveys: Sequence[Survey], stage: str, commands: Sequence[Sequence[str]]
) -> tuple[float, float, list[float]]:
    """Run commands at once: span, start and seconds as in `Turn`, out of what the ledgers say."""
    began = time.time()
    ended = [
        subprocess.Popen(command, env=ONE_THREAD, stderr=subprocess.DEVNULL) for command in commands
    ]
    codes = [process.wait() for process in ended]
    if any(codes):
        raise SystemExit(f"minecover tile ended with {codes}")
    markers = [marker for own in surveys for marker in markers_of(own, stage)]
    spans = [(m["at"] - m["facts"]["seconds"], m["at"]) for m in markers]
    first = sorted(start for start, _ in spans)
    span = max(end for _, end in spans) - first[0]
    start = sum(first[: len(commands)]) / len(commands) - began
    return span, start, [m["facts"]["seconds"] for m in markers]


def markers_of(survey: Survey, stage: str) -> list[dict[str, Any]]:
    """Read what the ledger of the survey's store says of the tiles that are done."""
    run = _run(survey, Path(survey.store))
    layout = run.ledger.layout(stage)
    assert layout is not None  # the tiles are done
    markers, _ = tile_markers(TileMarkers(run.store, stage, layout["fingerprint"]))
    return markers


def _command(survey: Path, stage: str, index: int, shares: int) -> list[str]:
    code = "from minecover.commands.app import main; main()"
    arguments = ["tile", str(survey), "--stage", stage, "--of", str(shares)]
    return [sys.executable, "-c", code, *arguments, "--index", str(index), "--log", os.devnull]


@contextmanager
def two_hosts(folder: Path) -> Iterator[Lan | None]:
    """Lend two hosts that see the folder and this code; None where there can be none."""
    reason = unavailable()
    if reason:
        print(f"no hosts on this machine: {reason}")
        yield None
        return
    lan = Lan("mcscale")
    lan.down()  # what a measurement that was killed left
    lan.up(2, [folder, Path(__file__).parents[2]])
    try:
        yield lan
    finally:
        lan.down()


def rounds(
    survey: Survey, folder: Path, lan: Lan | None, count: int
) -> Iterator[dict[str, object]]:
    """Take all turns one after the other, `count` times; those on hosts where there are any."""
    turned = [each for each in TURNS if lan is not None or not each[-1]]
    ways = [(stage, *each) for stage, each in product(MEASURED, turned)]
    for _ in range(count):
        turns = [asdict(turn(survey, folder, lan, *each)) for each in ways]
        yield {"load": os.getloadavg()[0], "turns": turns}


def main() -> None:
    """Measure, and keep every round as soon as it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    survey = prepared(given.folder.resolve())
    kept = given.folder / "rounds.json"
    known = json.loads(kept.read_text()) if kept.exists() else []
    with two_hosts(given.folder.resolve()) as lan:
        for measured in rounds(survey, given.folder.resolve(), lan, given.rounds):
            known.append(measured)
            kept.write_text(json.dumps(known))
            spans = [round(turn["span"], 2) for turn in measured["turns"]]  # type: ignore[attr-defined]
            print(f"round {len(known)}: {spans} s", flush=True)


if __name__ == "__main__":
    main()
