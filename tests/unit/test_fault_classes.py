"""Exceptions of libraries, with their texts as they were recorded, and the class of each."""

from __future__ import annotations

import errno
import os

import obstore.exceptions as store
import pytest
import rasterio._err as gdal  # type: ignore[import-untyped]
import requests
from rasterio.errors import RasterioIOError

from minecover.faults import (
    PASSING_STATUSES,
    Fault,
    classify,
    first_line,
    is_worker_fault,
    server_code,
)

GET = "Error performing GET http://127.0.0.1:9000/b/k in 1.3ms - "
STATUS = GET + "Server returned non-2xx status code: "
LIST = "Generic S3 error: Error performing list request: " + STATUS
LOCAL = "Generic LocalFileSystem error: "
DEBUG = (
    '\n\nDebug source:\nGeneric {\n    store: "S3",\n    retry_timeout: 60s,\n    status: 503,\n}'
)


def document(code: str, message: str = "m") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>{DEBUG}"
    )


OBSTORE = [
    (store.GenericError(f"Generic S3 error: {GET}HTTP error: error sending request{DEBUG}"),
     Fault.PASSING),
    (store.GenericError("Generic S3 error: HTTP error: request or response body error"),
     Fault.PASSING),
    (store.GenericError(f"{LIST}500 Internal Server Error: {document('InternalError')}"),
     Fault.PASSING),
    (store.GenericError(f"{LIST}503 Service Unavailable: {document('SlowDown')}"), Fault.PASSING),
    (store.GenericError(f"{LIST}503 Service Unavailable: "), Fault.PASSING),
    (store.GenericError(f"{LIST}429 Too Many Requests: "), Fault.PASSING),
    (store.GenericError(f"{LIST}408 Request Timeout: "), Fault.PASSING),
    (store.GenericError(f"{LIST}520 <unknown status code>: "), Fault.PASSING),
    (store.NotFoundError(f"Object at location k not found: {STATUS}404 Not Found: "
                         f"{document('NoSuchUpload')}"), Fault.PASSING),
    (store.GenericError(f"{LIST}501 Not Implemented: {document('NotImplemented')}"), Fault.OTHER),
    (store.GenericError(f"{LIST}507 Insufficient Storage: {document('XMinioStorageFull')}"),
     Fault.FULL),
    (store.PermissionDeniedError("The operation lacked the necessary privileges to complete for "
                                 f"path k: {STATUS}403 Forbidden: {document('AccessDenied')}"),
     Fault.REJECTED),
    (store.UnauthenticatedError("The operation lacked valid authentication credentials for path "
                                f"k: {STATUS}401 Unauthorized: "), Fault.REJECTED),
    (store.GenericError(f"{LIST}403 Forbidden: "), Fault.REJECTED),
    (store.GenericError(f"{LIST}403 Forbidden: {document('RequestTimeTooSkewed')}"),
     Fault.REJECTED),
    (store.GenericError(f"{LIST}400 Bad Request: {document('ExpiredToken')}"), Fault.REJECTED),
    (store.GenericError(f"{LIST}400 Bad Request: {document('AuthorizationHeaderMalformed')}"),
     Fault.REJECTED),
    (store.GenericError("Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/"
                        "token in 12.1ms - HTTP error: error sending request"),
     Fault.NO_CREDENTIALS),
    (store.GenericError("Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/"
                        "token in 12.1ms - Server returned non-2xx status code: 403 Forbidden: "),
     Fault.NO_CREDENTIALS),
    (store.GenericError(f"{LIST}404 Not Found: {document('NoSuchBucket')}"), Fault.MISSING),
    (FileNotFoundError(f"Object at location k not found: {STATUS}404 Not Found: "
                       f"{document('NoSuchKey')}"), Fault.MISSING),
    (FileNotFoundError("Object at location /s/none not found: No such file or directory "
                       "(os error 2)"), Fault.MISSING),
    (store.GenericError(f"{LOCAL}Unable to copy data to file: No space left on device "
                        "(os error 28)"), Fault.FULL),
    (store.GenericError(f"{LOCAL}Unable to open file /s/a: Disk quota exceeded (os error 122)"),
     Fault.FULL),
    (store.GenericError(f"{LOCAL}Unable to open file /s/a: Too many open files (os error 24)"),
     Fault.WORKER),
    (store.GenericError(f"{LOCAL}Unable to walk dir: IO error for operation on /s: Input/output "
                        "error (os error 5)"), Fault.WORKER),
    (store.PermissionDeniedError("The operation lacked the necessary privileges to complete for "
                                 "path /s/a: Permission denied (os error 13)"), Fault.OTHER),
    (store.AlreadyExistsError("Object at location /s/a already exists: File exists (os error 17)"),
     Fault.OTHER),
    (store.PreconditionError(f"Request precondition failure for path k: {STATUS}412 Precondition "
                             f"Failed: {document('PreconditionFailed')}"), Fault.OTHER),
    (store.GenericError("Generic S3 error: Unable to extract metadata from headers: ETag Header "
                        "missing from response"), Fault.OTHER),
]  # fmt: skip

