"""The command `minecover` in processes forked from one that has imported it already.

Each is a process of its own, with the folder, the variables and the streams of who called it and
with its own exit status, without the seconds that importing takes.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import minecover

__all__ = ["forked_minecover"]

PACKAGES = Path(minecover.__file__).parents[1]

CLIENT = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [b"."], [0, 1, 2])
    server.sendall(told)
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.recv(16)))
"""


@contextmanager
def forked_minecover(**variables: str) -> Iterator[Path]:
    """Give the place of a program `minecover`, while this lasts.

    `variables` are of the environment when the package is imported.
    """
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES), **variables}
    with tempfile.TemporaryDirectory(prefix="forked-") as folder:
        address, client, program = (Path(folder, name) for name in ("s", "client.py", "minecover"))
        client.write_text(CLIENT.format(address=str(address)))
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {client} "$@"\n')
        program.chmod(0o755)
        with subprocess.Popen(
            [sys.executable, "-P", __file__, str(address)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield program
            assert process.stdin is not None
            process.stdin.close()  # by which it ends, as it does when this process is killed


def serve(address: str) -> None:
    """Run a command for each that asks, until standard input ends."""
    import minecover.models.scikit
    import minecover.planning.check  # noqa: F401
    from minecover.stages.registry import STAGES
    from minecover.storage.fingerprint import code_version

    for stage in STAGES:
        code_version(*stage.code)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while sys.stdin not in (asking := select.select([server, sys.stdin], [], [])[0]):
            assert asking == [server]
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                answer(connection)
            connection.close()
            while _ended():
                pass


def _ended() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] > 0
    except ChildProcessError:
        return False


def answer(connection: socket.socket) -> NoReturn:
    """Run a command in a child; tell its exit code."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    told = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    child = os.fork()
    if child == 0:
        connection.close()
        run(streams, *json.loads(told))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(str(code).encode())
    os._exit(0)


def run(streams: list[int], arguments: list[str], folder: str, environment: dict[str, Any]) -> None:
    """Be a command."""
    from minecover.commands.app import main

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["minecover", *arguments]
    code: Any = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
