"""The scripts of Slurm, against stand-ins for its programs; `cluster/SLURM.md` has a real run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from _manifest_samples import survey
from minecover.commands.app import app
from minecover.survey import load

ENDS = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
open(sys.argv[1], "w").close()
time.sleep(60)
"""
"""A command that releases its lease when it is told to end."""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slurm")
    survey(folder, store="maps")
    arguments = ["manifests", str(folder / "survey.yaml"), "--slurm", "--out", str(folder / "out")]
    arguments += ["--completions", "9", "--parallelism", "4", "--memory", "3Gi"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "9 task(s) for the tiles of a stage, each with 3072 MiB" in done.output
    program = folder / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/requeued\nexit 1\n')  # else it waits
    program.with_name("sbatch").write_text(
        f'#!/bin/sh\necho "$@" >> {folder}/submitted\nwc -l < {folder}/submitted\n'
    )
    for path in program.parent.iterdir():
        path.chmod(0o755)
    return folder


def job(folder: Path, *command: str, **variables: str) -> subprocess.Popen[str]:
    (folder / "requeued").write_text("")
    known = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    script = str(folder / "out" / "job.sbatch")
    return subprocess.Popen(
        ["bash", script, *command], env=known | variables, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def requeued(folder: Path) -> str:
    return (folder / "requeued").read_text().strip()


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_what_ends_is_not_queued_again(scripts: Path, code: int) -> None:
    run = job(scripts, "sh", "-c", f"exit {code}")
    run.communicate(timeout=30)
    assert (run.returncode, requeued(scripts)) == (code, "")


@pytest.mark.parametrize(("restarts", "again"), [(None, True), ("9", True), ("10", False)])
def test_a_temporary_fault_is_queued_again_ten_times(
    scripts: Path, restarts: str | None, again: bool
) -> None:
    count = {} if restarts is None else {"SLURM_RESTART_COUNT": restarts}
    run = job(scripts, "sh", "-c", "exit 75", **count)
    printed = run.communicate(timeout=30)[1]
    assert (run.returncode, requeued(scripts)) == (75, "requeue 7" if again else "")
    assert ("queued again" if again else "given up") in printed


def test_a_task_of_an_array_has_its_index(scripts: Path) -> None:
    run = job(
        scripts, "sh", "-c", "echo $JOB_COMPLETION_INDEX $OMP_NUM_THREADS; exit 75",
        SLURM_ARRAY_JOB_ID="5", SLURM_ARRAY_TASK_ID="3",
    )  # fmt: skip
    assert run.communicate(timeout=30)[0].split() == ["3", "1"]
    assert requeued(scripts) == "requeue 5_3"


@pytest.mark.parametrize(("sent", "again"), [(signal.SIGUSR1, True), (signal.SIGTERM, False)])
def test_a_time_limit_is_no_cancellation(
    scripts: Path, tmp_path: Path, sent: signal.Signals, again: bool
) -> None:
    """Before a time limit the shell alone hears of it; `scancel` tells the command as well."""
    ready = tmp_path / "ready"
    run = job(scripts, sys.executable, "-c", ENDS, str(ready))
    while not ready.exists():
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(sent)
    if sent == signal.SIGTERM:
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        os.kill(int(children[0]), sent)
    run.communicate(timeout=30)
    assert run.returncode == 75
    assert requeued(scripts) == ("requeue 7" if again else "")


def test_each_job_waits_for_the_one_before(scripts: Path) -> None:
    variables = {"PATH": f"{scripts / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", str(scripts / "out" / "run.sh")], env=variables, text=True, check=True,
        capture_output=True, timeout=30,
    )  # fmt: skip
    steps = ["catalog", "cube", "cube-end", "features", "select", "train", "predict", "assess",
             "publish"]  # fmt: skip
    told = [f"{step}: job {number}" for number, step in enumerate(steps, 1)]
    assert done.stdout.splitlines() == told
    lines = (scripts / "submitted").read_text().splitlines()
    assert "--dependency" not in lines[0]
    for number, line in enumerate(lines[1:], 1):
        assert f"--dependency=afterok:{number} --kill-on-invalid-dep=yes" in line
    arrays = {line.split("--array=")[1].split()[0] for line in lines if "--array=" in line}
    assert arrays == {"0-8%4"}
    assert "--mem=3072M" in lines[1]
    file = scripts / "out" / "survey.yaml"
    assert lines[1].endswith(f"minecover tile {file} --stage cube --of 9")
    assert lines[-1].endswith(f"minecover run {file} --log -")


def test_tasks_read_the_same_survey(scripts: Path) -> None:
    ours, theirs = load(scripts / "survey.yaml"), load(scripts / "out" / "survey.yaml")
    assert theirs.store == ours.store
    assert theirs.replace(engine=ours.engine) == ours
    assert (theirs.engine.tiles, theirs.engine.workers) == ("local", 1)
