"""Links: what messages show of them, and whether they carry a signature or a password."""

from __future__ import annotations

import re
from typing import TypeGuard
from urllib.parse import urlsplit, urlunsplit

__all__ = ["is_in_store", "is_link", "is_secret", "redacted", "unsigned"]

LONGEST = 4096
"""Characters of a link."""

SHOWN = 300
"""Of what is longer."""

_USER = re.compile(r"(?<=://)[^/?#\s'\"]*@")
_FRAGMENT = re.compile(r"(?<=://)([^\s'\"#]*)#[^\s'\"]*")
_QUERY = re.compile(r"(?<=\S)\?[^\s'\"]*")

_PREFIXES = ("x-amz-", "x-goog-")
_SIGNATURES = frozenset(
    (
        "sig", "signature", "expires", "policy", "key-pair-id", "awsaccesskeyid", "googleaccessid",
        "token", "access_token", "api_key", "apikey", "subscription-key",
    )
)  # fmt: skip

_SAS = frozenset(
    (
        "sv", "ss", "srt", "sr", "st", "se", "sp", "sip", "spr", "si", "ses", "sdd", "skoid",
        "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid",
    )
)  # fmt: skip
"""Parameters of Azure's shared access signatures beside `sig`; alone they are anybody's."""


def is_link(value: object) -> TypeGuard[str]:
    """Tell whether a value can be a link: a text in one line that parses."""
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        return False
    try:
        urlsplit(value)
    except ValueError:
        return False
    return True


def redacted(text: str) -> str:
    """Links, alone or in a text, without user, password, query and fragment; long ones are cut."""
    text = text if len(text) <= LONGEST else f"{text[:SHOWN]}..."
    return _QUERY.sub("", _FRAGMENT.sub(r"\1", _USER.sub("", text)))


def unsigned(link: str) -> str:
    """Link without the parameters that sign it; others stay as they are."""
    parts = urlsplit(link)
    pairs = [(pair.partition("=")[0].lower(), pair) for pair in parts.query.split("&")]
    signing = _SIGNATURES | (_SAS if any(name == "sig" for name, _ in pairs) else frozenset())
    kept = (pair for name, pair in pairs if name not in signing and not name.startswith(_PREFIXES))
    return urlunsplit(parts._replace(query="&".join(kept)))


def is_secret(link: str) -> bool:
    """Tell whether a link carries a signature or a password."""
    return _USER.search(link) is not None or unsigned(link) != urlunsplit(urlsplit(link))


def is_in_store(link: str) -> bool:
    """Tell whether a link leads to a Zarr store or a group in it."""
    return any(part.endswith(".zarr") for part in urlsplit(link).path.split("/"))
