"""What obstore, GDAL and requests raise when a real server answers badly: one class for all."""

from __future__ import annotations

import http.server
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import obstore
import pytest
import rasterio
import requests
from obstore.store import S3Store

from minecover.faults import Fault, classify
from minecover.sources.gdal import gdal_env
from minecover.storage.s3 import S3Access, S3Credentials

pytestmark = [pytest.mark.integration, pytest.mark.alone]

BODY = "<?xml version='1.0'?>\n<Error><Code>{}</Code><Message>{}</Message></Error>"
REJECTED, PASSING = Fault.REJECTED, Fault.PASSING

ANSWERS = [
    (401, "", "", REJECTED),
    (403, "", "", REJECTED),
    (403, "AccessDenied", "Access Denied", REJECTED),
    (403, "InvalidAccessKeyId",
     "The AWS Access Key Id you provided does not exist in our records.", REJECTED),
    (403, "SignatureDoesNotMatch", "The request signature we calculated does not match the "
     "signature you provided. Check your key and signing method.", REJECTED),
    (403, "RequestTimeTooSkewed", "The difference between the request time and the current time "
     "is too large.", REJECTED),
    (400, "ExpiredToken", "The provided token has expired.", REJECTED),
    (400, "InvalidToken", "The provided token is malformed or otherwise invalid.", REJECTED),
    (404, "", "", Fault.MISSING),
    (404, "NoSuchKey", "The specified key does not exist.", Fault.MISSING),
    (404, "NoSuchBucket", "The specified bucket does not exist", Fault.MISSING),
    (408, "", "", PASSING),
    (429, "SlowDown", "Please reduce your request rate.", PASSING),
    (500, "InternalError", "We encountered an internal error. Please try again.", PASSING),
    (503, "SlowDown", "Please reduce your request rate.", PASSING),
    (503, "", "", PASSING),
    (504, "", "", PASSING),
    (520, "", "", PASSING),
    (501, "", "", Fault.OTHER),
]  # fmt: skip


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers everything with one status and one document of S3; without a status not at all."""

    protocol_version = "HTTP/1.1"
    answer: tuple[int, str, str]

    def do_GET(self) -> None:
        status, code, message = self.answer
        if not status:
            time.sleep(1.5)
        if status < 100:
            self.close_connection = True
            return
        body = BODY.format(code, message).encode() if code else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start a server that gives one answer; return its address."""
    running = []

    def start(*answer: Any) -> str:
        handler = type("Answers", (Handler,), {"answer": answer})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        running.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def bucket(url: str) -> S3Store:
    second = timedelta(seconds=1)
    return S3Store(
        "bucket",
        config={"aws_endpoint_url_s3": url},  # type: ignore[typeddict-unknown-key]
        access_key_id="key", secret_access_key="secret", region="us-east-1",
        client_options={"allow_http": True, "timeout": second},
        retry_config={"max_retries": 0, "retry_timeout": second},
    )  # fmt: skip


def by_obstore(url: str) -> None:
    obstore.get(bucket(url), "a.tif")


def by_listing(url: str) -> None:
    list(obstore.list(bucket(url), "a"))


def by_gdal(url: str) -> None:
    access = S3Access(url, "us-east-1", S3Credentials("key", "secret", ""))
    with gdal_env(access, GDAL_HTTP_MAX_RETRY="0", GDAL_HTTP_TIMEOUT="1"):
        rasterio.open(f"/vsis3/{uuid.uuid4().hex}/a.tif")


def by_gdals_web(url: str) -> None:
    with gdal_env(S3Access(), GDAL_HTTP_MAX_RETRY="0", GDAL_HTTP_TIMEOUT="1"):
        # GDAL keeps what an address answered, and a port is given out again
        rasterio.open(f"{url}/{uuid.uuid4().hex}/a.tif")


def by_requests(url: str) -> None:
    requests.get(url, timeout=1).raise_for_status()


def class_of(act: Callable[[str], None], url: str) -> Fault:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        act(url)
    return classify(caught.value)


@pytest.mark.parametrize(("status", "code", "message", "fault"), ANSWERS)
def test_one_answer_has_one_class_in_every_library(
    serve: Callable[..., str], status: int, code: str, message: str, fault: Fault
) -> None:
    url = serve(status, code, message)
    acts: list[Callable[[str], None]] = [by_obstore, by_listing, by_gdal]
    if status != 400:  # the code of S3 alone says what it means
        acts += [by_gdals_web, by_requests]
    assert {act.__name__: class_of(act, url) for act in acts} == {
        act.__name__: fault for act in acts
    }


@pytest.mark.parametrize("silence", [0, 1], ids=["no answer", "hung up"])
def test_silence_passes(serve: Callable[..., str], silence: int) -> None:
    url = serve(silence, "", "")
    for act in (by_obstore, by_listing, by_gdal, by_gdals_web, by_requests):
        assert class_of(act, url) is Fault.PASSING, act.__name__


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_a_server_that_is_not_there_passes(url: str) -> None:
    for act in (by_obstore, by_listing, by_gdal, by_gdals_web, by_requests):
        assert class_of(act, url) is Fault.PASSING, act.__name__
