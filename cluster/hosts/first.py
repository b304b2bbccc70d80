"""First process of a host: makes its name and mounts, then reaps what other processes leave."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

BIND, PRIVATE, RECURSIVE = 0x1000, 0x40000, 0x4000
"""Flags of mount(2)."""

OWN = ("/tmp", "/dev/shm")
"""Folders in memory that every host has for itself."""

libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str = "", flags: int = 0) -> None:
    """Mount as mount(2) does."""
    if libc.mount(source.encode(), target.encode(), kind.encode() or None, flags, None):
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)}: mount {source} at {target}")


def make_mounts(hosts: Path, shared: list[str]) -> None:
    """Give the host its own /proc, /tmp and /dev/shm, with the shared folders in their places."""
    mount("none", "/", flags=PRIVATE | RECURSIVE)
    hidden = [path for path in shared if path.startswith(tuple(f"{own}/" for own in OWN))]
    open_folders = [(path, os.open(path, os.O_PATH)) for path in hidden]
    for own in OWN:
        mount("tmpfs", own, "tmpfs")
        Path(own).chmod(0o1777)
    for path, number in open_folders:
        if not Path(path).exists():  # it is not below another that is there by now
            Path(path).mkdir(parents=True)
            mount(f"/proc/self/fd/{number}", path, flags=BIND)
        os.close(number)
    mount(str(hosts), "/etc/hosts", flags=BIND)
    mount("proc", "/proc", "proc")


def main(folder: Path, host: str, shared: list[str]) -> None:
    """Become the host and stay until killed."""
    # by the /proc of the machine: the number there
    number = os.readlink("/proc/self")
    socket.sethostname(f"h{host}")
    make_mounts(folder / "hosts", shared)
    begun = folder / f"h{host}.begun"
    begun.write_text(number)
    begun.rename(folder / f"h{host}")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        signal.sigwait({signal.SIGCHLD})
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
