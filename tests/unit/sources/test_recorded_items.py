"""What is decided of items that providers really gave, as the documentation has it.

The items are beside a checkout, not in it; where they are, the table of `docs/how_to/images.md` is
compared with what is decided now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import minecover
from minecover.sources.item_document import ItemError, tidied
from minecover.sources.sentinel2 import Sentinel2, Sentinel2Settings

PAGE = Path(minecover.__file__).parents[2] / "docs/how_to/images.md"
PROVIDERS = {
    "planetary-computer": "Planetary Computer",
    "earth-search": "Earth Search",
    "cdse": "Copernicus Data Space",
    "stactools": "stactools (examples)",
}
HEAD = "| provider | collection | items | baseline | offset in numbers | why |"


def decided(raw: dict, source: Sentinel2) -> tuple[str, str]:
    """Offset of the blue band, or that the item is left out, and why."""
    item = tidied(raw)
    try:
        scaling = source.scaling(item, source.assets(item)["B02"])
    except ItemError as fault:
        text = str(fault).partition(";")[0].removeprefix(f"item {raw['id']}")
        return "left out", re.sub(r"^(, asset \w+)?: ", "", text)
    reason = scaling.reason.removesuffix(" of the asset")
    return f"{scaling.offset:g}", re.sub(r"(baseline) \d\d\.\d\d$", r"\1", reason)


def rows(folder: Path) -> Iterator[str]:
    """Lines of the table, the items of one decision in one."""
    found: dict[tuple[str, ...], list[float]] = {}
    source = Sentinel2(Sentinel2Settings())
    for provider, title in PROVIDERS.items():
        for path in sorted((folder / provider).glob("*/*.json")):
            raw = json.loads(path.read_text())
            if re.search("sentinel(-?2|-s2)", path.parent.name) is None:
                continue
            key = (title, path.parent.name, *decided(raw, source))
            found.setdefault(key, []).append(source.baseline(tidied(raw)))
    for (provider, collection, offset, why), baselines in found.items():
        known = sorted({f"{baseline:05.2f}" for baseline in baselines if baseline})
        spread = known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}" if known else "none"
        yield f"| {provider} | `{collection}` | {len(baselines)} | {spread} | {offset} | {why} |"


def test_the_table_of_the_documentation_is_what_is_decided(shared_data: Path) -> None:
    text = PAGE.read_text()
    table = [*rows(shared_data / "stac_items")]
    assert len(table) > 8
    start = text.index(HEAD)
    written = text[start : text.index("\n\n", start)].splitlines()[2:]
    assert written == table
