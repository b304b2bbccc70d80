"""A real STAC API on loopback: stac-fastapi-pgstac on PostgreSQL with PostGIS.

It needs packages that do not agree with minecover's, so it lives in a virtual environment of its
own, made once under the user's cache folder (`MINECOVER_TEST_CACHE` names another). PostgreSQL
refuses to run as root: where the tests do, the servers run as `nobody`.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["UnavailableError", "stac_api"]

REQUIREMENTS = (
    "stac-fastapi-pgstac==7.2.0",
    "pypgstac[psycopg]==0.10.0",
    "uvicorn==0.54.0",
)


class UnavailableError(RuntimeError):
    """PostgreSQL, PostGIS or the packages cannot be had here."""


@contextmanager
def stac_api(
    folder: Path, collections: Iterable[dict[str, Any]], items: Iterable[dict[str, Any]]
) -> Iterator[str]:
    """Start the API with a database of its own; stop both at the end.

    Parameters
    ----------
    folder
        Empty; holds the database.
    collections, items
        STAC documents to load.

    Yields
    ------
    str
        Address of the landing page.

    Raises
    ------
    UnavailableError
        Something is not installed and cannot be.
    """
    binaries, python = _postgres(), _environment()
    user = _unprivileged()
    port, api_port = _free_port(), _free_port()
    settings = {
        "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "stac", "PGDATABASE": "postgres",
        "PGPASSWORD": "loopback", "PATH": os.environ["PATH"], "HOME": str(folder),
    }  # fmt: skip
    with ExitStack() as stack:
        _start_postgres(stack, binaries, folder, port, user)
        tool = str(python.parent / "pypgstac")
        _run([tool, "migrate"], settings)
        for kind, documents in (("collections", collections), ("items", items)):
            path = folder / f"{kind}.ndjson"
            path.write_text("".join(json.dumps(document) + "\n" for document in documents))
            _run([tool, "load", kind, str(path), "--method", "upsert"], settings)
        command = [
            str(python), "-m", "uvicorn", "--factory", "stac_fastapi.pgstac.app:create_app",
            "--host", "127.0.0.1", "--port", str(api_port), "--log-level", "warning",
        ]  # fmt: skip
        _start(stack, command, settings, None, folder / "api.log")
        url = f"http://127.0.0.1:{api_port}"
        _wait_for(url, folder / "api.log")
        yield url


def _postgres() -> Path:
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        shared = place / "pg_config"
        if not (place / "initdb").exists() or not shared.exists():
            continue
        answer = subprocess.run(
            [str(shared), "--sharedir"], capture_output=True, text=True, check=True
        )
        if (Path(answer.stdout.strip()) / "extension" / "postgis.control").exists():
            return place
    raise UnavailableError("PostgreSQL with PostGIS is not installed (postgresql-15-postgis-3)")


def _environment() -> Path:
    cache = os.environ.get("MINECOVER_TEST_CACHE") or "~/.cache/minecover-tests"
    folder = Path(cache).expanduser() / "stac-api"
    python, done = folder / "bin" / "python", folder / "done"
    if done.exists() and done.read_text() == "\n".join(REQUIREMENTS):
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS]
        subprocess.run(install, check=True, timeout=540)
    except (subprocess.SubprocessError, OSError) as error:
        raise UnavailableError(f"cannot install {', '.join(REQUIREMENTS)}: {error}") from error
    done.write_text("\n".join(REQUIREMENTS))
    return python


def _unprivileged() -> str | None:
    return "nobody" if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start_postgres(
    stack: ExitStack, binaries: Path, folder: Path, port: int, user: str | None
) -> None:
    # not below pytest's folder: each new run of pytest closes that to all but its own user
    data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postgres-"))) / "data"
    data.mkdir()
    if user is not None:
        os.chown(data, pwd.getpwnam(user).pw_uid, -1)
        for parent in (data, *data.parents):  # the user must be able to reach it
            with suppress(PermissionError):
                parent.chmod(parent.stat().st_mode | 0o011)
    data.chmod(0o700)
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "stac", "-A", "trust", "-N"]
    subprocess.run(command, check=True, capture_output=True, user=user, cwd="/")
    server = [
        str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port),
        "-k", str(data), "-c", "fsync=off", "-c", "shared_buffers=64MB",
    ]  # fmt: skip
    _start(stack, server, {"PATH": os.environ["PATH"]}, user, folder / "postgres.log")
    ready = [str(binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
    for _ in range(100):
        if subprocess.run(ready, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.2)
    raise RuntimeError((folder / "postgres.log").read_text()[-2000:])


def _start(
    stack: ExitStack, command: list[str], env: dict[str, str], user: str | None, log: Path
) -> None:
    file = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(
        command, env=env, user=user, stdout=file, stderr=subprocess.STDOUT, cwd="/"
    )
    stack.callback(_stop, process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    # SIGINT is PostgreSQL's fast shutdown, and uvicorn's orderly one
    process.send_signal(2)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _run(command: list[str], env: dict[str, str]) -> None:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-1000:]} {done.stderr[-2000:]}")


def _wait_for(url: str, log: Path) -> None:
    for _ in range(150):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer: {log.read_text()[-2000:]}")
