"""The labelling page in a real browser: by keys, killed, in two tabs, settled, and accessible."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from driven_browser import Tab, driven_browser
from minecover.labelling.answers import NO_REVISION, Answer
from minecover.labelling.application import label_application
from minecover.labelling.session import Labelling
from pages import ROOT
from served import serving
from small_labelling import HOSTILE, labelling, points_file
from small_store import small_store

pytestmark = pytest.mark.integration

AXE = ROOT / "page" / "node_modules" / "axe-core" / "axe.min.js"

POINTS = 100

TITLE = "document.querySelector('#head h2').textContent"

DRAWN = "document.querySelectorAll('.chip').length"

TROUBLE = "document.getElementById('trouble').textContent"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Labelling:
    folder = tmp_path_factory.mktemp("label")
    made = small_store(folder)
    points = points_file(made, folder / "points.gpkg", POINTS, HOSTILE)
    basemap = "https://map.example/?x={lon}&y={lat}"
    return labelling(made, folder / "project", points, basemap=basemap)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with driven_browser(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab, work: Labelling) -> Iterator[Tab]:
    work.file.path.unlink(missing_ok=True)
    browser.size(1280, 800)
    browser.errors.clear()
    browser.requests.clear()
    yield browser
    browser.call("Page.navigate", url="about:blank")


@pytest.fixture
def address(work: Labelling) -> Iterator[str]:
    with serving(label_application(work)) as address:
        yield f"{address}/"


def lines(work: Labelling) -> list[dict[str, Any]]:
    """Answers in the file, as they were written."""
    text = work.file.path.read_text()
    return [json.loads(line) for line in text.splitlines()[1:]]


def answer_by_key(tab: Tab, key: str, shown: str) -> None:
    """Answer, and wait until another point is shown."""
    tab.press(key)
    tab.wait_for(f"{TITLE} !== {shown!r} && document.body.dataset.seen")


def test_each_answer_is_on_the_disk_before_the_next_point(
    work: Labelling, tab: Tab, address: str
) -> None:
    tab.open(address)
    assert tab.run(TITLE) == f"Point {HOSTILE}1"
    tab.press("d")
    answer_by_key(tab, "3", f"Point {HOSTILE}1")
    [first] = lines(work)
    assert (first["question"], first["label"], first["doubt"]) == ("1", "mine", True)
    tab.press("c")
    tab.run(f"document.getElementById('comment').value = {HOSTILE!r}")
    tab.run("document.getElementById('comment').dispatchEvent(new Event('input'))")
    tab.press("Enter")
    answer_by_key(tab, "s", f"Point {HOSTILE}2")
    assert (lines(work)[1]["label"], lines(work)[1]["comment"]) == (None, HOSTILE)
    tab.press("u")
    tab.wait_for(f"{TITLE} === {f'Point {HOSTILE}2'!r} && document.body.dataset.seen")
    assert lines(work)[2]["undo"] == 2
    assert sorted(work.file.read().latest) == ["1"]
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert tab.run("document.body.dataset.hacked") is None
    assert tab.errors == []
    assert {url.startswith(address) for url in tab.requests} == {True}
    tab.run("document.querySelectorAll('.chip')[1].focus()")
    tab.run("document.activeElement.click()")  # on the map, and the focus stays
    tab.wait_for("document.querySelectorAll('.chip')[1].getAttribute('aria-pressed') === 'true'")
    assert tab.run("document.activeElement === document.querySelectorAll('.chip')[1]")
    link = tab.run("document.getElementById('basemap').href")
    assert link.startswith("https://map.example/?x=15.0")


def test_killed_among_a_hundred_points_it_loses_none(
    work: Labelling, tab: Tab, address: str
) -> None:
    tab.open(address)
    for number in range(1, 13):
        answer_by_key(tab, str(1 + number % 3), f"Point {HOSTILE}{number}")
    tab.press("1")  # on its way when the page is gone
    tab.call("Page.navigate", url="about:blank")
    answered = len(work.file.read().latest)
    assert answered in (12, 13)
    tab.open(address)
    answered = len(work.file.read().latest)
    assert tab.run(TITLE) == f"Point {HOSTILE}{answered + 1}"
    names = [item.name for item in work.classes]
    wanted = [names[number % 3] for number in range(1, 13)]
    latest = work.file.read().latest
    assert [latest[str(number)].label for number in range(1, 13)] == wanted


def test_what_another_tab_answered_is_not_overwritten(
    work: Labelling, tab: Tab, address: str
) -> None:
    tab.open(address)
    other = work.file.answer("1", Answer("water", by="ann"), NO_REVISION)
    tab.press("3")
    tab.wait_for(f"/answered elsewhere/.test({TROUBLE})")
    assert work.file.read().latest["1"] == other
    assert "water" in tab.run("document.querySelector('.said').textContent")
    answer_by_key(tab, "3", f"Point {HOSTILE}1")  # now that the other answer was seen
    assert work.file.read().latest["1"].label == "mine"


def test_a_point_is_answered_once_its_own_chips_are_there(
    work: Labelling, tab: Tab, address: str
) -> None:
    tab.open(address)
    never = "(url) => { asked.push(url); return new Promise(() => {}) }"
    tab.run(f"window.asked = []; window.fetch = {never}; 0")
    tab.press("ArrowLeft")  # the last point, whose chips are not there yet
    assert tab.run(TITLE) == f"Point {HOSTILE}{POINTS}"
    tab.press("3")
    assert tab.run("asked.map(url => url.split('?')[0])") == ["api/chip"]


def test_a_server_that_is_gone_is_said(work: Labelling, tab: Tab) -> None:
    with serving(label_application(work)) as address:
        tab.open(f"{address}/")
    tab.press("3")
    tab.wait_for(f"/Not saved: the server does not answer/.test({TROUBLE})")
    assert tab.run(TITLE) == f"Point {HOSTILE}1"
    assert work.file.read().latest == {}


def test_differences_are_settled(work: Labelling, tab: Tab) -> None:
    files = [work.project.answers_of(name) for name in ("ann", "bo")]
    for file, label in zip(files, ("water", "mine"), strict=True):
        file.answer("7", Answer(label, comment=HOSTILE, by=label), NO_REVISION)
    with serving(label_application(replace(work, settle=True))) as address:
        tab.open(f"{address}/")
        assert tab.run(TITLE) == f"Point {HOSTILE}7"
        said = tab.run("[...document.querySelectorAll('.said')].map(item => item.textContent)")
        assert said == [f"ann: water – {HOSTILE}", f"bo: mine – {HOSTILE}"]
        tab.run("document.getElementById('compare').click()")
        tab.wait_for("/1 to settle/.test(document.getElementById('agreement').textContent)")
        tab.press("3")
        tab.wait_for("document.querySelectorAll('.said').length === 3")
    assert work.project.settled.read().latest["7"].label == "mine"
    for file in (files[1], work.project.settled):
        file.path.unlink()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_is_accessible(work: Labelling, tab: Tab, address: str, width: int, dark: bool) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not there: `make page` installs it")
    tab.size(width, 800, dark=dark)
    tab.open(address, DRAWN)
    tab.run("document.getElementById('compare').click()")
    tab.wait_for("document.querySelector('#agreement h2')")
    tab.run(AXE.read_text())
    found = tab.run(
        "axe.run().then(({violations}) => violations.filter(v => v.impact !== 'minor')"
        ".map(v => [v.id, v.nodes.map(n => n.html.slice(0, 120))]))"
    )
    assert found == []
    assert tab.run("document.documentElement.scrollWidth") <= width
