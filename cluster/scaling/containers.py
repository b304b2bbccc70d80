"""Workers in containers with a limit of cores, measured.

`python -m scaling.containers FOLDER IMAGE` (as root, with podman and runc): one and two containers,
with one core each and with two, do the tiles of a simulated district's cube in turns. What the
ledger saw is appended to FOLDER/containers.json, and CONTAINERS.md is written of all rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from pods.pod import LIMITS, PODMAN

from minecover.engines.machine import describe
from minecover.survey import Survey
from scaling.measure import fresh, prepared, timed
from scaling.summary import Round, predict
from scaling.tables import table

SIZE = 1024
STAGE = "cube"
CORES, WORKERS = (1, 2), (1, 2)
PAGE = Path(__file__).parent / "CONTAINERS.md"

TEXT = """\
# Workers in containers with a limit of cores

Written by `python -m scaling.containers FOLDER IMAGE` (`PYTHONPATH=pipeline:cluster`, as root, from
the root of the repository).

- Machine: {machine}; load average after each round {loads}. **It is shared with other work**, so
  that a container does not always get the cores that it may use
- {versions}

A simulated district of {size} x {size} pixels: {tiles} tiles of the cube, each leased and marked in
the ledger, in a folder that the containers share. A container runs `minecover tile` as one index of
a Job, as user 10001, with as many threads as cores (`podman run --cpus`); compiled kernels are kept
from one container to the next. All arrangements take turns, in {rounds} rounds; times are from the
start of the first tile to the end of the last, according to the ledger. A container takes
{start:.1f} s from `podman run` to its first tile.

"""

AFTERWARDS = """
Predicted by the simulation of `minecover scale` from what one container with as many cores took in
the first round, and compared with the rounds after it. Gain: the seconds of one container with one
core, as a multiple of these, the median over the rounds.
"""


def turn(survey: Survey, folder: Path, image: str, cores: int, workers: int) -> Round:
    """Have some containers do the tiles, in a store in which nothing of them is done."""
    survey = survey.replace(engine__threads=cores)
    (own,) = fresh(survey, folder, 1)
    place = Path(own.store)
    subprocess.run(["chown", "-R", "10001:10001", place], check=True)
    commands = [_command(place, folder, image, cores, index, workers) for index in range(workers)]
    span, start, seconds = timed([own], STAGE, commands)
    return {"cores": cores, "workers": workers, "span": span, "start": start, "seconds": seconds}


def _command(
    store: Path, folder: Path, image: str, cores: int, index: int, workers: int
) -> list[str]:
    threads = [f"--env={name}={cores}" for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")]
    kernels = f"--env=NUMBA_CACHE_DIR={folder / 'numba'}"
    rights = ["--user=10001:10001", "--read-only", "--cap-drop=all", "--network=none"]
    bounds = [f"--cpus={cores}", "--memory=2g", "--tmpfs=/tmp:rw,size=1g,mode=1777", *LIMITS]
    tile = ["minecover", "tile", str(store.with_suffix(".yaml")), "--stage", STAGE]
    share = ["--of", str(workers), "--index", str(index), "--log", os.devnull]
    mount = f"--volume={folder}:{folder}"
    options = [*rights, *bounds, *threads, kernels, mount]
    return [*PODMAN, "run", "--rm", *options, image, *tile, *share]


def rounds(survey: Survey, folder: Path, image: str, count: int) -> Iterator[Round]:
    """Take all turns one after the other, `count` times."""
    for _ in range(count):
        turns = [turn(survey, folder, image, cores, n) for cores in CORES for n in WORKERS]
        yield {"load": os.getloadavg()[0], "turns": turns}


def page(measured: Sequence[Round], versions: str) -> str:
    """Lay out what the rounds measured, each after the first beside what the first predicts."""
    by_turn = [{(t["cores"], t["workers"]): t for t in each["turns"]} for each in measured]
    first, later = by_turn[0], by_turn[1:]
    rows = []
    for (cores, workers), began in first.items():
        spans = [each[cores, workers]["span"] for each in later]
        gain = median(each[1, 1]["span"] / each[cores, workers]["span"] for each in by_turn)
        predicted = predict(first[cores, 1], workers, len(began["seconds"]))
        rows.append(
            (f"{workers}", f"{cores}", f"{median(spans):.2f}",
             f"{min(spans):.2f} to {max(spans):.2f}", f"{predicted:.2f}",
             f"{predicted / median(spans) - 1:+.1%}", f"{gain:.2f} x")
        )  # fmt: skip
    header = ("containers", "cores each", "median, s", "range, s", "predicted, s", "error", "gain")
    introduction = TEXT.format(
        machine=describe(), loads=", ".join(f"{each['load']:.1f}" for each in measured),
        versions=versions, size=SIZE, tiles=len(first[1, 1]["seconds"]), rounds=len(measured),
        start=median(t["start"] for each in by_turn for t in each.values()),
    )  # fmt: skip
    return introduction + "\n".join(table(header, rows)) + "\n" + AFTERWARDS


def main() -> None:
    """Measure, keep every round as soon as it is done, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("image")
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    (folder / "numba").mkdir(exist_ok=True)
    (folder / "numba").chmod(0o777)
    kept = folder / "containers.json"
    known = json.loads(kept.read_text()) if kept.exists() else []
    survey = prepared(folder, SIZE)
    turn(survey, folder, given.image, 1, 1)  # compiles the kernels
    for measured in rounds(survey, folder, given.image, given.rounds):
        known.append(measured)
        kept.write_text(json.dumps(known))
        spans = [round(turn["span"], 2) for turn in measured["turns"]]
        print(f"round {len(known)}: {spans} s", flush=True)
    names = [subprocess.run([name, "--version"], capture_output=True, text=True, check=True)
             for name in ("podman", "runc")]  # fmt: skip
    versions = ", ".join(done.stdout.splitlines()[0] for done in names)
    PAGE.write_text(page(known, versions), encoding="utf-8")


if __name__ == "__main__":
    main()
