"""What the view of a raster in a notebook is answered, and what it needs."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import minecover as mc
from small_store import SmallStore, small_store

pytest.importorskip("anywidget")

from minecover.api.explorer import EDGE, Explorer


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return small_store(tmp_path_factory.mktemp("explorer"))


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def tile(widget: Explorer, **question: int) -> np.ndarray:
    answer, (png,) = widget.answer({"kind": "tile", **question})
    assert answer == {}
    return picture(png)


def test_tiles_are_the_map_in_the_survey_s_colours(small: SmallStore) -> None:
    widget = small.results.map.explore()
    assert widget.titles[widget.shown] == "landuse"
    assert widget.shape == [70, 100]
    assert widget.metres == 10
    codes = small.values["map:landuse"]
    whole = tile(widget, view=widget.shown, step=1, column=0, row=0)
    assert whole.shape == (70, 100, 4)
    for item in small.survey.classes:
        assert (whole[codes == item.code] == [*bytes.fromhex(item.colour[1:]), 255]).all()
    assert not whole[np.isnan(codes), 3].any()
    every = tile(widget, view=widget.shown, step=8, column=0, row=0)
    np.testing.assert_array_equal(every, whole[4::8, 4::8])


def test_tiles_lie_side_by_side() -> None:
    values = np.arange(300.0 * 600).reshape(300, 600)
    places = {"y": 1000 - np.arange(300.0), "x": np.arange(600.0)}
    raster = xr.DataArray(values, places, ("y", "x"), name="values").rio.write_crs("EPSG:32649")
    widget = raster.explore()
    parts = [
        np.hstack([tile(widget, view=0, step=1, column=column, row=row) for column in range(3)])
        for row in range(2)
    ]
    together = np.vstack(parts)
    assert together.shape == (300, 600, 4)
    np.testing.assert_array_equal(together, tile_of(widget, values))
    assert tile(widget, view=0, step=2, column=1, row=0).shape == (150, 300 - EDGE, 4)


def tile_of(widget: Explorer, values: np.ndarray) -> np.ndarray:
    return widget._views[0].colours(values.astype(np.float32))


def test_a_pixel_has_its_values_and_its_place(small: SmallStore) -> None:
    answer, images = small.results.map.explore().answer({"kind": "pixel", "x": 20, "y": 30})
    values = dict(answer["values"])
    names = {item.code: item.name.replace("_", " ") for item in small.survey.classes}
    assert values["landuse"] == names[int(small.values["map:landuse"][30, 20])]
    probability = small.values["map:probability_water"][30, 20]
    assert float(values["probability water"]) == pytest.approx(probability, rel=1e-3)
    box = small.grid.geobox.boundingbox
    assert answer["place"] == f"{box.left + 205:,.0f} m east, {box.top - 305:,.0f} m north"
    assert not images
    gap, _ = small.results.cube.explore().answer({"kind": "pixel", "x": 7, "y": 5})
    assert dict(gap["values"])["summer B02"] == "no data"


def test_legends_say_what_colours_mean(small: SmallStore) -> None:
    widget = small.results.map.explore("entropy")
    answer, _ = widget.answer({"kind": "legend", "view": widget.shown})
    assert answer["ramp"]["ends"] == ["0 bit", "1.585 bit"]
    classes, _ = widget.answer({"kind": "legend", "view": 0})
    assert [item["colour"] for item in classes["classes"]] == [
        item.colour for item in small.survey.classes
    ]
    picture = small.results.cube.explore(season="summer")
    assert picture.titles[picture.shown] == "summer true colour"
    assert picture.answer({"kind": "legend", "view": picture.shown})[0]["ramp"] is None


def test_what_cannot_be_read_is_said_on_the_page(
    small: SmallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget, sent = small.results.map.explore(), []
    monkeypatch.setattr(widget, "send", lambda answer, images: sent.append((answer, images)))

    def damaged(question: object) -> None:
        raise mc.StoreError("map.zarr: damaged")

    monkeypatch.setattr(widget, "answer", damaged)
    widget._answer(None, {"kind": "pixel", "x": 0, "y": 0}, [])
    assert sent == [({"kind": "pixel", "x": 0, "y": 0, "error": "map.zarr: damaged"}, [])]


def test_a_picture_stands_for_it_where_nothing_runs(small: SmallStore) -> None:
    data, _ = small.results.map.explore()._repr_mimebundle_()
    still = picture(data["image/png"])
    assert still.shape == (490, 700, 4)
    np.testing.assert_array_equal(still[10, ::7], still[13, 3::7])


def test_without_the_extra_it_says_how_to_install_it(
    small: SmallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "minecover.api.explorer")
    with pytest.raises(mc.SurveyError, match=r"pip install 'minecover\[notebook\]'"):
        small.results.map.explore()


def test_its_page_is_packaged() -> None:
    folder = Path(sys.modules[Explorer.__module__].__file__ or "").parent
    assert "http" not in (folder / "explorer.js").read_text()
    assert "url(" not in (folder / "explorer.css").read_text()
