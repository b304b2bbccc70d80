"""Faults one after another, drawn by a seed: after each, run to the end and compare the bytes.

    PYTHONPATH=pipeline:tests python -m chaos.campaign --faults 200 --seconds 600

Every run is a process of its own, forked from this one, which itself never touches a store: the
threads of the storage library would not survive in a child.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from chaos.tallies import Tally, report
from minecover.demo import build_district
from minecover.errors import MinecoverError
from minecover.retry import Choice, retry
from minecover.run import Run
from minecover.stages import STAGES
from minecover.store import Store
from minecover.survey import Survey, load
from minecover.testing.stages import Silent, number_stages, tile_survey
from services.faulty_s3 import Faults, faulty_s3
from services.kill_points import Countdown, forked

ROWS, COLUMNS = 3, 3
SECONDS = 0.01
"""Of the stubbed kernel of a tile."""

RASTERS = ("cube.zarr", "features.zarr")
SHARES = {
    "killed at a write": 0.4,
    "killed at a moment": 0.25,
    "one of two drivers killed": 0.15,
    "disk full": 0.08,
    "image truncated": 0.02,
    "image corrupt": 0.02,
    "S3 fails": 0.07,
    "Dask worker killed": 0.01,
}
"""Part of each kind in the faults; one of *S3 fails* is one request."""

S3_RATE = 0.15

BEGUN = re.compile(r"#\d+$")


def drive(store: Path | str) -> int:
    """Run the stubbed stages; the exit code of the command line."""
    try:
        survey = tile_survey(str(store), ROWS, COLUMNS)
        Run(survey, Silent(), number_stages(seconds=SECONDS)).until("features")
    except MinecoverError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def started(work: Callable[[], int]) -> int:
    """Run in a child; its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = work()
        finally:
            os._exit(code)
    return child


def ended(child: int) -> int:
    """Exit code of a child, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def rasters(store: Path) -> dict[str, bytes]:
    """Every object of the rasters in a folder.

    A process killed while it writes leaves the file it had begun beside the place, `NAME#NUMBER`,
    which the store neither lists nor reads.
    """
    return {
        str(path.relative_to(store)): path.read_bytes()
        for name in RASTERS
        for path in sorted((store / name).rglob("*"))
        if path.is_file() and not BEGUN.search(path.name)
    }


def differing(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Names of objects that are lacking, too many or other."""
    names = sorted(found.keys() | expected.keys())
    return [name for name in names if found.get(name) != expected.get(name)]


