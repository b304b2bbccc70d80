"""Files as people have them: encodings, layers, decimal commas, labels; nothing is guessed."""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point

from minecover.errors import DataError, MinecoverError, SurveyError
from minecover.samples.encodings import (
    LOSSLESS,
    SEPARATORS,
    certain_encoding,
    decoded,
    unicode_encoding,
)
from minecover.samples.labels import class_names, label_text, listed_unknown
from minecover.samples.points import Points, read_points
from minecover.storage.location import content_digest
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

CRS, LEFT, TOP = "EPSG:32649", 500_000, 4_400_000
NAMES = ("forest", "water", "mine")
CHINESE = ("林草地", "水体", "矿区")
COUNT = 12


def survey(path: object, names: Sequence[str] = NAMES, **samples: Any) -> Survey:
    colour = "#336699"
    classes = [{"code": i + 1, "name": name, "colour": colour} for i, name in enumerate(names)]
    return Survey.model_validate(
        {
            "name": "test",
            "area": {"bbox": (LEFT, TOP - 1600, LEFT + 2000, TOP), "crs": CRS},
            "grid": {"crs": CRS, "tile": 64},
            "seasons": {"summer": ["2024-06-01/2024-08-31"]},
            "catalog": {"url": "catalog.json"},
            "classes": classes,
            "samples": {
                "path": path if isinstance(path, list) else str(path),
                "folds": 2,
                **samples,
            },
        }
    )


def read(path: object, names: Sequence[str] = NAMES, **samples: Any) -> Points:
    its = survey(path, names, **samples)
    return read_points(its.samples, its.classes, survey_grid(its))


