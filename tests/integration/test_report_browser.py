"""The report in a real browser: it renders, logs no error and asks nobody for anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from browser import browse
from minecover.products.publishing import publish
from minecover.products.registry import PUBLISHED
from small_map import SIMULATED, draw_codes, grid, small_map

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = small_map(tmp_path_factory.mktemp("browser"), draw_codes((90, 120)), grid((90, 120), 64))
    publish(made.store, made.publication(sources=SIMULATED), PUBLISHED)
    return Path(made.store.url) / "products" / "report.html"


def requests_of(report: Path, tmp_path: Path) -> tuple[list[str], str, str]:
    """Addresses that the page asked for, its DOM, and what the browser logged."""
    log = tmp_path / "net.json"
    done = browse(report, tmp_path, "--enable-logging=stderr", f"--log-net-log={log}", "--dump-dom")
    parameters = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    urls = [
        item["url"]
        for item in parameters
        if "url" in item and not str(item.get("initiator", "not an origin")).startswith("not")
    ]
    return urls, done.stdout, done.stderr


def test_the_page_renders_without_errors_or_requests(report: Path, tmp_path: Path) -> None:
    urls, dom, log = requests_of(report, tmp_path)
    assert "SIMULATED DATA" in dom
    assert dom.count("<section>") == 8
    assert "CONSOLE" not in log
    assert urls == []


def test_a_request_would_be_seen(report: Path, tmp_path: Path) -> None:
    html = report.read_text(encoding="utf-8")
    telling = tmp_path / "telling.html"
    outside = html.replace("img-src data:", "img-src *").replace(
        "</footer>", '<img src="http://127.0.0.1:9/pixel.png"></footer>'
    )
    telling.write_text(outside, encoding="utf-8")
    urls, _, _ = requests_of(telling, tmp_path)
    assert "http://127.0.0.1:9/pixel.png" in urls


def test_the_page_forbids_requests(report: Path, tmp_path: Path) -> None:
    html = report.read_text(encoding="utf-8")
    tampered = tmp_path / "tampered.html"
    image = '<img src="http://127.0.0.1:9/pixel.png"></footer>'
    tampered.write_text(html.replace("</footer>", image), encoding="utf-8")
    urls, _, log = requests_of(tampered, tmp_path)
    assert urls == []
    assert "Content Security Policy" in log


@pytest.mark.parametrize("width", [500, 1280])
def test_the_page_is_drawn_at_any_width(report: Path, tmp_path: Path, width: int) -> None:
    target = tmp_path / "page.png"
    browse(report, tmp_path, f"--window-size={width},1800", f"--screenshot={target}")
    with Image.open(target) as image:
        assert image.size == (width, 1800)
        drawn = {colour for _, colour in image.convert("RGB").getcolors(1 << 24) or []}
    # banner, and the three classes of the map and its legend
    assert {(255, 201, 74), (63, 125, 58), (47, 111, 176), (91, 74, 107)} <= drawn