HTTP, AWS, OPEN = gdal.CPLE_HttpResponseError, gdal.CPLE_AWSError, gdal.CPLE_OpenFailedError
GDAL = [
    (HTTP, "CURL error: Operation timed out after 2006 milliseconds with 0 bytes received",
     Fault.PASSING),
    (HTTP, "CURL error: Empty reply from server", Fault.PASSING),
    (HTTP, "CURL error: Failed to connect to 127.0.0.1 port 9 after 0 ms: Could not connect to "
     "server", Fault.PASSING),
    (HTTP, "CURL error: Could not resolve host: nowhere.invalid", Fault.PASSING),
    (HTTP, "CURL error: TLS connect error: error:0A00010B:SSL routines::wrong version number",
     Fault.PASSING),
    (HTTP, "HTTP response code: 408", Fault.PASSING),
    (HTTP, "HTTP response code: 429", Fault.PASSING),
    (HTTP, "HTTP response code: 503", Fault.PASSING),
    (HTTP, "Request for 0-16383 failed with response_code=0", Fault.PASSING),
    (HTTP, "Request for 0-16383 failed with response_code=503", Fault.PASSING),
    (AWS, "Please reduce your request rate.", Fault.PASSING),
    (AWS, "We encountered an internal error. Please try again.", Fault.PASSING),
    (AWS, "We encountered an internal error, please try again.", Fault.PASSING),
    (AWS, "Your socket connection to the server was not read from or written to within the "
     "timeout period.", Fault.PASSING),
    (HTTP, "HTTP response code: 401", Fault.REJECTED),
    (HTTP, "HTTP response code: 403", Fault.REJECTED),
    (HTTP, "HTTP error code on https://a/b.tif?x=1: 403", Fault.REJECTED),
    (gdal.CPLE_AWSAccessDeniedError, "Access Denied", Fault.REJECTED),
    (gdal.CPLE_AWSAccessDeniedError, "Accès refusé", Fault.REJECTED),
    (gdal.CPLE_AWSSignatureDoesNotMatchError, "The request signature we calculated does not match "
     "the signature you provided. Check your key and signing method.", Fault.REJECTED),
    (AWS, "The AWS Access Key Id you provided does not exist in our records.", Fault.REJECTED),
    (AWS, "The access key ID you provided does not exist in our records.", Fault.REJECTED),
    (AWS, "The provided token has expired.", Fault.REJECTED),
    (AWS, "The provided token is malformed or otherwise invalid.", Fault.REJECTED),
    (AWS, "The security token included in the request is invalid.", Fault.REJECTED),
    (AWS, "The difference between the request time and the current time is too large.",
     Fault.REJECTED),
    (gdal.CPLE_AWSInvalidCredentialsError, "AWS_SECRET_ACCESS_KEY and AWS_NO_SIGN_REQUEST "
     "configuration options not defined, and /root/.aws/credentials not filled",
     Fault.NO_CREDENTIALS),
    (HTTP, "HTTP response code: 404", Fault.MISSING),
    (gdal.CPLE_AWSObjectNotFoundError, "The specified key does not exist.", Fault.MISSING),
    (gdal.CPLE_AWSBucketNotFoundError, "The specified bucket does not exist", Fault.MISSING),
    (OPEN, "/data/a.tif: Too many open files", Fault.WORKER),
    (OPEN, "/data/a.tif: Stale file handle", Fault.WORKER),
    (gdal.CPLE_OutOfMemoryError, "cannot allocate 1x4096x4096", Fault.WORKER),
    (OPEN, "'/vsis3/b/a.tif' not recognized as being in a supported file format.", Fault.OTHER),
    (gdal.CPLE_AppDefinedError, "a.tif: TIFFReadDirectory:Failed to read directory at offset 168",
     Fault.OTHER),
    (HTTP, "HTTP response code: 400", Fault.OTHER),
    # what a file is called says nothing of what became of it
    (OPEN, "'/vsis3/timeout/503/SlowDown.tif' not recognized as being in a supported file format.",
     Fault.OTHER),
]  # fmt: skip

