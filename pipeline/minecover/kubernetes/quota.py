"""Amounts of what a pool of nodes has."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

__all__ = ["Quota", "greatest"]


@dataclass(frozen=True)
class Quota:
    """Part of a pool; memory and disk in MiB."""

    cpu: int = 0
    memory: int = 0
    disk: int = 0
    gpu: int = 0

    def times(self, count: int) -> Quota:
        """Give as much as `count` of it."""
        return Quota(*(count * value for value in astuple(self)))

    def lacks(self, need: Quota) -> str:
        """Say what there is too little of for `need`, with both amounts; empty: nothing."""
        lacking = []
        for field in fields(self):
            wanted, own = getattr(need, field.name), getattr(self, field.name)
            unit = "Mi" if field.name in ("memory", "disk") else ""
            if wanted > own:
                lacking.append(f"{field.name} {wanted}{unit} of {own}{unit}")
        return ", ".join(lacking)


def greatest(*several: Quota) -> Quota:
    """Give the most of each: for what runs one after another."""
    return Quota(*(max(values) for values in zip(*map(astuple, several), strict=True)))
