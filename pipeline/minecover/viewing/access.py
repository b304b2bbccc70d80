"""Who may ask the server: people of this machine, or whoever has the token."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["LOOPBACK", "Access"]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

COOKIE = "minecover"

HEADERS = {
    "content-security-policy": "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Access:
    """Let requests through that may be answered, and give all answers the same headers.

    Without a token only requests to a name of this machine are answered, so that a page from
    elsewhere whose name was made to lead here gets nothing.

    Parameters
    ----------
    app
        What answers.
    token
        To be given once in the address, and then by the cookie that is set for it; None: no token.
    """

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refusal(scope)
        await (refused or self.app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Nothing can be changed here.", 405)
        if self.token is None:
            known = _host_name(headers.get("host", "")) in LOOPBACK
            text = "This server answers to 127.0.0.1 and localhost only."
            return None if known else PlainTextResponse(text, 403)
        return self._token_refusal(self.token, scope, headers)

    def _token_refusal(
        self, token: str, scope: Scope, headers: Mapping[str, str]
    ) -> Response | None:
        if _same(token, SimpleCookie(headers.get("cookie", "")).get(COOKIE)):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if not secrets.compare_digest(given.encode(), token.encode()):
            return PlainTextResponse("Open the address that minecover view printed.", 403)
        answer = RedirectResponse(scope["path"], 303)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict")
        return answer


def _same(token: str, morsel: object) -> bool:
    value = getattr(morsel, "value", "")
    return secrets.compare_digest(str(value).encode(), token.encode())


def _host_name(host: str) -> str:
    """Name in a Host header, without the port.

    >>> _host_name("127.0.0.1:8000"), _host_name("[::1]:8000"), _host_name("localhost")
    ('127.0.0.1', '::1', 'localhost')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
