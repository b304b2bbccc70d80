"""Spoil documents one after another, drawn by a seed; none may end in a traceback.

    PYTHONPATH=pipeline:tests python -m fuzz.campaign --mutations 20000 --seconds 3600

Every outcome is a success or a message with exit code 2 or 75, in bounded time and memory.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzz.apis import ApiCatalog
from fuzz.catalogs import StaticCatalog
from fuzz.mutations import mutated
from fuzz.outcomes import SECONDS, Outcomes

__all__ = ["TARGETS", "Target", "opened", "spoil"]

MEMORY = 6 * 2**30
"""Bytes of address space that the campaign has: a document that wants more ends in a defect."""


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
    "static catalog": (0.5, _static),
    "STAC API": (0.2, _api),
    "survey, area, samples": (0.15, _survey),
    "store of a run half done": (0.07, _stubs),
    "finished store": (0.08, _finished),
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
    lines = [
        f"{total:,} documents with one value or structure spoiled, {defects} tracebacks, endless "
        f"runs (more than {SECONDS} s) or other defects. `python -m fuzz.campaign`: {ran}.",
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign; 1 where there was a defect."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--mutations", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(TARGETS), help="kinds of documents")
    parser.add_argument("--out", type=Path, help="Markdown of which one section is replaced")
    given = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    begun, found = time.monotonic(), dict[str, Outcomes]()
    shares = {kind: TARGETS[kind][0] for kind in given.only}
    for kind, share in shares.items():
        part = share / sum(shares.values())
        with tempfile.TemporaryDirectory() as folder, opened(kind, Path(folder)) as target:
            until = time.monotonic() + part * given.seconds
            rng = random.Random(f"{given.seed} {kind}")
            found[kind] = spoil(target, round(part * given.mutations), rng, until)
    text = table(found, f"seed {given.seed}, {time.monotonic() - begun:.0f} s")
    if given.out:
        from chaos.tallies import keep_section

        keep_section(given.out, "Spoiled documents", text)
    print(text)
    for kind, outcomes in found.items():
        for defect, cases in outcomes.defects.items():
            print(f"{kind}: {len(cases)} times {defect}, the first: {cases[0]}")
    print(json.dumps({kind: outcomes.counts for kind, outcomes in found.items()}))
    return int(any(outcomes.defects for outcomes in found.values()))


if __name__ == "__main__":
    sys.exit(main())
