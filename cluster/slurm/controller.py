"""Slurm on one machine: munged, slurmctld and slurmd of Debian's packages, as root."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Slurm", "SlurmError", "running_slurm"]

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")

CONFIGURATION = """\
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
KillWait=5
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
"""`batch_sched_delay` and its like: a requeued job would wait for 120 s."""


class SlurmError(RuntimeError):
    """Slurm is not installed, or does not start."""


@dataclass(frozen=True)
class Slurm:
    """A running Slurm, by the folder of its configuration."""

    folder: Path
    host: str

    def call(self, *command: str, check: bool = True) -> str:
        """Run one of Slurm's programs, and give what it prints."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        if check and done.returncode:
            raise SlurmError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout.strip()

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which programs find it."""
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def drain(self) -> None:
        """Give the node no new work."""
        self._state("drain", "Reason=maintenance")

    def resume(self) -> None:
        """Give the node work again."""
        self._state("resume")

    def _state(self, state: str, *more: str) -> None:
        self.call("scontrol", "update", f"NodeName={self.host}", f"State={state}", *more)

    def tasks(self, job: str) -> dict[str, str]:
        """State of each task of an array job that is in the queue."""
        lines = self.call("squeue", "-r", "-h", "-j", job, "-o", "%K %T", check=False).splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def queued(self) -> list[str]:
        """Names of the jobs in the queue."""
        return self.call("squeue", "-h", "-o", "%j").splitlines()


@contextmanager
def running_slurm(folder: Path, cpus: int = 2, memory: int = 16384) -> Iterator[Slurm]:
    """Start it below a folder, and stop it at the end; `memory` in MiB.

    Raises
    ------
    SlurmError
        A program is not installed, or the node does not become ready.
    """
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise SlurmError(f"not installed: {', '.join(missing)} (Debian: slurm-wlm munge)")
    folder.mkdir(parents=True)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key, host = folder / "munge.key", socket.gethostname()
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o600)
    folder.chmod(0o755)
    text = CONFIGURATION.format(
        folder=folder, host=host, ports=_free_ports(), cpus=cpus, memory=memory
    )
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    slurm = Slurm(folder, host)
    munge = ["munged", "--foreground", "--force", f"--key-file={key}"]
    munge += [f"--{what}={folder}/munge.{what}" for what in ("socket", "pid-file", "log-file")]
    munge.append(f"--seed-file={folder}/munge.seed")
    with ExitStack() as stack:
        stack.enter_context(_daemon(slurm, "munged", *munge))
        stack.enter_context(_daemon(slurm, "slurmctld", "slurmctld", "-D"))
        stack.enter_context(_daemon(slurm, "slurmd", "slurmd", "-D", "-N", host))
        _wait_for_node(slurm)
        yield slurm


@contextmanager
def _daemon(slurm: Slurm, name: str, *command: str) -> Iterator[None]:
    with (slurm.folder / f"{name}.out").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, env=slurm.environment, stdout=log, stderr=log)
        try:
            time.sleep(1)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_node(slurm: Slurm, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = slurm.call("sinfo", "-h", "-o", "%T", check=False)
        if state.startswith(("idle", "mixed", "allocated")):
            return
        time.sleep(1)
    raise SlurmError(f"the node is not ready ({state}): see {slurm.folder}")


def _free_ports() -> tuple[int, ...]:
    held = [socket.socket() for _ in range(2)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = tuple(one.getsockname()[1] for one in held)
    for one in held:
        one.close()
    return ports
