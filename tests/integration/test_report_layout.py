"""Pages are whole on a phone and on paper: nothing is cut off, and no labels touch."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_map as maps
from browser import browse
from minecover.accuracy.estimates import estimates
from minecover.accuracy.intervals import intervals
from minecover.products.publishing import publish
from minecover.products.registry import PUBLISHED

pytestmark = pytest.mark.integration

CHINESE = ["林草地", "水体", "建设用地", "裸地", "露天采矿区及排土场", "复垦地"]
LONG = [
    "Evergreen_and_deciduous_forest_with_natural_grassland_and_shrub",
    "Surface_water_reservoirs_and_tailings_ponds",
    "Open-pit_coal_mining_with_waste_dumps_and_haul_roads_inside_concession",
]
MANY = [f"class_{number:02}_of_land_use" for number in range(26)]

PHONE, PAPER = 400, 688
"""Pixels of a phone's window, and of A4 within its margins."""

MEASURE = """
const found = {};
for (const frame of document.querySelectorAll("iframe")) {
  const page = frame.contentDocument, width = frame.clientWidth, out = [];
  for (const part of page.querySelectorAll("body *"))
    if (part.getBoundingClientRect().right > width + 1 && !part.closest(".unseen"))
      out.push(part.tagName + " " + part.textContent.trim().slice(0, 30));
  for (const part of page.querySelectorAll(".scroll"))
    if (part.scrollWidth > part.clientWidth + 1)
      out.push("scrolls: " + part.textContent.trim().slice(0, 30));
  const touching = [];
  for (const axis of page.querySelectorAll(".eastings, .northings")) {
    const boxes = [...axis.children].map(label => label.getBoundingClientRect());
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
      const across = a.left < b.right && b.left < a.right;
      if (across && a.top < b.bottom && b.top < a.bottom) touching.push(i);
    }));
  }
  const heads = [...page.querySelectorAll(".matrix thead span")].map(head => {
    const style = getComputedStyle(head);
    const em = parseFloat(style.fontSize), wide = Math.round(head.clientWidth / em);
    return [style.writingMode, style.transform, style.textOrientation, wide].join(" ");
  });
  found[frame.id] = {out: out, touching: touching, heads: [...new Set(heads)].sort()};
}
document.body.dataset.found = JSON.stringify(found);
"""


def accuracy(classes: Sequence[Mapping[str, Any]], points: int = 300) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    codes = {str(item["name"]): int(item["code"]) for item in classes}
    reference = rng.choice(list(codes.values()), points)
    other = rng.choice(list(codes.values()), points)
    mapped = np.where(rng.random(points) < 0.9, reference, other)
    found = intervals(reference, mapped, codes, np.arange(points) // 5)
    split = {
        **estimates(reference, mapped, codes).to_dict(),
        "intervals": found.to_dict(tuple(codes)),
    }
    return {"splits": {"spatial_blocks": split, "random": split}, "protocol": "Five folds."}


def page(
    folder: Path, names: Sequence[str], shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> str:
    """Report of a survey with these classes, the first of which is a mine."""
    classes = [
        {"code": place, "name": name, "colour": f"#{place * 9:02x}6688", "mine": place == 1}
        for place, name in enumerate(names, start=1)
    ]
    monkeypatch.setattr(maps, "CLASSES", classes)
    monkeypatch.setattr(maps, "CODES", [item["code"] for item in classes])
    made = maps.small_map(
        folder, maps.draw_codes(shape, scale=10), maps.grid(shape, 64), maps.survey()
    )
    estimate = {"value": 123.4, "standard_error": 9.0, "low": 101.2, "high": 145.6}
    share = {"value": 0.9, "standard_error": 0.1, "low": 0.62, "high": 0.98}
    areas = {
        "classes": list(names), "samples": 291, "method": "stratified random sample",
        "overall_accuracy": share, "area_ha": dict.fromkeys(names, estimate),
        "users_accuracy": dict.fromkeys(names, share),
        "producers_accuracy": dict.fromkeys(names, share),
    }  # fmt: skip
    samples = {"given": 300, "used": 300, "classes": dict.fromkeys(names, 9), "dropped": {}}
    facts = {"accuracy": accuracy(classes), "areas": areas, "samples": samples}
    publish(made.store, made.publication(**facts, sources=maps.SIMULATED), PUBLISHED)
    return (Path(made.store.url) / "products" / "report.html").read_text(encoding="utf-8")


def measured(pages: Mapping[str, str], tmp_path: Path) -> dict[str, Any]:
    """What sticks out of each page on a phone and on paper."""
    frames = []
    for name, text in pages.items():
        for kind, width in (("phone", PHONE), ("paper", PAPER)):
            shown = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
            if kind == "paper":
                shown = shown.replace("@media screen", "@media none")
                shown = shown.replace("@media print", "@media all")
            frames.append(
                f'<iframe id="{name} {kind}" style="width:{width}px;height:900px;border:0" '
                f'srcdoc="{html.escape(shown)}"></iframe>'
            )
    whole = tmp_path / "measure.html"
    script = f"<script>window.onload = () => {{{MEASURE}}}</script>"
    whole.write_text(f'<meta charset="utf-8"><body>{"".join(frames)}{script}', encoding="utf-8")
    dom = browse(whole, tmp_path, "--dump-dom", "--virtual-time-budget=5000").stdout
    (found,) = re.findall(r'data-found="([^"]*)"', dom)
    result: dict[str, Any] = json.loads(html.unescape(found))
    return result


def test_nothing_is_cut_off_on_a_phone_or_on_paper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {
        "chinese": page(tmp_path / "chinese", CHINESE, (60, 80), monkeypatch),
        "long, narrow": page(tmp_path / "narrow", LONG, (200, 8), monkeypatch),
        "many, wide": page(tmp_path / "wide", MANY, (20, 300), monkeypatch),
    }
    found = measured(pages, tmp_path)
    assert len(found) == 6
    assert {name: item["out"] for name, item in found.items() if item["out"]} == {}
    assert {name: item["touching"] for name, item in found.items() if item["touching"]} == {}
    # Chinese stands upright in lines of one or two characters; letters are turned
    assert found["chinese phone"]["heads"] == [
        "horizontal-tb none mixed 1",
        "horizontal-tb none mixed 2",
        "vertical-rl none mixed 1",
    ]
