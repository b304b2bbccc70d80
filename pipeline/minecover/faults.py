"""What an exception of a library means: whether another try may succeed, and who must act.

One rule for every room. An exception is looked at together with those that it was raised from, and
the first of the classes in `Fault` that any of them belongs to is the answer. What a library says
by a number, a code or a type counts first; texts are read only where it gives nothing else, as
GDAL, which keeps of an answer of S3 no more than its message.

Types are known by name, so that nobody imports a library here for the sake of its exceptions.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from enum import Enum

from minecover.errors import TryAgainError

__all__ = [
    "PASSING_STATUSES",
    "Fault",
    "classify",
    "error_chain",
    "first_line",
    "is_worker_fault",
    "server_code",
    "worker_error",
]


class Fault(Enum):
    """Classes of faults; of several in one chain of exceptions the first counts."""

    FULL = "there is no room left on a disk"
    WORKER = "this process is out of files, memory or threads, or its disk or mount fails"
    PASSING = "the other side does not answer now; the same request may succeed later"
    NO_CREDENTIALS = "there are no credentials"
    REJECTED = "the server rejects the credentials, or refuses access with them"
    MISSING = "there is no such file, object or bucket"
    OTHER = "damaged, or a mistake"


PASSING_STATUSES = frozenset({408, 425, 429, *range(500, 600)} - {501, 505})
"""Statuses of HTTP after which the same request may succeed: 501 and 505 never will."""

_NUMBERS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), Fault.FULL),
    **dict.fromkeys(
        (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.ESTALE),
        Fault.WORKER,
    ),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), Fault.OTHER),
    errno.ENOENT: Fault.MISSING,
}
"""Error numbers of the operating system."""

_CODES = {
    **dict.fromkeys(("StorageFull", "XMinioStorageFull", "QuotaExceeded"), Fault.FULL),
    # an upload whose completion was kept but not acknowledged is unknown when it is completed again
    **dict.fromkeys(
        ("InternalError", "NoSuchUpload", "RequestTimeout", "ServiceUnavailable", "SlowDown"),
        Fault.PASSING,
    ),
    **dict.fromkeys(
        (
            "AccessDenied", "AccountProblem", "AllAccessDisabled", "AuthorizationHeaderMalformed",
            "ExpiredToken", "InvalidAccessKeyId", "InvalidSecurity", "InvalidToken",
            "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired",
        ),
        Fault.REJECTED,
    ),
    **dict.fromkeys(("NoSuchBucket", "NoSuchKey"), Fault.MISSING),
}  # fmt: skip
"""Codes of the errors of S3."""

_TYPES = {
    "builtins.MemoryError": Fault.WORKER,
    "builtins.ConnectionError": Fault.PASSING,
    "builtins.TimeoutError": Fault.PASSING,
    "builtins.FileNotFoundError": Fault.MISSING,
    "socket.gaierror": Fault.PASSING,
    "obstore.PermissionDeniedError": Fault.REJECTED,
    "obstore.UnauthenticatedError": Fault.REJECTED,
    "obstore.NotFoundError": Fault.MISSING,
    "rasterio.CPLE_OutOfMemoryError": Fault.WORKER,
    "rasterio.CPLE_AWSInvalidCredentialsError": Fault.NO_CREDENTIALS,
    "rasterio.CPLE_AWSAccessDeniedError": Fault.REJECTED,
    "rasterio.CPLE_AWSSignatureDoesNotMatchError": Fault.REJECTED,
    "rasterio.CPLE_AWSObjectNotFoundError": Fault.MISSING,
    "rasterio.CPLE_AWSBucketNotFoundError": Fault.MISSING,
    "requests.ConnectionError": Fault.PASSING,
    "requests.Timeout": Fault.PASSING,
    "requests.ChunkedEncodingError": Fault.PASSING,
    "requests.ContentDecodingError": Fault.PASSING,
    "requests.RetryError": Fault.PASSING,
}
"""Exceptions by the package they come from and their name; their subclasses are of their class."""

_METADATA = ("169.254.169.254", "169.254.170.2")
"""Where a machine of Amazon's is asked for credentials when the environment has none."""

_STATUS = re.compile(
    r"(?:status code: |response_code=|HTTP (?:response|error) code\b.*?[: ])(\d+)\b", re.IGNORECASE
)
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_PLACE = re.compile(r"(?<!\S)(?!Input/output)\S*/\S*")


