"""What people, generators and servers can write in a JSON document, one thing wrong at a time."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["HOSTILE", "Mutation", "mutated", "places", "with_value"]

Json = Any
Place = tuple[str | int, ...]

HOSTILE: tuple[Json, ...] = (
    None, True, False, float("nan"), float("inf"), float("-inf"), 0, -0.0, -1, 1, 7, 0.5, 181.0,
    1e-320, 1e308, -1e308, 2**31, 2**63, 2**64, 10**30, -(10**30), 10**400,
    "", " ", "x", "0", "-1", "NaN", "1e999", "null", "\0", "\ud800", "\u202e", "é" * 300,
    "x" * 70_000,
    "../../x", "/dev/zero", "/proc/self/mem", "file:///etc/hosts", "http://[", "http://[::1", "//",
    "s3://", "s3:///", "data:,x", "http://127.0.0.1:9/x", "?", "#", "%00", "\\\\x\\y", "~",
    "EPSG:None", "EPSG:99999999", "EPSG:4326", "+proj=utm", "2021-13-45", "0000-01-01",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2021-06-10", "2021-06-01/2021-08-31",
    "..",
    [], {}, [[]], [{}], [None], {"": None}, {"a": {"b": []}}, [1, 2], ["a", "b"], [0.0] * 6,
    [float("nan")] * 4, [1e308] * 4, [10**400] * 4, list(range(5000)), [[1, 2, 3, 4]],
)  # fmt: skip
"""Values that are put in the place of others; each was, or could be, written by somebody."""

DEEP = 3000
"""Levels of nesting that no document has."""

Mutation = tuple[str, bytes]
"""What was changed, and the document."""


def places(document: Json, at: Place = ()) -> Iterator[Place]:
    """Every place in a document, its root among them."""
    yield at
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*at, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*at, index))


def mutated(document: Json, rng: random.Random) -> Mutation:
    """Change one thing in a document: a value, its structure, or its text."""
    kind = rng.random()
    if kind < 0.06:
        return _spoiled(document, rng)
    at = rng.choice(list(places(document)))
    if kind < 0.7 or not at:
        value = _hostile(_found(document, at), rng)
        return f"{_named(at)} = {value!r:.60}", _text(with_value(document, at, value))
    change = rng.choice(STRUCTURAL)
    return f"{change.__name__[1:]} {_named(at)}", change(document, at, rng)


def _hostile(value: Json, rng: random.Random) -> Json:
    """Another value: any, or one that is near to what is there."""
    near: list[Json] = [[value], {"value": value}, str(value)]
    if isinstance(value, int | float) and not isinstance(value, bool):
        near += [-value, value * 1e6, value + 0.5, value * 111_320.0, value / 111_320.0]
    if isinstance(value, str):
        near += [value.upper(), value[:-1], value + "\n", value + "/", "/" + value, value * 2]
    if isinstance(value, list):
        near += [value[::-1], value[:-1], value * 2, [*value, None], dict(enumerate(value))]
    return rng.choice(near) if rng.random() < 0.25 else rng.choice(HOSTILE)


def _spoiled(document: Json, rng: random.Random) -> Mutation:
    """Text that is no JSON, or not the one that was meant."""
    text = json.dumps(document).encode()
    cut, at = rng.randrange(len(text)), rng.randrange(len(text))
    spoiled = {
        "nothing": b"",
        "cut": text[:cut],
        "a byte": text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :],
        "deep lists": b"[" * 100_000,
        "deep objects": b'{"a":' * 100_000,
        "closed deep lists": b'{"links": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        "byte order mark": b"\xef\xbb\xbf" + text,
        "UTF-16": text.decode().encode("utf-16"),
        "Latin-1": '{"id": "é"}'.encode("latin-1"),
        "digits": b'{"id": ' + b"9" * 5000 + b"}",
        "twice": text + text,
        "a web page": b"<!doctype html><title>502</title>",
        "zeros": b"\0" * 500,
    }
    name = rng.choice(list(spoiled))
    return f"text: {name}", spoiled[name]


def _removed(document: Json, at: Place, rng: random.Random) -> bytes:
    parent = _parent(made := copy.deepcopy(document), at)
    del parent[at[-1]]
    return _text(made)


def _renamed(document: Json, at: Place, rng: random.Random) -> bytes:
    parent = _parent(made := copy.deepcopy(document), at)
    if isinstance(parent, list):
        parent.insert(rng.randrange(len(parent) + 1), parent.pop(at[-1]))  # type: ignore[arg-type]
    else:
        names = [f"{at[-1]}x", str(at[-1]).upper(), "", "id", "\0"]
        parent[rng.choice(names)] = parent.pop(at[-1])
    return _text(made)


def _doubled(document: Json, at: Place, rng: random.Random) -> bytes:
    """A list has the value twice; of an object the key is written twice, with another value."""
    parent = _parent(made := copy.deepcopy(document), at)
    if isinstance(parent, list):
        parent.append(_found(document, at))
        return _text(made)
    mark = "@twice@"
    parent[mark] = rng.choice(HOSTILE)
    return _text(made).replace(json.dumps(mark).encode(), json.dumps(at[-1]).encode())


def _exchanged(document: Json, at: Place, rng: random.Random) -> bytes:
    other = rng.choice(list(places(document)))
    value = _found(document, other)
    return _text(with_value(document, at, value))


def _deepened(document: Json, at: Place, rng: random.Random) -> bytes:
    levels = rng.choice((40, 900, DEEP))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    made = _text(with_value(document, at, "@deep@"))
    return made.replace(b'"@deep@"', opening * levels + b"0" + closing * levels)


STRUCTURAL: tuple[Callable[[Json, Place, random.Random], bytes], ...] = (
    _removed, _renamed, _doubled, _exchanged, _deepened,
)  # fmt: skip


def _named(at: Place) -> str:
    return ".".join(map(str, at)) or "the document"


def _found(document: Json, at: Place) -> Json:
    for key in at:
        document = document[key]
    return document


def _parent(document: Json, at: Place) -> Json:
    return _found(document, at[:-1])


def with_value(document: Json, at: Place, value: Json) -> Json:
    """Copy a document with another value at a place."""
    if not at:
        return value
    made = copy.deepcopy(document)
    _parent(made, at)[at[-1]] = value
    return made


def _text(document: Json) -> bytes:
    return json.dumps(document).encode()
