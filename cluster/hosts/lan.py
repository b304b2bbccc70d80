"""A network of hosts on one machine, each of which can be killed and each link of which cut.

A host is a set of namespaces: network, processes, host name, mounts and shared memory. Its first
process reaps what others leave; killing it ends every process of the host at once, as a power cut
does. A bridge in a namespace of its own joins the hosts, so that the machine's own network is not
touched and no packet leaves.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = ["HostsError", "Lan", "State", "unavailable"]

State = Literal["up", "cut", "dead"]

NETNS = Path("/run/netns")
STATES = Path("/run/minecover-hosts")
TOOLS = ("ip", "unshare", "nsenter", "setsid")
MOST = 200
NAME = 8
"""Letters of a network's name at most: an interface has 15."""

SECONDS = 20.0
"""To start or end a host."""


class HostsError(RuntimeError):
    """What the caller wants cannot be done here."""


def unavailable() -> str | None:
    """Why there can be no hosts here; None where there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    if lacking:
        return f"{', '.join(lacking)} not found: install iproute2 and util-linux"
    probe = Lan(f"p{os.getpid()}"[:NAME])
    try:
        probe.up(1)
    except HostsError as error:
        return f"this machine does not allow it: {error}"
    finally:
        probe.down()
    return None


@dataclass(frozen=True)
class Lan:
    """Hosts `h1`, `h2`, ... at 10.213.0.1, 10.213.0.2, ...

    Networks of other names have the same addresses and do not meet.

    Attributes
    ----------
    name
        Begins the names of its namespaces; at most eight letters.
    """

    name: str = "mc"

    @property
    def folder(self) -> Path:
        """Where its state is kept while it is up."""
        return STATES / self.name

    @staticmethod
    def address(host: int) -> str:
        """Address of a host."""
        return f"10.213.0.{host}"

    def namespace(self, host: int) -> str:
        """Name of a host's network namespace, as `ip netns` lists it."""
        return f"{self.name}-h{host}"

    @property
    def switch(self) -> str:
        """Name of the namespace of the bridge."""
        return f"{self.name}-switch"

    def up(self, count: int, shared: Sequence[Path] = ()) -> None:
        """Make hosts and join them; nothing is left where that fails.

        Parameters
        ----------
        count
            How many.
        shared
            Folders below /tmp that all hosts see; else each has a /tmp and /dev/shm of its own.
            The working directory and this Python are always seen.

        Raises
        ------
        HostsError
            It is up already, or the machine does not allow it.
        """
        if not 1 <= count <= MOST or not self.name.isalnum() or len(self.name) > NAME:
            raise HostsError(f"1 to {MOST} hosts, and a name of at most {NAME} letters and digits")
        if self.folder.exists() or (NETNS / self.switch).exists():
            raise HostsError(f"network {self.name!r} is up already; take it down first")
        try:
            self._make_switch(count, shared)
            for host in range(1, count + 1):
                self.start(host)
        except BaseException:
            self.down()
            raise

    def _make_switch(self, count: int, shared: Sequence[Path]) -> None:
        self.folder.mkdir(parents=True)
        seen = [*shared, Path.cwd(), Path(sys.prefix), Path(__file__).parent]
        folders = sorted({str(path.resolve()) for path in seen})
        (self.folder / "lan.json").write_text(json.dumps({"count": count, "shared": folders}))
        names = [f"{self.address(host)} h{host}\n" for host in range(1, count + 1)]
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(names))
        _run("ip", "netns", "add", self.switch)
        _run("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", self.switch, "link", "set", "br0", "up")

    def _settings(self) -> dict[str, Any]:
        try:
            settings: dict[str, Any] = json.loads((self.folder / "lan.json").read_text())
        except FileNotFoundError:
            raise HostsError(f"network {self.name!r} is not up") from None
        return settings

    def start(self, host: int) -> None:
        """Switch on a host that was killed; `up` does so for each.

        Raises
        ------
        HostsError
            It runs, or there is no such host.
        """
        if self.state(host) != "dead":
            raise HostsError(f"h{host} runs already")
        _run("ip", "netns", "add", self.namespace(host))
        self._connect(host)
        # setsid lets it outlive this process, whatever becomes of that one
        command = [
            "setsid", "--fork", "ip", "netns", "exec", self.namespace(host),
            "unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc",
            sys.executable, "-IB", str(Path(__file__).with_name("first.py")),
            str(self.folder), str(host), *self._settings()["shared"],
        ]  # fmt: skip
        log = self.folder / f"h{host}.log"
        nothing = subprocess.DEVNULL
        with log.open("w") as file:  # no pipe: the host would hold it open
            subprocess.run(command, stdin=nothing, stdout=file, stderr=file, check=True)
        _wait(
            (self.folder / f"h{host}").exists, lambda: f"h{host} does not start: {log.read_text()}"
        )

    def _connect(self, host: int) -> None:
        inside, port = ("-n", self.namespace(host)), f"h{host}"
        _run("ip", "-n", self.switch, "link", "add", port, "type", "veth",
             "peer", "name", "eth0", "netns", self.namespace(host))  # fmt: skip
        _run("ip", *inside, "link", "set", "eth0", "address", _hardware(host))
        _run("ip", *inside, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            _run("ip", *inside, "link", "set", link, "up")
        # as behind a router: packets to a host that is gone vanish, and nothing refuses them
        for other in range(1, self._settings()["count"] + 1):
            if other != host:
                _run("ip", *inside, "neighbour", "add", self.address(other), "lladdr",
                     _hardware(other), "dev", "eth0", "nud", "permanent")  # fmt: skip
        _run("ip", "-n", self.switch, "link", "set", port, "master", "br0", "up")

    def hosts(self) -> dict[int, State]:
        """State of each host by its number.

        Raises
        ------
        HostsError
            The network is not up.
        """
        return {host: self.state(host) for host in range(1, self._settings()["count"] + 1)}

    def state(self, host: int) -> State:
        """Tell whether a host is `up`, `cut` off or `dead`.

        Raises
        ------
        HostsError
            There is no such host.
        """
        count = self._settings()["count"]
        if not 1 <= host <= count:
            raise HostsError(f"no host h{host}; there are h1 to h{count}")
        if not (self.folder / f"h{host}").exists():
            return "dead"
        links = _run("ip", "-n", self.switch, "-j", "link", "show", f"h{host}")
        return "up" if "master" in json.loads(links)[0] else "cut"

    def command(self, host: int, *command: str) -> list[str]:
        """Build the command line that runs a command on a host, in this folder, to the end.

        It ends with the code of the command, or by SIGKILL (137 to a shell) where the host is
        killed. A signal to it does not reach the command: that is a process of the host.

        Raises
        ------
        HostsError
            The host is dead.
        """
        if self.state(host) == "dead":
            raise HostsError(f"h{host} is dead; start it")
        return [
            "nsenter", "--target", str(self._first(host)), "--net", "--pid", "--mount", "--uts",
            "--ipc", f"--wd={Path.cwd()}", "--", *command,
        ]  # fmt: skip

    def _first(self, host: int) -> int:
        return int((self.folder / f"h{host}").read_text())

    def cut(self, host: int) -> None:
        """Cut a host's link: packets vanish, and neither side gets an error."""
        if self.state(host) == "dead":
            raise HostsError(f"h{host} is dead")
        _run("ip", "-n", self.switch, "link", "set", f"h{host}", "nomaster")

    def heal(self, host: int) -> None:
        """Join a link that was cut."""
        if self.state(host) == "dead":
            raise HostsError(f"h{host} is dead; start it")
        _run("ip", "-n", self.switch, "link", "set", f"h{host}", "master", "br0")

    def kill(self, host: int) -> None:
        """Kill a host: its link first, so that no connection is closed, then every process."""
        self.cut(host)
        self._end(self.namespace(host), port=f"h{host}")
        (self.folder / f"h{host}").unlink(missing_ok=True)

    def down(self) -> None:
        """Take everything down; what is left of a failed run too. May be run at any time."""
        if NETNS.is_dir():
            for path in sorted(NETNS.glob(f"{self.name}-*")):
                if path.name == self.switch or path.name.startswith(f"{self.name}-h"):
                    self._end(path.name)
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):  # another network is up
            STATES.rmdir()

    def _end(self, namespace: str, port: str = "") -> None:
        """Kill every process of a namespace and delete it with its links."""

        def ended() -> bool:
            pids = [int(pid) for pid in _run("ip", "netns", "pids", namespace).split()]
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not pids

        _wait(ended, lambda: f"processes of {namespace} do not end")
        if port:  # the kernel deletes it with the namespace, but some time later
            _run("ip", "-n", self.switch, "link", "delete", port)
        _run("ip", "netns", "delete", namespace)


def _hardware(host: int) -> str:
    return f"02:00:0a:d5:00:{host:02x}"


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HostsError(f"{' '.join(command[:6])}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def _wait(happened: Callable[[], bool], failure: Callable[[], str]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise HostsError(f"{failure()} ({SECONDS:.0f} s)")
        time.sleep(0.02)
