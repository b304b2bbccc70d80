"""The view of a raster in a notebook, in a real browser that this process answers."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minecover.api.raster_view
from driven_browser import Tab, driven_browser
from minecover.api.explorer import Explorer
from small_store import SmallStore, small_store

pytestmark = pytest.mark.integration

FOLDER = Path(minecover.api.raster_view.__file__).parent

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>view</title>
<style>:root { color-scheme: light dark } body { margin: 8px } %(css)s</style><div id="here"></div>
<script type="module">%(script)s
const state = %(state)s, heard = [];
window.questions = [];
window.tell = async (answer, images) => {
  const buffers = images.map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  for (const hear of heard) hear(answer, buffers.map((bytes) => new DataView(bytes.buffer)));
};
widget.render({
  model: {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; },
    save_changes: () => {},
    send: (question) => window.questions.push(question),
    on: (name, hear) => heard.push(hear),
    off: () => {},
  },
  el: document.getElementById('here'),
});
document.body.dataset.ready = 'yes';
</script>"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return small_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with driven_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


class Shown:
    """A widget in a tab, and this process as its kernel."""

    def __init__(self, tab: Tab, widget: Explorer, folder: Path) -> None:
        self.tab, self.widget = tab, widget
        state = {name: getattr(widget, name) for name in ("titles", "shown", "shape", "metres")}
        script = (FOLDER / "explorer.js").read_text()
        content = PAGE % {
            "css": (FOLDER / "explorer.css").read_text(),
            "script": script.replace("export default", "const widget ="),
            "state": json.dumps({**state, "height": 420}),
        }
        (folder / "page.html").write_text(content)
        tab.open((folder / "page.html").as_uri())
        self.answer_all()

    def answer_all(self) -> None:
        """Answer until nothing more is asked."""
        quiet = 0
        while quiet < 4:
            questions = self.tab.run("window.questions.splice(0)")
            quiet = 0 if questions else quiet + 1
            for question in questions:
                answer, images = self.widget.answer(question)
                texts = [base64.b64encode(image).decode() for image in images]
                told = json.dumps([{**question, **answer}, texts])
                self.tab.run(f"window.tell(...{told})")
            time.sleep(0.03)

    def pixels(self) -> np.ndarray:
        """Read (y, x, 3) what the canvas shows."""
        text = self.tab.run("document.querySelector('canvas').toDataURL().split(',')[1]")
        image = Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA")
        return np.asarray(image)


@pytest.mark.parametrize(("width", "dark"), [(900, False), (400, True)])
def test_it_shows_the_map_and_answers(
    tab: Tab, small: SmallStore, tmp_path: Path, width: int, dark: bool
) -> None:
    tab.size(width, 800, dark=dark)
    shown = Shown(tab, small.results.map.explore(), tmp_path)
    seen = {tuple(colour) for colour in shown.pixels().reshape(-1, 4)[::7].tolist()}
    for item in small.survey.classes:
        assert (*bytes.fromhex(item.colour[1:]), 255) in seen
    assert "forest and grass" in tab.run("document.querySelector('.legend').innerText")

    box = tab.run("(({x, y, width, height}) => [x, y, width, height])"
                  "(document.querySelector('canvas').getBoundingClientRect())")  # fmt: skip
    tab.click(box[0] + box[2] / 2, box[1] + box[3] / 2)
    shown.answer_all()
    column, row = 50, 35
    values = tab.run("document.querySelector('.values').innerText")
    code = int(small.values["map:landuse"][row, column])
    name = next(item.name for item in small.survey.classes if item.code == code)
    assert name.replace("_", " ") in values
    assert "north" in tab.run("document.querySelector('.place').innerText")

    place = shown.widget.titles.index("entropy")
    tab.run(f"document.querySelector('select').value = {place};"
            "document.querySelector('select').dispatchEvent(new Event('change'))")  # fmt: skip
    shown.answer_all()
    assert "1.585 bit" in tab.run("document.querySelector('.legend').innerText")
    tab.run("document.querySelector('canvas').focus()")
    before = shown.pixels()
    tab.press("ArrowRight")
    shown.answer_all()
    assert (shown.pixels() != before).any()
    assert tab.run("document.documentElement.scrollWidth") <= width
    assert not tab.errors
    assert all(url.startswith(("file:", "data:", "blob:", "about:")) for url in tab.requests)


def test_hostile_names_stay_text(tab: Tab, small: SmallStore, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    raster = small.results.map["landuse"].assign_attrs(flag_meanings="a b c").rename(name)
    Shown(tab, raster.explore(), tmp_path)
    assert tab.run("document.querySelector('option').textContent") == name
    assert tab.run("document.querySelector('img') === null")
