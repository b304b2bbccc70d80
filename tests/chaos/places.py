"""The same survey in places that are not as one would wish: does it end, and with the same bytes?

    PYTHONPATH=pipeline:tests python -m chaos.places --only "two Ray runs" --out CHAOS.md

Places are mount namespaces of their own, so this runs as root on Linux. A run is one of the command
line; one that cannot go on where it is may say so, and ends with an exit code that asks for help.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.differences import differences
from chaos.districts import CLUSTERS, LOCAL, described
from chaos.rows import GROWS, ten_in_a_row, ten_whole_in_a_row
from chaos.tallies import keep_section
from minecover.demo.district import build_district
from services.runs import environment

__all__ = ["PLACES", "Place"]

COMMAND = "import sys; from minecover.commands.app import main; sys.argv[0] = 'minecover'; main()"

LONGEST = 3600
"""Seconds that a run may take on a crowded machine."""

AGAIN, TRIES = 75, 3
"""Exit code that asks for the same command again, as on a crowded machine, and how often it is."""

NOBODY = 65534
"""A user without home or rights, who may read all, as the interpreter may lie at root's."""

SMALL = "/mnt"
"""Where a small file system is mounted, in the place alone: Ray wants a short name."""


@dataclass(frozen=True)
class Place:
    """Where a survey is run.

    Attributes
    ----------
    engine
        Section of the survey.
    mounts
        Lines of a shell that make the place, in a mount namespace of its own.
    unprivileged
        Whether the run is that of a user without home, who may not write to the installation.
    environment
        Variables.
    at_once
        Runs side by side, each on a store of its own.
    codes
        With which a run may end there, and why it is no failure.
    """

    engine: Mapping[str, Any] = field(default_factory=lambda: LOCAL)
    mounts: Sequence[str] = ()
    unprivileged: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    at_once: int = 1
    codes: Sequence[int] = (0,)


def _small(kib: int) -> dict[str, Any]:
    """Give a place whose folder for temporary files has so much room."""
    return {
        "mounts": [f"mount -t tmpfs -o size={kib}k none {SMALL}", f"chmod 1777 {SMALL}"],
        "environment": {"TMPDIR": SMALL},
    }


SHM = "mount -t tmpfs -o size=64m none /dev/shm"

PLACES = {
    "two Ray runs at once": Place(CLUSTERS, at_once=2),
    "/dev/shm of 64 MiB, in this process": Place(LOCAL, [SHM]),
    "/dev/shm of 64 MiB, on Dask and Ray": Place(CLUSTERS, [SHM]),
    "64 KiB for temporary files, in this process": Place(LOCAL, **_small(64)),
    "64 KiB for temporary files, on Dask and Ray": Place(CLUSTERS, **_small(64), codes=(75,)),
    "24 MiB for temporary files, on Dask and Ray": Place(CLUSTERS, **_small(24 << 10)),
    "a user without home and rights": Place(LOCAL, unprivileged=True),
    "a user without home and rights, on Dask and Ray": Place(CLUSTERS, unprivileged=True),
}