WEB = [
    (requests.exceptions.ReadTimeout("HTTPConnectionPool(host='a', port=80): Read timed out. (read "
                                     "timeout=2)"), Fault.PASSING),
    (requests.exceptions.ConnectionError("('Connection aborted.', RemoteDisconnected('Remote end "
                                         "closed connection without response'))"), Fault.PASSING),
    (requests.exceptions.SSLError("HTTPSConnectionPool(host='a', port=443): Max retries exceeded"),
     Fault.PASSING),
    (requests.exceptions.ChunkedEncodingError("('Connection broken: IncompleteRead(10 bytes read, "
                                              "990 more expected)', IncompleteRead(10))"),
     Fault.PASSING),
    (requests.exceptions.InvalidURL("Failed to parse: '[' is not a valid host or port"),
     Fault.OTHER),
    (requests.exceptions.InvalidSchema("No connection adapters were found for 'foo://x'"),
     Fault.OTHER),
    (requests.exceptions.TooManyRedirects("Exceeded 30 redirects."), Fault.OTHER),
]  # fmt: skip

SYSTEM = [
    (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), Fault.WORKER),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), Fault.FULL),
    (RuntimeError("can't start new thread"), Fault.WORKER),
    (MemoryError(), Fault.WORKER),
    (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), Fault.PASSING),
    (TimeoutError("timed out"), Fault.PASSING),
    (FileNotFoundError(errno.ENOENT, "No such file or directory"), Fault.MISSING),
    (PermissionError(errno.EACCES, "Permission denied"), Fault.OTHER),
    (ValueError("no"), Fault.OTHER),
]


@pytest.mark.parametrize(("error", "fault"), [*OBSTORE, *WEB, *SYSTEM])
def test_the_class_of_an_exception(error: Exception, fault: Fault) -> None:
    assert classify(error) is fault


@pytest.mark.parametrize(("kind", "text", "fault"), GDAL)
def test_the_class_of_an_exception_of_gdal(kind: type[Exception], text: str, fault: Fault) -> None:
    error = RasterioIOError(text)
    error.__cause__ = kind(1, 11, text)
    assert classify(error) is fault
    # as stackstac passes it on
    wrapped = RuntimeError(f"Error opening '/vsis3/b/a.tif': {error!r}")
    wrapped.__cause__ = error
    assert classify(wrapped) is fault


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 429, 500, 501, 502, 503, 504, 524])
def test_one_rule_for_the_statuses_of_all_libraries(status: int) -> None:
    answer = requests.Response()
    answer.status_code = status
    faults = {
        classify(error)
        for error in (
            requests.HTTPError("an answer", response=answer),
            store.GenericError(f"{LIST}{status} Some Words: "),
            RasterioIOError(f"HTTP response code: {status}"),
        )
    }
    assert len(faults) == 1
    assert (faults == {Fault.PASSING}) == (status in PASSING_STATUSES)


def test_the_first_class_of_a_chain_counts() -> None:
    outer, inner = RuntimeError("a tile failed"), OSError(errno.EMFILE, "Too many open files")
    outer.__context__ = RasterioIOError("HTTP response code: 503")
    outer.__context__.__context__ = inner
    assert classify(outer) is Fault.WORKER
    assert is_worker_fault(outer)
    assert not is_worker_fault(PermissionError(errno.EACCES, "Permission denied"))


def test_a_message_leaves_the_document_of_the_server_out() -> None:
    error = store.GenericError(f"{LIST}403 Forbidden: {document('AccessDenied', 'KEY')}")
    assert first_line(error) == f"{LIST}403 Forbidden (AccessDenied)"
    outer = OSError("the store")
    outer.__cause__ = error
    assert server_code(outer) == "AccessDenied"
    assert server_code(OSError("the store")) == ""
