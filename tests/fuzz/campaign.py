"""Spoil documents one after another, drawn by a seed; none may end in a traceback.

    PYTHONPATH=pipeline:tests python -m fuzz.campaign --mutations 20000 --seconds 3600

Every outcome is a success or a message with exit code 2 or 75, in bounded time and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from fuzz.apis import ApiCatalog
from fuzz.catalogs import StaticCatalog
from fuzz.mutations import mutated
from fuzz.outcomes import SECONDS, Outcomes
from services.runs import memory

__all__ = ["TARGETS", "Target", "opened", "spoil"]

MEMORY = 6 * 2**30
"""Bytes of address space of a process: a document that wants more ends in a defect."""

PART = 500
"""Documents that one process spoils before it takes documents of another kind."""


@dataclass(frozen=True)
class Target:
    """Documents of one kind, and what reads them.

    Attributes
    ----------
    documents
        By name.
    read
        Takes the name of the one that is spoiled, and what it holds then.
    """

    documents: Mapping[str, Any]
    read: Callable[[str, bytes], None]


@contextmanager
def _static(folder: Path) -> Iterator[Target]:
    made = StaticCatalog(folder)
    yield Target(made.documents, made.look_up)


@contextmanager
def _api(folder: Path) -> Iterator[Target]:
    with ApiCatalog.served(StaticCatalog(folder)) as made:
        yield Target(made.documents, made.look_up)


@contextmanager
def _survey(folder: Path) -> Iterator[Target]:
    from fuzz.surveys import SurveyFiles

    made = SurveyFiles(StaticCatalog(folder))
    yield Target(made.documents, made.check)


@contextmanager
def _stubs(folder: Path) -> Iterator[Target]:
    from fuzz.stores import StubbedStore

    made = StubbedStore(folder)
    yield Target(made.documents, made.run)


@contextmanager
def _finished(folder: Path) -> Iterator[Target]:
    from fuzz.stores import FinishedStore

    made = FinishedStore(folder)
    yield Target(made.documents, made.read)


TARGETS = {
    "static catalog": (0.55, _static),
    "STAC API": (0.25, _api),
    "survey, area, samples": (0.12, _survey),
    "store of a run half done": (0.05, _stubs),
    "finished store": (0.03, _finished),
}
"""Kinds of documents: their part in a campaign, and what makes them."""


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Target]:
    """Make the documents of a kind in an empty folder."""
    with TARGETS[kind][1](folder) as target:
        yield target


def spoil(target: Target, count: int, rng: random.Random, until: float) -> Outcomes:
    """Spoil documents of a kind, so many or until a moment of `time.monotonic`."""
    outcomes = Outcomes()
    for name, document in target.documents.items():
        target.read(
            name, json.dumps(document).encode()
        )  # as it is: what is imported is not its own
        break
    for _ in range(count):
        if time.monotonic() > until:
            break
        name = rng.choice(list(target.documents))
        change, data = mutated(target.documents[name], rng)
        outcomes.judge(name, change, lambda: target.read(name, data))  # noqa: B023 it is called now
    return outcomes


def table(found: Mapping[str, Outcomes], ran: str) -> str:
    """Say what became of the documents, in Markdown."""
    total = sum(sum(outcomes.counts.values()) for outcomes in found.values())
    defects = sum(outcomes.counts["defects"] for outcomes in found.values())
    names = ("minecover", "pystac", "pydantic", "zarr")
    lines = [
        f"{total:,} documents with one value or structure spoiled, {defects} tracebacks, endless "
        f"runs (more than {SECONDS} s) or other defects. `python -m fuzz.campaign`: {ran}, "
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"{', '.join(f'{name} {version(name)}' for name in names)}.",
        "",
        "| documents | spoiled | accepted | refused | defects | longest, s |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for kind, outcomes in found.items():
        counts = outcomes.counts
        lines.append(
            f"| {kind} | {sum(counts.values()):,} | {counts['accepted']:,} | "
            f"{counts['refused']:,} | {counts['defects']} | {outcomes.longest:.1f} |"
        )
    return "\n".join([*lines, ""])


@dataclass(frozen=True)
class Part:
    """Some documents of one kind, spoiled by one process.

    Attributes
    ----------
    kind
        Of the documents.
    number
        Of this part among those of the kind; with the seed it decides what is spoiled.
    count
        How many.
    """

    kind: str
    number: int
    count: int


def parts(mutations: int, kinds: Sequence[str]) -> list[Part]:
    """Share mutations out, all kinds at an even pace, so that a limit of time cuts each alike."""
    shares = {kind: TARGETS[kind][0] for kind in kinds}
    turns = []
    for kind, share in shares.items():
        count = round(share / sum(shares.values()) * mutations)
        starts = range(0, count, PART)
        turns += [
            ((number + 0.5) / len(starts), Part(kind, number, min(PART, count - start)))
            for number, start in enumerate(starts)
        ]
    return [part for _, part in sorted(turns, key=lambda turn: turn[0])]


def spoil_part(seed: int, until: float, part: Part) -> Outcomes:
    """Spoil the documents of a part, in a folder of their own; none after a moment."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if time.monotonic() > until:
        return Outcomes()
    with (
        tempfile.TemporaryDirectory(dir=memory()) as folder,
        opened(part.kind, Path(folder)) as target,
    ):
        rng = random.Random(f"{seed} {part.kind} {part.number}")
        return spoil(target, part.count, rng, until)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign; 1 where there was a defect."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--mutations", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(TARGETS), help="kinds of documents")
    parser.add_argument("--out", type=Path, help="Markdown of which one section is replaced")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    given = parser.parse_args(arguments)
    begun, found = time.monotonic(), {kind: Outcomes() for kind in given.only}
    todo = parts(given.mutations, given.only)
    with ProcessPoolExecutor(given.jobs, get_context("spawn")) as pool:
        work = partial(spoil_part, given.seed, begun + given.seconds)
        for part, outcomes in zip(todo, pool.map(work, todo), strict=True):
            found[part.kind] += outcomes
            for defect, cases in outcomes.defects.items():
                print(f"{part}: {len(cases)} times {defect}, the first: {cases[0]}", flush=True)
    text = table(found, f"seed {given.seed}, {time.monotonic() - begun:.0f} s")
    if given.out:
        from chaos.tallies import keep_section

        keep_section(given.out, "Spoiled documents", text)
    print(text)
    print(json.dumps({kind: outcomes.counts for kind, outcomes in found.items()}))
    return int(any(outcomes.defects for outcomes in found.values()))


if __name__ == "__main__":
    sys.exit(main())
