"""The order in which documents list things decides nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from _catalogs import CatalogWriter, frozen, survey_over

GROUND = np.full((32, 32), 2000, np.uint16)


def test_the_order_of_links_keys_and_seasons_changes_no_manifest(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    for n, when in enumerate(("2021-06-10", "2021-06-10", "2021-12-05", "2021-07-02")):
        writer.sentinel2(f"i{n}", f"{when}T03:00:00Z", GROUND)
    power = np.full((32, 32), 0.1, np.float32)
    for n, when in enumerate(("2021-06-11", "2021-12-07")):
        writer.item("sentinel-1-rtc", f"r{n}", f"{when}T10:00:00Z", {"VV": power, "VH": power})
    seasons = {"summer": ["2021-06-01/2021-08-31"], "winter": ["2021-12-01/2022-02-28"]}
    sources = {"sentinel2": {"scl": None}, "sentinel1": {}}
    path = writer.write()
    first = frozen(survey_over(path, (32, 32), seasons=seasons, sources=sources))
    assert len(first.found) == 6
    for document in tmp_path.rglob("*.json"):
        value = json.loads(document.read_text())
        value["links"] = value["links"][::-1]
        document.write_text(json.dumps(dict(reversed(value.items()))))
    turned = [dict(reversed(given.items())) for given in (seasons, sources)]
    again = frozen(survey_over(path, (32, 32), seasons=turned[0], sources=turned[1]))
    assert again.fingerprint == first.fingerprint
