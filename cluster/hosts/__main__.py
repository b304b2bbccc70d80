"""Commands: `python -m hosts up 3`, `run 2 -- COMMAND`, `kill 2`, `cut 3`, `heal 3`, `down`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from hosts.lan import HostsError, Lan


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    about = "Several hosts on one machine: network namespaces joined by a bridge (as root)."
    main = argparse.ArgumentParser("hosts", description=about)
    main.add_argument("--name", default="mc", help="of the network, where there are several")
    commands = main.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="make N hosts h1, h2, ... at 10.213.0.1, 10.213.0.2, ...")
    up.add_argument("count", type=int)
    up.add_argument("--share", type=Path, action="append", default=[],
                    help="a folder below /tmp that all hosts see")  # fmt: skip
    commands.add_parser("down", help="take everything down; also what a failure left")
    commands.add_parser("list", help="show each host's address and state")
    run = commands.add_parser("run", help="run a command on a host: run 2 -- hostname")
    run.add_argument("host", type=int)
    run.add_argument("line", nargs=argparse.REMAINDER)
    for name, help in (
        ("kill", "kill a host: its link and all its processes"),
        ("start", "start a killed host again"),
        ("cut", "cut a host's link, silently"),
        ("heal", "join a link that was cut"),
    ):
        commands.add_parser(name, help=help).add_argument("host", type=int)
    return main


def main() -> int:
    """Do one command; 2 where it cannot be done."""
    given = parser().parse_args()
    lan = Lan(given.name)
    try:
        if given.command == "up":
            lan.up(given.count, given.share)
        elif given.command == "down":
            lan.down()
        elif given.command == "run":
            line = lan.command(given.host, *given.line[given.line[:1] == ["--"] :])
            os.execvp(line[0], line)
        elif given.command != "list":
            getattr(lan, given.command)(given.host)
        if given.command in ("up", "list"):
            for host, state in lan.hosts().items():
                print(f"h{host}  {lan.address(host):12}  {state}")
    except HostsError as error:
        print(f"hosts: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