def _messages(kind: Fault) -> str:
    """Pattern of what the operating system says of the error numbers of a class."""
    return "|".join(
        re.escape(os.strerror(number)) for number in _NUMBERS if _NUMBERS[number] == kind
    )


_TEXTS = (
    (Fault.FULL, re.compile(_messages(Fault.FULL), re.IGNORECASE)),
    (
        Fault.WORKER,
        re.compile(
            f"can't start new thread|out ?of ?memory|{_messages(Fault.WORKER)}", re.IGNORECASE
        ),
    ),
    (
        Fault.PASSING,
        re.compile(
            r"CURL error|HTTP error: |timed? ?out|could ?n.t (resolve|connect)"
            r"|could not (resolve|connect)|connection (reset|refused)"
            r"|SlowDown|reduce your request rate|internal error[.,] please try again"
            r"|not read from or written to within the timeout",
            re.IGNORECASE,
        ),
    ),
    (
        Fault.REJECTED,
        re.compile(
            r"Access ?Denied|(token|request) has expired|Expired ?Token|InvalidToken"
            r"|security (token|credentials) .*(invalid|not valid)|provided token is malformed"
            r"|InvalidAccessKeyId|access key ID you provided does not exist"
            r"|SignatureDoesNotMatch|time is too large"
            r"|AuthenticationFailed|AuthorizationFailure|failed to authenticate",
            re.IGNORECASE,
        ),
    ),
)  # fmt: skip
"""What the messages of S3, Azure, curl and the operating system say."""


def classify(error: BaseException) -> Fault:
    """Tell what an exception means, and those that it was raised from."""
    found = {_class_of(link) for link in error_chain(error)}
    return next(fault for fault in Fault if fault in found)


def is_worker_fault(error: BaseException) -> bool:
    """Tell whether it is this process that fails: another worker may succeed."""
    return classify(error) in (Fault.FULL, Fault.WORKER)


def worker_error(where: str, name: str, reason: str) -> TryAgainError:
    """Build the error for a file that this worker cannot read, whatever is in it."""
    return TryAgainError(
        f"{where}: this worker cannot read {name}: {reason}; check its limits of files, threads "
        "and memory, its disk and its mounts, and run the same command again"
    )


def error_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, the one that it was raised from, and so on."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def server_code(error: BaseException) -> str:
    """Code of S3 in an exception or those it was raised from, as `AccessDenied`; else empty."""
    return next(filter(None, map(_code_of, error_chain(error))), "")


def first_line(error: BaseException) -> str:
    """Message of a library without the document of the server, which may hold credentials."""
    line, code = str(error).partition("\n")[0].partition(": <")[0], server_code(error)
    return f"{line} ({code})" if code else line


def _code_of(error: BaseException) -> str:
    found = _CODE.search(str(error))
    return found[1] if found else ""


def _class_of(error: BaseException) -> Fault:
    text = str(error).partition("\n")[0]
    known = _by_number(error, text) or _CODES.get(_code_of(error))
    if known is not None:
        return known
    if any(address in text for address in _METADATA):
        return Fault.NO_CREDENTIALS
    for kind in type(error).__mro__:
        known = _TYPES.get(f"{kind.__module__.partition('.')[0]}.{kind.__name__}")
        if known is not None:
            return known
    return _by_status(error, text) or _by_text(text)


def _by_number(error: BaseException, text: str) -> Fault | None:
    """Class by the error number of the operating system; a library in Rust has it in the text."""
    if isinstance(error, OSError) and error.errno is not None:
        return _NUMBERS.get(error.errno)
    found = _OS_ERROR.search(text)
    return _NUMBERS.get(int(found[1])) if found else None


def _by_status(error: BaseException, text: str) -> Fault | None:
    """Class by the status of an answer of HTTP; None where there is none."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is None:
        found = _STATUS.search(_PLACE.sub("", text))
        if found is None:
            return None
        status = int(found[1])
    if status == 0 or status in PASSING_STATUSES:  # GDAL says 0 where nothing was answered
        return Fault.PASSING
    if status in (401, 403):
        return Fault.REJECTED
    return Fault.MISSING if status in (404, 410) else Fault.OTHER


def _by_text(text: str) -> Fault:
    """Class by the words of a message, without the names of files in it."""
    words = _PLACE.sub("", text)
    return next((fault for fault, pattern in _TEXTS if pattern.search(words)), Fault.OTHER)
