"""Where links of a catalog may lead: from a public one never to this machine or its network.

Whoever writes a public catalog could else have this machine ask what only it can reach: services
on loopback, the credentials that a cloud gives its machines, devices of the local network.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from minecover.errors import DataError
from minecover.sources.links import redacted
from minecover.storage.location import is_url
from minecover.storage.s3 import AMAZON, S3Access

__all__ = ["ANYWHERE", "Reach"]

LOCAL_NAMES = (".localhost", ".local", ".internal", ".home.arpa")
"""Ends of names that are of this machine or its network, whatever they resolve to."""


@dataclass(frozen=True)
class Reach:
    """What links may lead to.

    Attributes
    ----------
    public
        Whether the catalog is: one in a folder, or of this machine or its network, is not, and
        may link to both.
    allowed
        Hosts that links of a public catalog may lead to all the same.
    """

    public: bool = False
    allowed: tuple[str, ...] = ()

    @classmethod
    def of(cls, url: str, allowed: Collection[str] = (), s3: S3Access = AMAZON) -> Reach:
        """Reach of the links of a catalog.

        Parameters
        ----------
        url
            Path or address of the catalog.
        allowed
            Hosts of this machine or network that the survey allows.
        s3
            How buckets are reached.
        """
        place = s3.endpoint if url.startswith("s3://") else url
        public = is_url(url) and not (place and _is_private(host_of(place), place))
        return cls(public, tuple(host.lower() for host in allowed))

    def check(self, url: str, where: str) -> None:
        """Refuse a link that a public catalog may not lead to; buckets are the survey's matter.

        Raises
        ------
        DataError
            Its host is of this machine or its network, or it has none.
        """
        if not self.public or url.startswith("s3://"):
            return
        host = host_of(url)
        if host not in self.allowed and _is_private(host, url):
            raise DataError(
                f"{where}: {redacted(url)} leads to this machine or its network, and the catalog "
                f"is public. Where that is meant, write `catalog.private_hosts: [{host or 'HOST'}]`"
            )


ANYWHERE = Reach()
"""Of what the survey names itself."""


def host_of(url: str) -> str:
    """Host of an address in lower case; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_private(host: str, url: str) -> bool:
    """Tell whether a host is of this machine or its network; of no known address: no."""
    if not host or host == "localhost" or host.endswith(LOCAL_NAMES):
        return True
    addresses = _addresses(host, numeric=True)
    if not addresses and not _has_proxy(host, url):  # whose resolver counts, and not this one
        addresses = _addresses(host, numeric=False)
    return any(not _is_global(address) for address in addresses)


def _has_proxy(host: str, url: str) -> bool:
    return urlsplit(url).scheme in getproxies() and not proxy_bypass(host)


@lru_cache(maxsize=4096)
def _addresses(host: str, *, numeric: bool) -> tuple[str, ...]:
    """Addresses of a host, also written as one number or in hexadecimal; none: it has none."""
    flags = socket.AI_NUMERICHOST if numeric else 0
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        return ()
    return tuple(str(address[0]) for *_, address in found)


def _is_global(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    return address.is_global and not address.is_multicast