class Campaign:
    """The undisturbed run, and what became of the disturbed ones.

    Parameters
    ----------
    folder
        Empty; holds every store.
    seed
        Of all choices.
    deadline
        Of `time.monotonic`, after which no fault is begun.
    """

    def __init__(self, folder: Path, seed: int, deadline: float) -> None:
        self.folder, self.rng, self.deadline = folder, random.Random(seed), deadline
        self.seed = seed
        self.tallies = {kind: Tally() for kind in SHARES}
        begun = time.monotonic()
        assert forked(partial(drive, folder / "reference")) == 0
        self.undisturbed = time.monotonic() - begun
        self.expected = rasters(folder / "reference")
        files = [path for path in (folder / "reference").rglob("*") if path.is_file()]
        self.pages = sum(-(-path.stat().st_size // 4096) for path in files)
        self.points = self._count_writes()

    def _count_writes(self) -> int:
        told = self.folder / "told"

        def count() -> int:
            countdown = Countdown(0, after=False)
            drive(self.folder / "counted")
            told.write_text(str(countdown.count))
            return 0

        assert forked(count) == 0
        return int(told.read_text())

    def fresh(self) -> Path:
        """Place of a store that is not there yet."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        return self.folder / "store"

    def note(self, kind: str, since: float, same: bool, faults: int = 1, told: str = "") -> None:
        """Count a fault: seconds from it to the end of the run that followed."""
        tally = self.tallies[kind]
        tally.faults += faults
        tally.differences += not same
        tally.stall = max(tally.stall, time.monotonic() - since)
        if not same:
            tally.notes.append(told)

    def resumed(self, kind: str, store: Path, told: str) -> None:
        """Run to the end and compare; what ended before the fault is no fault."""
        if told.endswith(": 0"):
            return
        since = time.monotonic()
        code = forked(partial(drive, store))
        wrong = differing(rasters(store), self.expected)
        self.note(kind, since, code == 0 and not wrong, told=f"{told}, then {code}; {wrong}")

    def killed_at_a_write(self) -> None:
        store, n = self.fresh(), self.rng.randint(1, self.points)
        after = self.rng.random() < 0.5

        def disturbed() -> int:
            Countdown(n, after)
            return drive(store)

        code = forked(disturbed)
        self.resumed("killed at a write", store, f"{'after' if after else 'before'} {n}: {code}")

    def killed_at_a_moment(self) -> None:
        store, moment = self.fresh(), self.rng.uniform(0, self.undisturbed)
        child = started(partial(drive, store))
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
        self.resumed("killed at a moment", store, f"at {moment:.3f} s: {ended(child)}")

    def one_of_two_drivers_killed(self) -> None:
        store, moment = self.fresh(), self.rng.uniform(0, self.undisturbed)
        one, two = started(partial(drive, store)), started(partial(drive, store))
        time.sleep(moment)
        since = time.monotonic()
        os.kill(one, signal.SIGKILL)
        codes = ended(one), ended(two)
        same = codes[1] == 0 and rasters(store) == self.expected
        if codes[0] == 0:
            return
        self.note("one of two drivers killed", since, same, told=f"at {moment:.3f} s: {codes}")

    def disk_full(self) -> None:
        """A file system of its own, in memory, that is made larger afterwards."""
        disk, pages = self.folder / "disk", self.rng.randint(8, self.pages)
        disk.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={4 * pages}k", "none", str(disk)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            self.tallies["disk full"].notes.append("not run: a file system cannot be mounted here")
            return
        try:
            code = forked(partial(drive, disk / "store"))
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            self.resumed("disk full", disk / "store", f"{4 * pages} KiB: {code}")
        finally:
            subprocess.run(["umount", str(disk)], check=True)

    def district(self) -> Survey:
        """A simulated district, and its cube undisturbed, made once."""
        folder = self.folder / "district"
        if not folder.exists():

            def build() -> int:
                build_district(folder, size=96, points_scale=4)
                return 0

            assert forked(build) == 0
        survey = load(next(folder.rglob("*.yaml")))
        engine = survey.engine.model_copy(update={"tiles": "local"})
        grid = survey.grid.model_copy(update={"tile": 32})
        changed = survey.model_copy(update={"engine": engine, "grid": grid})
        reference = self.folder / "district-store"
        if not reference.exists():
            assert forked(partial(cube, changed, reference)) == 0
        return changed

    def damaged_image(self, kind: str) -> None:
        survey = self.district()
        image = self.rng.choice(sorted((self.folder / "district").rglob("*B0[248]*.tif")))
        whole, store = image.read_bytes(), self.fresh()
        place = self.rng.randrange(len(whole) // 4, len(whole) // 2)
        if kind == "image corrupt":
            garbage = self.rng.randbytes(len(whole) // 4)
            damaged = whole[:place] + garbage + whole[place + len(garbage) :]
        else:
            damaged = whole[:place]
        image.write_bytes(damaged)
        code = forked(partial(cube, survey, store))
        image.write_bytes(whole)
        since = time.monotonic()
        again = forked(partial(cube, survey, store))
        expected = rasters(self.folder / "district-store")
        if code == 0 and rasters(store) == expected:  # nobody reads the image
            return
        if code == 0:
            self.tallies[kind].notes.append(
                f"{image.name} at {place}: decoded to other values unnoticed; "
                "tiles done again with `retry`"
            )
            again = forked(partial(cube_again, survey, store))
        same = again == 0 and rasters(store) == expected
        self.note(kind, since, same, told=f"{image.name} at {place}: {code}, then {again}")

    def dask_worker_killed(self) -> None:
        """Kill a worker of a cluster that the driver started, while it holds a tile."""
        store, kind = self.fresh(), "Dask worker killed"
        command = [
            sys.executable, "-m", "services.stub_driver", "--store", str(store), "--rows",
            str(ROWS), "--columns", str(COLUMNS), "--engine", "dask", "--seconds", "0.3",
        ]  # fmt: skip
        driver = subprocess.Popen(command)
        worker = working(store, driver)
        since = time.monotonic()
        if worker is not None:
            os.kill(worker, signal.SIGKILL)
        code = driver.wait()
        same = worker is not None and code == 0 and rasters(store) == self.expected
        self.note(kind, since, same, told=f"worker {worker}: {code}")

    def s3_fails(self, faults: int) -> None:
        server = subprocess.Popen(
            [sys.executable, "-m", "services.s3", str(self.folder / "s3")],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdout is not None
        lines = [server.stdout.readline() for _ in range(4)]
        variables = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        port = int(variables["AWS_ENDPOINT_URL"].rpartition(":")[2])
        try:
            for number in range(100):
                if self.tallies["S3 fails"].faults >= faults or time.monotonic() > self.deadline:
                    break
                self.s3_run(port, variables, number)
        finally:
            server.terminate()
            server.wait()

    def s3_run(self, port: int, variables: dict[str, str], number: int) -> None:
        url, injected = f"s3://minecover/{number}", Faults(self.seed + number, S3_RATE)

        def through(port: int, work: Callable[[], int]) -> int:
            os.environ.update(variables, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
            return work()

        def compared() -> int:
            store = Store(url)
            names = [name for raster in RASTERS for name in store.names(raster)]
            return int({name: store.read(name) for name in names} != self.expected)

        since = time.monotonic()
        with faulty_s3(port, injected) as proxy:
            code = forked(partial(through, proxy, partial(drive, url)))
        same = code == 0 and forked(partial(through, port, compared)) == 0
        self.note("S3 fails", since, same, injected.count.total(), f"run {number}: {code}")

    def run(self, faults: int) -> None:
        """Inject every kind in turn; what the time does not allow is left out."""
        kinds: dict[str, Callable[[], None]] = {
            "killed at a write": self.killed_at_a_write,
            "killed at a moment": self.killed_at_a_moment,
            "one of two drivers killed": self.one_of_two_drivers_killed,
            "disk full": self.disk_full,
            "image truncated": partial(self.damaged_image, "image truncated"),
            "image corrupt": partial(self.damaged_image, "image corrupt"),
            "Dask worker killed": self.dask_worker_killed,
        }
        self.s3_fails(max(1, round(SHARES["S3 fails"] * faults)))
        numbers = {kind: max(1, round(SHARES[kind] * faults)) for kind in kinds}
        # all kinds at an even pace, so that a limit of time cuts each by its share
        turns = [((i + 0.5) / n, kind) for kind, n in numbers.items() for i in range(n)]
        for _, kind in sorted(turns):
            if time.monotonic() < self.deadline:
                kinds[kind]()


def working(store: Path, driver: subprocess.Popen[bytes]) -> int | None:
    """Process that holds a claim to a tile; None where the driver ended before."""
    while driver.poll() is None:
        for claim in store.glob("ledger/*/*/claims/*.json"):
            with suppress(FileNotFoundError):
                pid = int(json.loads(claim.read_text())["pid"])
                if pid != driver.pid:
                    return pid
        time.sleep(0.01)
    return None


def cube_again(survey: Survey, store: Path) -> int:
    """Make every tile of the cube again, as who learns of a bad image would."""
    retry(Store(str(store)), Choice(since=0.0, stage="cube"), [stage.name for stage in STAGES])
    return cube(survey, store)


def cube(survey: Survey, store: Path) -> int:
    """Make the cube of a real survey; the exit code of the command line."""
    try:
        settled = survey.model_copy(update={"store": str(store)})
        Run(settled, Silent(), STAGES).until("cube")
    except MinecoverError as error:
        return error.exit_code
    return 0


def main() -> int:
    """Run a campaign; 1 where bytes differed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        campaign = Campaign(Path(folder), given.seed, begun + given.seconds)
        campaign.run(given.faults)
    undisturbed = (
        f"An undisturbed run ({ROWS * COLUMNS} tiles of two stages: stubbed kernels, real driver, "
        f"ledger and store) takes {campaign.undisturbed:.2f} s and {campaign.points} writes."
    )
    ran = f"seed {given.seed}, {time.monotonic() - begun:.0f} s"
    text = report(campaign.tallies, ran, undisturbed)
    if given.out:
        given.out.write_text(text)
    print(text)
    print(json.dumps({kind: tally.faults for kind, tally in campaign.tallies.items()}))
    return int(any(tally.differences for tally in campaign.tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
