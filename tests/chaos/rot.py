"""Objects of a finished store that are not what was written: found, made again, the same."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from chaos.bench import Bench, drive
from minecover.errors import MinecoverError
from minecover.ledger.stage_order import StageOrder
from minecover.storage.store import Store
from minecover.testing.stages import number_stages
from minecover.workflow.verify import redo, verify
from services.runs import forked

HOW = ("a bit", "a bit", "a bit", "cut", "gone", "exchanged")
"""What happens to an object; disks flip bits, copies are cut or forget some."""

UNNOTICED, ELSEWHERE = 8, 9
"""Exit codes: nothing was found, or other objects than the one that is damaged."""

ORDER = StageOrder({stage.name: stage.reach for stage in number_stages()})


def found_and_redone(store: Path, key: str) -> int:
    """Do what `minecover verify` and `minecover retry --damaged` do."""
    opened = Store(str(store))
    try:
        damages = [one for check in verify(opened, ORDER.names) for one in check.damages]
        redo(opened, damages, ORDER)
    except MinecoverError as error:
        return error.exit_code
    if not damages:
        return UNNOTICED
    return 0 if {damage.key for damage in damages} == {key} else ELSEWHERE


def store_damaged(bench: Bench, kind: str) -> None:
    """One object of what was mapped: `minecover verify` names it, and no other."""
    store, key, how = _damaged(bench, bench.expected)
    since = time.monotonic()
    code = forked(partial(found_and_redone, store, key))
    if code == 0:
        bench.resumed(kind, store, f"{key}: {how}")
    else:
        bench.note(kind, since, same=False, told=f"{key}: {how}: {code}")


def ledger_damaged(bench: Bench, kind: str) -> None:
    """A file of the ledger: what cannot be believed is done again, or said to be deleted."""
    reference = bench.folder / "reference"
    files = (path for path in (reference / "ledger").rglob("*") if path.is_file())
    keys = sorted(str(path.relative_to(reference)) for path in files)
    store, key, how = _damaged(bench, keys)
    found = forked(partial(found_and_redone, store, key))
    told = f"{key}: {how}: verify ends with {found}"
    if forked(partial(drive, store)) == DELETE:
        (store / key).unlink()
    bench.resumed(kind, store, told)


DELETE = 2
"""Exit code of a run that says that a file is to be deleted."""


def _damaged(bench: Bench, keys: Iterable[str]) -> tuple[Path, str, str]:
    """Copy the undisturbed store and damage one of some objects: the store, the object, how."""
    store, keys = bench.fresh(), list(keys)
    shutil.copytree(bench.folder / "reference", store)
    key, how = bench.rng.choice(keys), bench.rng.choice(HOW)
    path = store / key
    whole = path.read_bytes()
    at = bench.rng.randrange(len(whole) or 1)
    if how == "gone" or not whole:
        path.unlink()
    elif how == "cut":
        path.write_bytes(whole[:at])
    elif how == "exchanged":
        others = ((store / other).read_bytes() for other in keys)
        path.write_bytes(next(other for other in others if other != whole))
    else:
        flipped = bytes([whole[at] ^ 1 << bench.rng.randrange(8)])
        path.write_bytes(whole[:at] + flipped + whole[at + 1 :])
    return store, key, f"{how} at {at}"
