"""The server of the labelling page: what it answers, to whom, and what it takes from whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from minecover.labelling.application import LARGEST, label_application
from minecover.labelling.session import Labelling
from small_labelling import HOSTILE, labelling, points_file
from small_store import small_store

HOME = "http://127.0.0.1:8766"

ANSWER = {"question": "1", "label": "mine", "doubt": False, "comment": "", "seen": 0}


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Labelling:
    folder = tmp_path_factory.mktemp("label")
    made = small_store(folder)
    return labelling(made, folder / "project", points_file(made, folder / "p.gpkg", 3, HOSTILE))


@pytest.fixture
def client(work: Labelling) -> Iterator[TestClient]:
    work.file.path.unlink(missing_ok=True)
    with TestClient(label_application(work), base_url=HOME) as client:
        yield client


def post(client: TestClient, path: str, value: Any, origin: str | None = HOME) -> Any:
    headers = {} if origin is None else {"origin": origin}
    return client.post(path, json=value, headers=headers)


def test_the_page_and_its_project(client: TestClient) -> None:
    page = client.get("/")
    assert "<title>Label points</title>" in page.text
    for name in ("label.js", "label.css", "page.css", "LICENSES.txt"):
        assert client.get(f"/{name}").status_code == 200
    project = client.get("/api/project").json()
    assert [item["key"] for item in project["questions"]] == ["1", "2", "3"]
    assert project["questions"][0]["name"] == f"{HOSTILE}1"
    assert [item["name"] for item in project["classes"]] == ["forest_and_grass", "water", "mine"]
    assert project["simulated"] == ["Sentinel-2"]


def test_answers_come_back(client: TestClient) -> None:
    given = post(client, "/api/answer", {**ANSWER, "doubt": True, "comment": HOSTILE}).json()
    assert (given["label"], given["by"], given["comment"]) == ("mine", "ann", HOSTILE)
    assert client.get("/api/answers").json()["answers"] == {"1": given}
    assert post(client, "/api/undo", {"question": "1", "seen": given["revision"]}).json() is None
    assert client.get("/api/answers").json()["answers"] == {}


def test_an_answer_to_what_was_answered_meanwhile_is_refused(client: TestClient) -> None:
    first = post(client, "/api/answer", ANSWER).json()
    again = post(client, "/api/answer", {**ANSWER, "label": "water"})
    assert (again.status_code, again.json()["current"]) == (409, first)
    assert post(client, "/api/undo", {"question": "1", "seen": 99}).status_code == 409
    changed = {**ANSWER, "label": "water", "seen": first["revision"]}
    assert post(client, "/api/answer", changed).json()["label"] == "water"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({**ANSWER, "label": "sand"}, "'sand' is no class"),
        ({**ANSWER, "question": "9"}, "no such point"),
        ({**ANSWER, "question": "../1"}, "no such point"),
        ({**ANSWER, "seen": True}, "Send JSON with"),
        ({**ANSWER, "comment": None}, "Send JSON with"),
        ({**ANSWER, "by": "bo"}, "Send JSON with"),
        ({"question": "1"}, "Send JSON with"),
        ([], "Send JSON with"),
        ({**ANSWER, "comment": "x" * LARGEST}, "Send JSON with"),
    ],
)
def test_what_no_page_would_send_is_refused(client: TestClient, value: Any, says: str) -> None:
    answer = post(client, "/api/answer", value)
    assert (answer.status_code, says in answer.text) == (400, True), answer.text
    assert client.get("/api/answers").json()["answers"] == {}


@given(data=st.binary(max_size=60) | st.just(b"[" * 9000))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
def test_no_bytes_break_it(client: TestClient, data: bytes) -> None:
    headers = {"origin": HOME, "content-type": "application/json"}
    assert client.post("/api/answer", content=data, headers=headers).status_code == 400


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.example", "http://127.0.0.1:8767", "http://127.0.0.1:8766.evil",
     "file://127.0.0.1:8766", "http://["],
)  # fmt: skip
def test_pages_from_elsewhere_change_nothing(client: TestClient, origin: str | None) -> None:
    assert post(client, "/api/answer", ANSWER, origin).status_code == 403
    assert client.get("/api/answers").json()["answers"] == {}


def test_a_form_changes_nothing(client: TestClient) -> None:
    headers = {"origin": HOME, "content-type": "text/plain"}
    assert client.post("/api/answer", content="{}", headers=headers).status_code == 403


def test_names_that_were_made_to_lead_here_are_refused(client: TestClient) -> None:
    headers = {"host": "evil.example:8766", "origin": "http://evil.example:8766"}
    assert client.post("/api/answer", json=ANSWER, headers=headers).status_code == 403
    assert client.get("/api/answers", headers=headers).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(client: TestClient, method: str) -> None:
    headers = {"origin": HOME}
    assert client.request(method, "/api/answer", headers=headers).status_code == 405
    assert post(client, "/api/answers", {}).status_code == 405


@pytest.mark.parametrize(
    "path",
    ["/../project.json", "/%2e%2e/points.gpkg", "/answers/ann.jsonl", "/project.json",
     "/label.js/../../x", "/..%2flabel.js", "/api/../project.json"],
)  # fmt: skip
def test_no_path_leads_into_the_project(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "query", ["question=9&edge=33", "question=1&edge=34", "question=1&edge=1e9", "question=1"]
)
def test_other_chips_are_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/api/chip?{query}").status_code == 400


def test_others_need_the_token(work: Labelling) -> None:
    home = "http://minecover.example"
    with TestClient(label_application(work, "secret-token"), base_url=home) as client:
        assert client.get("/").status_code == 403
        assert post(client, "/api/answer?token=secret-token", ANSWER, home).status_code == 403
        assert client.get("/?token=secret-token").status_code == 200
        assert post(client, "/api/answer", ANSWER, "http://evil.example").status_code == 403
        assert post(client, "/api/answer", ANSWER, home).status_code == 200


def test_a_second_labeller_is_compared(work: Labelling, client: TestClient) -> None:
    made_by = work.project.answers_of("bo")
    made_by.path.unlink(missing_ok=True)
    post(client, "/api/answer", ANSWER)
    made_by.answer("1", work.file.read().latest["1"], 0)
    [pair] = client.get("/api/agreement").json()["pairs"]
    assert (pair["labellers"], pair["overall"]) == (["ann", "bo"], 1.0)
    path = Path(post(client, "/api/result", {}).json()["path"])
    assert path == work.project.folder / "labelled.gpkg"
    made_by.path.unlink()