def points(names: Sequence[str] = NAMES, column: str = "class") -> gpd.GeoDataFrame:
    """Points 100 m apart, as many of each class."""
    places = [Point(LEFT + 105 + 100 * (i % 6), TOP - 205 - 100 * (i // 6)) for i in range(COUNT)]
    labels = [names[i % len(names)] for i in range(COUNT)]
    return gpd.GeoDataFrame({column: labels}, geometry=places, crs=CRS)


def table(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    places = pd.DataFrame({"x": frame.geometry.x, "y": frame.geometry.y})
    return places.join(frame.drop(columns="geometry"))


def csv(frame: gpd.GeoDataFrame, path: Path, **options: Any) -> Path:
    table(frame).to_csv(path, index=False, **options)
    return path


def shapefile(frame: gpd.GeoDataFrame, path: Path, language: int | None = 0) -> Path:
    """Write a Shapefile in GBK whose table names no encoding, or the language driver given."""
    frame.to_file(path, encoding="GBK")
    path.with_suffix(".cpg").unlink()
    head = bytearray(path.with_suffix(".dbf").read_bytes())
    head[29] = language or 0
    path.with_suffix(".dbf").write_bytes(head)
    return path


def zipped(path: Path) -> Path:
    target = path.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as parts:
        for part in path.parent.glob(f"{path.stem}.*"):
            if part != target:
                parts.write(part, part.name)
    return target


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gbk", "big5"])
def test_a_table_is_read_in_the_encoding_that_its_classes_tell(
    tmp_path: Path, encoding: str
) -> None:
    names = CHINESE if encoding != "big5" else ("森林", "水體", "礦區")
    column = "类别" if encoding != "big5" else "類別"
    path = csv(points(names, column), tmp_path / "p.csv", encoding=encoding)
    found = read(path, names, crs=CRS, column=column)
    assert found.frame["name"].tolist() == points(names)["class"].tolist()


@pytest.mark.parametrize(
    "make",
    [
        lambda path: shapefile(points(CHINESE), path),
        lambda path: shapefile(points(CHINESE), path, 0x57),
        lambda path: zipped(shapefile(points(CHINESE), path)),
    ],
)
def test_a_shapefile_is_read_in_the_encoding_that_its_classes_tell(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    found = read(make(tmp_path / "p.shp"), CHINESE)
    assert found.frame["name"].tolist() == points(CHINESE)["class"].tolist()


@pytest.mark.parametrize("make", [csv, shapefile])
def test_an_encoding_that_nothing_tells_is_asked_for(tmp_path: Path, make: Any) -> None:
    """Labels are codes but for one, which is no class: it may be of any encoding."""
    frame = points(("1", "2", "地块"))
    options = {"encoding": "gbk"} if make is csv else {}
    path = make(frame, tmp_path / f"p.{'csv' if make is csv else 'shp'}", **options)
    with pytest.raises(SurveyError, match=r"samples\.encoding: missing, .*as gb18030: 地块"):
        read(path, crs=CRS)
    found = read(path, ("a", "b"), crs=CRS, encoding="gbk")
    assert found.unknown == {"地块": 4}
    with pytest.raises(SurveyError, match=r"samples\.encoding: .* not utf-8"):
        read(path, crs=CRS, encoding="utf-8")


def test_texts_that_nobody_asks_for_need_no_encoding(tmp_path: Path) -> None:
    frame = points().assign(备注="旧")
    assert len(read(csv(frame, tmp_path / "p.csv", encoding="gbk"), crs=CRS)) == COUNT
    assert len(read(shapefile(frame, tmp_path / "p.shp"))) == COUNT


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match="'klingon' is no known encoding"):
        survey("p.csv", encoding="klingon")


@given(st.lists(st.text(st.characters(codec="gb18030", exclude_characters="\0"), min_size=1)))
def test_decoding_undoes_what_was_read_without_loss(texts: list[str]) -> None:
    raw = [text.encode("gb18030").decode(LOSSLESS) for text in texts]
    frame = decoded(pd.DataFrame({"class": raw}, dtype=object), "class", "gb18030")
    assert frame["class"].tolist() == texts


def plain(text: str) -> bool:
    """Tell whether no letter has the byte of a separator, as U+012C has: many could hide them."""
    return not set(SEPARATORS) & set(text.encode("utf-16-le").decode(LOSSLESS))


LETTERS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",))).filter(plain)


@given(
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]), LETTERS
)
def test_unicode_is_told_from_its_bytes(encoding: str, rest: str) -> None:
    text = "x,y," + rest
    data = text.encode(encoding)
    assert data.decode(str(unicode_encoding(data))) == text


def test_readings_that_differ_decide_nothing() -> None:
    """Two classes whose names are the same bytes in two encodings: the file cannot tell."""
    raw = "矿区".encode("gbk")
    other = raw.decode("big5", errors="ignore") or raw.decode("cp1252")
    frame = pd.DataFrame({"class": [raw.decode(LOSSLESS)]})
    wanted = ("class",)
    assert certain_encoding(frame, "class", wanted, ["矿区"], "p.csv") == "gb18030"
    with pytest.raises(SurveyError, match="does not say"):
        certain_encoding(frame, "class", wanted, ["矿区", raw.decode("cp1252"), other], "p.csv")


def test_numbers_have_decimal_points_or_commas(tmp_path: Path) -> None:
    frame = points().to_crs("EPSG:4326")
    expected = read(csv(frame, tmp_path / "a.csv"), crs="EPSG:4326").frame
    path = csv(frame, tmp_path / "b.csv", sep=";", decimal=",")
    pd.testing.assert_frame_equal(read(path, crs="EPSG:4326").frame, expected)
    text = "".join(
        f'"{x}","{y}",{label}\n'.replace(".", ",")
        for x, y, label in table(frame).itertuples(index=False)
    )
    (tmp_path / "c.csv").write_text("x, y ,class\n" + text)
    pd.testing.assert_frame_equal(read(tmp_path / "c.csv", crs="EPSG:4326").frame, expected)


@pytest.mark.parametrize("bad", ["", "  ", "113°59.8'E", "n/a", "nan", "inf", "1.234,5", "1,2,3"])
def test_unreadable_coordinates_are_told(tmp_path: Path, bad: str) -> None:
    texts = table(points()).astype(str)
    texts.loc[[1, 7], "y"] = bad
    texts.to_csv(tmp_path / "p.csv", index=False)
    found = read(tmp_path / "p.csv", crs=CRS)
    assert found.dropped == {"with unreadable coordinates": 2}
    assert len(found) == COUNT - 2
    assert "the first is line 3 with" in found.notes[0]
    assert f"y {bad!r}" in found.notes[0]
    texts["x"] = bad
    texts.to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(DataError, match=r"p\.csv: 12 row\(s\) have coordinates that are no numb"):
        read(tmp_path / "p.csv", crs=CRS)


def test_lines_longer_than_their_header_are_refused(tmp_path: Path) -> None:
    """Decimal commas between commas: pandas would take the first numbers for an index."""
    (tmp_path / "p.csv").write_text("x,y,class\n" + "113,9,39,8,mine\n" * COUNT)
    with pytest.raises(DataError, match=r"more fields than its header.*semicolons"):
        read(tmp_path / "p.csv", crs=CRS)


@pytest.mark.parametrize("name", ["NA", "None", "null", "nan", "Bare land", "-"])
def test_names_of_classes_mean_nothing_else(tmp_path: Path, name: str) -> None:
    names = ("forest", "water", name)
    points(names).to_file(tmp_path / "p.gpkg")
    for path in (csv(points(names), tmp_path / "p.csv"), tmp_path / "p.gpkg"):
        assert (read(path, names, crs=CRS).frame["name"] == name).sum() == 4


@pytest.mark.parametrize("name", [" mine", "mine ", "open  pit", "a\tb", "a\nb", ""])
def test_names_are_separated_by_single_spaces(name: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        survey("p.csv", (*NAMES[:2], name))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("mine", "mine"), (" mine ", "mine"), ("open   pit", "open pit"), (3, "mine"),
        (3.0, "mine"), ("3", "mine"), ("3.0", "mine"), ("03", "mine"), ("3.", "mine"),
        ("3.5", None),
        (unicodedata.normalize("NFD", "forêt"), "forêt"), ("Mine", None), ("", None), (30, None),
        ("007", "007"), (7, None),
    ],
)  # fmt: skip
def test_labels_mean_classes(label: object, name: str | None) -> None:
    codes = {"mine": 3, "open pit": 4, "forêt": 5, "007": 6}
    found = class_names(pd.Series([label_text(label)], dtype=object), codes)[0]
    assert found == name or (name is None and pd.isna(found))


@pytest.mark.parametrize("nothing", [None, np.nan, np.float32("nan"), pd.NA, pd.NaT])
def test_no_label_is_an_empty_text(nothing: object) -> None:
    assert label_text(nothing) == ""


@pytest.mark.parametrize("label", ["water\u200b", "\ufeffwater", "wa\u00adter \u200e"])
def test_letters_that_nobody_sees_do_not_count(label: str) -> None:
    assert label_text(label) == "water"


def test_unknown_labels_are_listed_by_count_with_what_they_may_mean() -> None:
    unknown = {"Mining": 2, "watr": 5, "zzz": 1, **{f"q{i:02d}": 1 for i in range(9)}}
    listed = listed_unknown(unknown, ["mining", "water"])
    assert listed.startswith("watr 5 (did you mean water?), Mining 2 (did you mean mining?), q00 1")
    assert listed.endswith("q07 1 and 2 more")


def test_misspelt_labels_are_counted_and_told(tmp_path: Path) -> None:
    frame = points()
    frame.loc[[2, 5], "class"] = "Mine"
    frame.to_file(tmp_path / "p.gpkg")
    found = read(tmp_path / "p.gpkg")
    assert (found.dropped, found.unknown) == ({"of an unknown class": 2}, {"Mine": 2})
    assert found.notes == ("labels that are no class of the survey: Mine 2 (did you mean mine?)",)


def test_layers_are_named_one_or_several(tmp_path: Path) -> None:
    path = tmp_path / "p.gpkg"
    points()[:6].to_file(path, layer="summer")
    points()[6:].to_crs("EPSG:4326").to_file(path, layer="winter")
    assert len(read(path, layer="summer")) == 6
    assert len(read(path, layer=["summer", "winter"])) == COUNT
    with pytest.raises(SurveyError, match=r"no layer 'spring' .*; it has summer, winter"):
        read(path, layer="spring")


def test_points_come_from_several_files(tmp_path: Path) -> None:
    points()[:6].to_file(tmp_path / "a.gpkg", layer="named")
    points()[6:].to_crs("EPSG:3857").to_parquet(tmp_path / "b.parquet")
    found = read([str(tmp_path / "a.gpkg"), str(tmp_path / "b.parquet")])
    assert found.frame["name"].tolist() == points()["class"].tolist()


def test_a_file_geodatabase_is_a_folder(tmp_path: Path) -> None:
    points().to_file(tmp_path / "p.gdb", driver="OpenFileGDB", layer="pts")
    assert len(read(str(tmp_path / "p.gdb"))) == COUNT
    (tmp_path / "plain").mkdir()
    with pytest.raises(MinecoverError, match="plain is a folder; name a file in it"):
        read(str(tmp_path / "plain"))


def test_every_part_of_a_file_counts_for_its_content(tmp_path: Path) -> None:
    """Labels of a Shapefile lie in a file beside the one that the survey names."""

    def digest(name: str) -> str:
        return content_digest(str(tmp_path / name), "samples.path", "")

    points().to_file(tmp_path / "p.shp")
    points().to_file(tmp_path / "p.gdb", driver="OpenFileGDB")
    before = digest("p.shp"), digest("p.gdb")
    assert (digest("p.shp"), digest("p.gdb")) == before
    changed = points()
    changed.loc[0, "class"] = "mine"
    bytes_of_places = (tmp_path / "p.shp").read_bytes()
    changed.to_file(tmp_path / "p.shp")
    assert (tmp_path / "p.shp").read_bytes() == bytes_of_places
    changed.to_file(tmp_path / "p.gdb", driver="OpenFileGDB")
    assert digest("p.shp") != before[0]
    assert digest("p.gdb") != before[1]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_table_without_a_mark_is_unicode_also_where_no_letter_of_its_header_is_of_ascii(
    tmp_path: Path, encoding: str
) -> None:
    frame = table(points(CHINESE, "类别")).rename(columns={"x": "东", "y": "北"})
    frame.to_csv(tmp_path / "p.csv", index=False, encoding=encoding)
    found = read(tmp_path / "p.csv", CHINESE, crs=CRS, column="类别", x="东", y="北")
    assert found.frame["name"].tolist() == points(CHINESE)["class"].tolist()


@pytest.mark.parametrize("page", ["", "936", "ANSI 936", "OEM", "of my own"])
def test_a_cpg_says_an_encoding_or_nothing(tmp_path: Path, page: str) -> None:
    path = shapefile(points(CHINESE), tmp_path / "p.shp")
    path.with_suffix(".cpg").write_text(page)
    assert set(read(path, CHINESE).frame["name"]) == set(CHINESE)


def test_a_cpg_that_is_wrong_is_told(tmp_path: Path) -> None:
    path = shapefile(points(CHINESE), tmp_path / "p.shp")
    path.with_suffix(".cpg").write_text("65001")
    with pytest.raises(SurveyError, match=r"samples\.encoding: .* are not utf-8; give another"):
        read(path, CHINESE)
    assert len(read(path, CHINESE, encoding="gbk")) == COUNT


def test_a_language_driver_that_is_wrong_is_hinted_at(tmp_path: Path) -> None:
    path = shapefile(points(CHINESE), tmp_path / "p.shp", 0x03)  # of Western Europe
    with pytest.raises(SurveyError, match=r"if these are unreadable, give samples\.encoding"):
        read(path, CHINESE)


def test_only_the_parts_of_a_shapefile_say_its_encoding(tmp_path: Path) -> None:
    path = shapefile(points(CHINESE), tmp_path / "p[1].shp")
    (tmp_path / "p[1].old.cpg").write_text("ISO-8859-1")
    assert set(read(path, CHINESE).frame["name"]) == set(CHINESE)
    archive = zipped(shapefile(points(CHINESE), tmp_path / "q.shp"))
    with zipfile.ZipFile(archive, "a") as parts:
        parts.writestr("__MACOSX/._q.cpg", "ISO-8859-1")  # what macOS adds
    assert set(read(archive, CHINESE).frame["name"]) == set(CHINESE)


@pytest.mark.parametrize(("separator", "suffix"), [("|", ".csv"), ("\t", ".tsv"), (",", ".txt")])
def test_tables_by_other_names(tmp_path: Path, separator: str, suffix: str) -> None:
    path = csv(points(), tmp_path / f"p{suffix}", sep=separator)
    assert len(read(path, crs=CRS)) == COUNT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; copy or export it again"),
        ("\n\n", "is empty; export it again"),
        ("x,y,class\n", "holds no row; give points"),
        ("x,y,class,class\n1,2,mine,water\n", r"'class \(column 3\)', 'class \(column 4\)'"),
        ("x, x,y,class\n1,2,3,mine\n", r"'x \(column 1\)', 'x \(column 2\)'"),
        ("sep=,\nx,y,class\n1,2,mine\n", r"header \('sep=,'\).*let the first line name"),
        ("x,y,class\n1,2,mine\n1,2,mine,old\n", r"Expected 3 fields in line 3, saw 4"),
        ('x,y,class\n1,2,"mine\n', "quotes have no end"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises((DataError, SurveyError), match=message):
        read(path, crs=CRS)


def test_a_column_of_several_alike_can_be_named_by_its_place(tmp_path: Path) -> None:
    frame = table(points()).assign(old="forest")
    frame.columns = ["x", "y", "class", "class"]
    frame.to_csv(tmp_path / "p.csv", index=False)
    found = read(tmp_path / "p.csv", crs=CRS, column="class (column 3)")
    assert found.frame["name"].tolist() == points()["class"].tolist()


def test_a_coordinate_beyond_all_numbers_of_pixels_is_off_the_area(tmp_path: Path) -> None:
    path = csv(points(), tmp_path / "p.csv")
    path.write_text(path.read_text() + "1e300,-1e300,mine\n")
    found = read(path, crs=CRS)
    assert (len(found), found.dropped) == (COUNT, {"off the area": 1})


@pytest.mark.parametrize(("part", "message"), [(".prj", r"\.prj bes"), (".dbf", r"\.dbf bes")])
def test_a_shapefile_without_a_part(tmp_path: Path, part: str, message: str) -> None:
    path = tmp_path / "p.shp"
    points().to_file(path)
    path.with_suffix(part).unlink()
    with pytest.raises((DataError, SurveyError), match=message):
        read(path)


def test_codes_with_a_decimal_comma() -> None:
    found = class_names(pd.Series(["1,0", "02,", "1,5"]), {"forest": 1, "water": 2})
    assert found.tolist() == ["forest", "water", None]


def test_a_column_whose_name_cannot_be_read_is_hinted_at(tmp_path: Path) -> None:
    path = csv(points(CHINESE, "类别"), tmp_path / "p.csv", encoding="gbk")
    path.write_bytes(path.read_bytes()[:-2])  # cut within a character: of no encoding as a whole
    with pytest.raises(SurveyError, match=r"'Àà±ð' \(if these are unreadable, give samples\.enc"):
        read(path, CHINESE, crs=CRS, column="类别")


YES = ("true", "false")


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "geojson", "parquet", "csv"])
@pytest.mark.parametrize("gap", [False, True])
def test_a_column_of_yes_and_no(tmp_path: Path, suffix: str, gap: bool) -> None:
    frame, path = points(), tmp_path / f"p.{suffix}"
    answers = [i % 2 == 0 for i in range(COUNT)]
    frame["class"] = pd.array(
        [None if gap and i == 5 else a for i, a in enumerate(answers)], "boolean"
    )
    if suffix == "csv":
        table = pd.DataFrame(frame.assign(x=frame.geometry.x, y=frame.geometry.y))
        table.drop(columns="geometry").to_csv(path, index=False)
    elif suffix == "parquet":
        frame.to_parquet(path)
    else:
        (frame if gap else frame.astype({"class": bool})).to_file(path)
    crs = {"crs": CRS} if suffix == "csv" else {}
    found = read(path, YES, **crs)
    assert found.frame["name"].value_counts().to_dict() == {"true": 6, "false": 6 - gap}
    assert found.dropped == ({"without a class": 1} if gap else {})
    # not the class of code 1, though programs write yes as 1
    with pytest.raises(SurveyError, match="column of yes and no: call two classes true and false"):
        read(path, **crs)


def test_yes_and_no_as_numbers_are_hinted_at() -> None:
    assert "a column of yes and no" in listed_unknown({"0": 30}, NAMES)
    assert "a column of yes and no" not in listed_unknown({"0": 30, "7": 2}, NAMES)
