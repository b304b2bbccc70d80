"""Answers of web servers: bounded in bytes and seconds, and from nowhere a link may not lead to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from minecover.errors import DataError, MinecoverError, SurveyError, TryAgainError
from minecover.faults import PASSING_STATUSES, Fault, classify
from minecover.sources.links import redacted
from minecover.sources.reach import Reach

__all__ = ["MAX_BYTES", "Answer", "OversizedError", "Web", "too_large"]

MAX_BYTES = 64 * 2**20
"""No document of a catalog is read beyond this many bytes."""

TIMEOUT = (10.0, 60.0)
"""Seconds to connect and to wait for data."""

LONGEST = 300.0
"""Seconds in which an answer must be whole, with all its redirects and tries."""

MAX_REDIRECTS = 10

T = TypeVar("T")


class OversizedError(DataError):
    """A document beyond `MAX_BYTES`."""


@dataclass(frozen=True)
class Answer:
    """What a server answered; of a status of failure too."""

    url: str
    status: int
    reason: str
    data: bytes


def retries() -> Retry:
    """Three more tries, 0.5 to 2 seconds apart, where a passing fault is likely."""
    return Retry(
        total=3,
        backoff_factor=0.5,
        status_forcelist=PASSING_STATUSES,
        allowed_methods=None,
        raise_on_status=False,
    )


def too_large(place: str) -> OversizedError:
    """Build the error for a document beyond `MAX_BYTES`."""
    return OversizedError(
        f"catalog: {redacted(place)} is larger than {MAX_BYTES >> 20} MiB; that is no STAC item"
    )


@dataclass(frozen=True)
class Web:
    """Asks servers.

    Attributes
    ----------
    reach
        Where links and redirects may lead.
    """

    reach: Reach

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        adapter = HTTPAdapter(max_retries=retries())
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session

    def ask(
        self,
        url: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask for a document, whatever the status of the answer; redirects are followed.

        Parameters
        ----------
        url
            http(s) address.
        body
            Sent as JSON; None: nothing is sent.
        headers
            Beside those that every request has.

        Raises
        ------
        SurveyError
            There can be nothing at such an address.
        DataError
            The answer is larger than `MAX_BYTES`, or a link leads where it may not.
        TryAgainError
            The server does not answer, or not whole in `LONGEST` seconds.
        """
        until = time.monotonic() + LONGEST

        def read(answer: requests.Response) -> bytes:
            return _body(answer, until)

        return _in_time(lambda: self._asked(url, read, body, headers), url)

    def check_redirects(self, url: str, where: str) -> None:
        """Refuse an image from which a public catalog's server leads elsewhere; one byte is read.

        What else is wrong with it, whoever reads it will tell.

        Raises
        ------
        DataError
            A redirect leads to this machine or its network.
        """
        self.reach.check(url, where)
        if not self.reach.public:
            return
        try:
            headers = {"range": "bytes=0-0"}
            _in_time(lambda: self._asked(url, _one_byte, None, headers), url)
        except (SurveyError, TryAgainError):
            return
        except DataError as error:
            raise DataError(f"{where}: {str(error).removeprefix('catalog: ')}") from error

    def _asked(
        self,
        url: str,
        read: Callable[[requests.Response], bytes],
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        first = url
        try:
            for _ in range(MAX_REDIRECTS + 1):
                self.reach.check(url, "catalog")
                method = "GET" if body is None else "POST"
                with self._session.request(
                    method, url, json=body, headers=headers, timeout=TIMEOUT, stream=True,
                    allow_redirects=False,
                ) as answer:  # fmt: skip
                    if not answer.is_redirect:
                        return Answer(url, answer.status_code, str(answer.reason), read(answer))
                    target, status = answer.headers["location"], answer.status_code
                url, body = urljoin(url, target), body if status in (307, 308) else None
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise _web_error(url, error) from error
        raise DataError(
            f"catalog: {redacted(first)} leads on to other addresses without end; "
            "fix the link to it"
        )


def _one_byte(answer: requests.Response) -> bytes:
    """Read what a range of one byte has, so that the connection serves again."""
    return answer.raw.read(64) if answer.status_code == 206 else b""


def _body(answer: requests.Response, until: float) -> bytes:
    """Read the body of an answer, no further than `MAX_BYTES` and no longer than a moment."""
    data = bytearray()
    while piece := answer.raw.read1(2**16, decode_content=True):
        data += piece
        if len(data) > MAX_BYTES:
            raise too_large(answer.url)
        if time.monotonic() > until:
            raise _too_slow(answer.url)
    return bytes(data)


def _too_slow(url: str) -> TryAgainError:
    return TryAgainError(
        f"catalog: {redacted(url)} has not answered whole in {LONGEST:g} s; run the same command "
        "again later"
    )


def _in_time(work: Callable[[], T], url: str) -> T:
    """Wait for an answer no longer than `LONGEST`, also where its headers come byte by byte."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # it is raised where the answer is waited for
            failed.append(error)

    thread = threading.Thread(target=run, name="answer", daemon=True)
    thread.start()
    thread.join(LONGEST)
    if failed:
        raise failed[0]
    if not found:
        raise _too_slow(url)
    return found[0]


def _web_error(url: str, error: Exception) -> MinecoverError:
    if classify(error) is Fault.OTHER:
        return SurveyError(
            f"catalog: {redacted(url)} cannot be requested: {redacted(str(error))}; fix "
            "`catalog.url` or the link to it"
        )
    return TryAgainError(
        f"catalog: {urlsplit(url).hostname} does not answer at {redacted(url)}: "
        f"{redacted(str(error))}. Check the network and `catalog.url`; the same command resumes"
    )
