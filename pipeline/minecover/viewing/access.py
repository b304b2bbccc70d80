"""Who may ask the server: people of this machine, or whoever has the token."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
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
    writable
        Paths to which a page of this server, and no other, may send what changes something.
    """

    def __init__(
        self, app: ASGIApp, token: str | None = None, writable: Collection[str] = ()
    ) -> None:
        self.app, self.token, self.writable = app, token, frozenset(writable)

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
        reads = scope["method"] in ("GET", "HEAD")
        if not reads and (scope["method"] != "POST" or scope["path"] not in self.writable):
            return PlainTextResponse("Nothing can be changed here.", 405)
        if self.token is not None:
            refusal = self._token_refusal(self.token, scope, headers)
        elif _host_name(headers.get("host", "")) in LOOPBACK:
            refusal = None
        else:
            text = "This server answers to 127.0.0.1 and localhost only."
            refusal = PlainTextResponse(text, 403)
        if refusal is None and not reads and not _is_own_page(headers):
            return PlainTextResponse("Only a page of this server may change something.", 403)
        return refusal

    def _token_refusal(
        self, token: str, scope: Scope, headers: Mapping[str, str]
    ) -> Response | None:
        # cookies are of a host, whatever the port: each server there has a name for its own
        cookie = f"{COOKIE}-{(scope.get('server') or ('', ''))[1]}"
        if _same(token, SimpleCookie(headers.get("cookie", "")).get(cookie)):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] == "POST" or not secrets.compare_digest(given.encode(), token.encode()):
            return PlainTextResponse("Open the address that minecover printed.", 403)
        answer = RedirectResponse(scope["path"], 303)
        answer.set_cookie(cookie, token, httponly=True, samesite="strict")
        return answer


def _same(token: str, morsel: object) -> bool:
    value = getattr(morsel, "value", "")
    return secrets.compare_digest(str(value).encode(), token.encode())


def _is_own_page(headers: Mapping[str, str]) -> bool:
    """Tell whether a page of this server sends JSON: others cannot claim its origin.

    A form can send no JSON, and a script of another page is asked for its origin by the browser,
    which writes it into the request.
    """
    host = headers.get("host", "")
    own = bool(host) and headers.get("origin") in (f"http://{host}", f"https://{host}")
    kind = headers.get("content-type", "").partition(";")[0].strip()
    return own and kind == "application/json"


def _host_name(host: str) -> str:
    """Name in a Host header, without the port.

    >>> _host_name("127.0.0.1:8000"), _host_name("[::1]:8000"), _host_name("localhost")
    ('127.0.0.1', '::1', 'localhost')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
