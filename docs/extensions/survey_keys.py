"""Every key of a survey file, from its JSON schema; models and products from their registries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from markup import confval, heading, table

from minecover.models.registry import MODELS
from minecover.products.registry import PRODUCTS
from minecover.survey import Survey

Schema = Mapping[str, Any]

BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "multipleOf": "a multiple of {}",
}
PLAIN = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}


def keys() -> str:
    """Describe the keys that are in no section."""
    root = _schema()
    alone = {key: item for key, item in root["properties"].items() if _section(item) is None}
    return "\n\n".join(_keys(alone, root, ""))


def sections() -> str:
    """Describe each section under a heading of its own."""
    parts: list[str] = []
    for key, item in _schema()["properties"].items():
        if (section := _section(item)) is not None:
            parts += _described(key, item, section, 2)
    return "\n\n".join(parts)


def models() -> str:
    """List the kinds of model."""
    rows = [(f"`{m.name}`", m.label, m.reads, "yes" if m.uses_gpu else "no") for m in MODELS]
    return table(("`model.kind`", "what it is", "reads", "uses a GPU"), rows)


def products() -> str:
    """List the products."""
    rows = [
        (f"`{p.name}`", _first_sentence(p), ", ".join(f"`{name}`" for name in p.requires) or "—")
        for p in PRODUCTS
    ]
    return table(("product", "what it is", "made from"), rows)


@cache
def _schema() -> Schema:
    """Describe the survey, with the sources that this package has."""
    return Survey.model_json_schema()


def _described(path: str, item: Schema, section: Schema, level: int) -> Iterator[str]:
    yield heading(f"`{path}`", level)
    if "items" in item:
        yield "A list; each of them:"
    elif _named(item):
        yield "A mapping of names; under each of them:"
    yield from (part["description"] for part in (item, section) if "description" in part)
    inner = {key: _section(one) for key, one in section["properties"].items()}
    alone = {key: one for key, one in section["properties"].items() if inner[key] is None}
    yield from _keys(alone, section, f"{path}.")
    for key, sub in inner.items():
        if sub is not None:
            yield from _described(f"{path}.{key}", section["properties"][key], sub, level + 1)


def _keys(items: Mapping[str, Schema], parent: Schema, prefix: str) -> Iterator[str]:
    required = parent.get("required", ())
    choices = [key for one in parent.get("anyOf", ()) for key in one.get("required", ())]
    for key, item in items.items():
        if key in choices:
            default = f"required without `{prefix}{next(k for k in choices if k != key)}`"
        else:
            default = "required" if key in required else _default(item)
        yield confval(f"{prefix}{key}", _type(item), default, item.get("description", ""))


def _section(item: Schema) -> Schema | None:
    """Find what a key holds, if it is a section or several; None: it is a value."""
    if "properties" in item:
        return item
    for one in (item, item.get("items", {}), _named(item), *item.get("anyOf", ())):
        if "$ref" in one:
            found: Schema = _schema()["$defs"][one["$ref"].rpartition("/")[2]]
            return found if found.get("properties") else None
    return None


def _named(item: Schema) -> Schema:
    """Find what a mapping holds under each of its names; nothing where it is none."""
    held = item.get("additionalProperties")
    return held if isinstance(held, dict) else {}


def _default(item: Schema) -> str:
    if "default" in item:
        return f"`{json.dumps(item['default'], ensure_ascii=False)}`"
    if item.get("type") == "object":
        return "`{}`"
    return "see below" if item.get("type") == "array" else f"`{json.dumps(item['enum'][0])}`"


def _type(item: Schema) -> str:
    if "enum" in item:
        return "one of " + ", ".join(f"`{value}`" for value in item["enum"])
    if "anyOf" in item:
        return " or ".join(dict.fromkeys(_type(one) for one in item["anyOf"]))
    if "prefixItems" in item:
        return f"{len(item['prefixItems'])} {_plural(_type(item['prefixItems'][0]))}"
    if item.get("type") == "array":
        return f"list: {_type(item['items'])}"
    if "$ref" in item:
        return "mapping"
    if item.get("type") == "object":
        values = item.get("additionalProperties")
        return f"mapping: {_type(values)}" if isinstance(values, dict) else "mapping"
    bounds = [text.format(item[key]) for key, text in BOUNDS.items() if key in item]
    if "pattern" in item:
        bounds.append(f"of the form `{item['pattern']}`")
    return ", ".join([PLAIN[item["type"]], *bounds])


def _plural(noun: str) -> str:
    return noun if noun == "text" else f"{noun}s"


def _first_sentence(thing: object) -> str:
    return (type(thing).__doc__ or "").partition(".")[0]