def start(place: Place, survey: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start `minecover run` in a place."""
    inner = [sys.executable, "-c", COMMAND, "run", str(survey)]
    variables = {**environment(), **place.environment}
    if place.unprivileged:
        # read, but not write, what is root's
        caps = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
        ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        inner = ["setpriv", *ids, *caps, "--bounding-set=-all,+dac_read_search", *inner]
        variables.pop("HOME", None)
    lines = [*place.mounts, f"exec {shlex.join(inner)}"]
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "; ".join(lines)]
    with log.open("wb") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, env=variables, cwd=survey.parent)


def run_place(district: Path, folder: Path, place: Place, model: str, expected: Path | None) -> str:
    """Run in a place, and say what came of it."""
    begun, runs = time.monotonic(), []
    for number in range(place.at_once):
        survey = described(district, folder / str(number), place.engine, model)
        if place.unprivileged:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, NOBODY, NOBODY)
        runs.append((survey, start(place, survey, folder / f"{number}.log")))
    said = [
        _came_of(place, survey, run, folder / f"{number}.log", expected)
        for number, (survey, run) in enumerate(runs)
    ]
    return f"{'; '.join(dict.fromkeys(said))} ({time.monotonic() - begun:.0f} s)"


def _came_of(
    place: Place, survey: Path, run: subprocess.Popen[bytes], log: Path, expected: Path | None
) -> str:
    """Wait for a run, do again what asks for it, and say what came of it."""
    for tries in range(1, TRIES + 1):
        try:
            code = run.wait(LONGEST)
        except subprocess.TimeoutExpired:
            run.terminate()
            run.wait(60)
            return f"FAULT: it did not end within {LONGEST} s"
        told = log.read_text()
        if code != AGAIN or code in place.codes or tries == TRIES:
            break
        run = start(place, survey, log)
    last = next((line for line in reversed(told.splitlines()) if line.strip()), "")
    if code not in place.codes or "Traceback" in told:
        return f"FAULT: exit code {code}: {told[-1500:]}"
    if code:
        return f"exit code {code}: {last}"
    differing = differences(survey.parent / "store", expected) if expected else {}
    notes = "; ".join(sorted(set(re.findall(r"minecover: note: (.+)", told))))
    same = f"FAULT: other bytes: {differing}" if differing else "complete, the same bytes"
    often = f" by the {tries}th command" if tries > 1 else ""
    return f"{same}{often}{notes and f', noting: {notes}'}"


def main() -> int:
    """Run the survey in all places; 1 where one ends otherwise than it should."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--only", nargs="*", default=[""], help="begins of the names of places")
    parser.add_argument("--model", default="nb")
    parser.add_argument("--out", type=Path, help="Markdown of which one section is replaced")
    given = parser.parse_args()
    if os.geteuid() != 0:
        print("places are made by root")
        return 0
    begun, found = time.monotonic(), dict[str, str]()

    def note(name: str, work: Callable[[], str]) -> None:
        if name.startswith(tuple(given.only)):
            found[name] = work()
            print(f"{name}: {found[name]}", flush=True)

    with tempfile.TemporaryDirectory(prefix="places-", dir="/var/tmp") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        build_district(folder / "district", size=96, points_scale=4)
        usual = Place(LOCAL)
        said = run_place(folder / "district", folder / "usual", usual, given.model, None)
        assert said.startswith("complete"), said
        expected = folder / "usual" / "0" / "store"
        for n, (name, place) in enumerate(PLACES.items()):
            here = folder / str(n)
            note(name, lambda: run_place(folder / "district", here, place, given.model, expected))  # noqa: B023
            shutil.rmtree(here, ignore_errors=True)
        for engine in ("dask", "ray"):
            note(f"ten runs in a row on {engine}", lambda: ten_in_a_row(folder, engine))  # noqa: B023
        note(
            "ten whole runs in a row, their maps read on Ray",
            lambda: ten_whole_in_a_row(folder, folder / "district", given.model, expected),
        )
    text = table(found, f"{time.monotonic() - begun:.0f} s", given.model)
    if given.out:
        keep_section(given.out, "Places", text)
    print(text)
    return int(any("FAULT" in said or GROWS in said for said in found.values()))


def table(found: Mapping[str, str], ran: str, model: str) -> str:
    """Say what came of it, in Markdown."""
    lines = [
        f"A simulated district of 96 x 96 pixels in one season, from catalog to report with the "
        f"model `{model}`, by the command line, against the same run in an ordinary place. "
        f"`python -m chaos.places`: {ran}.",
        "",
        "| place | what came of it |",
        "|---|---|",
    ]
    rows = [
        f"| {name} | {' '.join(said.split()).replace('|', '/')} |" for name, said in found.items()
    ]
    return "\n".join([*lines, *rows, ""])


if __name__ == "__main__":
    sys.exit(main())
