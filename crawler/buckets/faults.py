"""What went wrong when a bucket was asked, in one sentence with the next thing to do."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from catalog.errors import AccessDenied, Malformed, ObjectChanged, ObjectUnreadable, SourceError, UserError
from catalog.lazy_dataclasses import dataclass, replace

try:
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError
except ImportError as missing:
    raise ImportError("boto3 is not installed. Install it with: pip install 'modeldex[s3]'") from missing

TRANSPORT = (boto.HTTPClientError, boto.IncompleteReadError, HTTPError, OSError)
"""An answer that did not come whole."""
FAULTS = (
    *(boto.BotoCoreError, boto.ClientError, *TRANSPORT, ValueError),
    *(ResponseParserError, Malformed, RecursionError),
)
"""What boto3 raises, and what a page raises that is no listing; the last where a storage redirects for ever, which botocore
follows by calling itself.
"""


class Kind(Enum):
    """What a fault says of the object or bucket that was asked for."""

    ABSENT = auto()
    CHANGED = auto()
    DENIED = auto()
    ARCHIVED = auto()
    WRONG_USE = auto()
    ENCRYPTED = auto()
    UNAVAILABLE = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """The kind, what happened, and what to do about it (empty: try again). One that is `lasting` is of whoever asks: every
    other request would be refused, too.
    """

    kind: Kind
    reason: str
    advice: str = ""
    lasting: bool = False

    @property
    def sentence(self) -> str:
        return f"{self.reason}. {self.advice}".rstrip(" ") if self.advice else self.reason


_CREDENTIALS = (
    "Check the credentials: the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, --option profile=NAME,"
    " or --credential access_key=env:NAME and secret_key."
)
_PERMISSION = "Its credentials need s3:ListBucket and s3:GetObject here."
_ENDPOINT = "Check --endpoint-url, which is as https://HOST:PORT without a bucket."
_REGION = "Give it with --option region=NAME."

_EXPIRED = Fault(Kind.DENIED, "the credentials have expired", "Sign in again: aws sso login", lasting=True)
# Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_CODES = {
    "NoSuchBucket": Fault(
        Kind.WRONG_USE,
        "there is no such bucket",
        "Check its name, and --endpoint-url if it is not at Amazon.",
    ),
    "NoSuchKey": Fault(Kind.ABSENT, "there is no such object"),
    "404": Fault(Kind.ABSENT, "there is no such object"),
    "NoSuchVersion": Fault(Kind.ABSENT, "there is no such object"),
    "NotModified": Fault(Kind.CHANGED, "changed"),
    "PreconditionFailed": Fault(Kind.CHANGED, "changed"),
    "412": Fault(Kind.CHANGED, "changed"),
    "InvalidRange": Fault(Kind.CHANGED, "changed"),
    "InvalidObjectState": Fault(
        Kind.ARCHIVED, "it is archived", "Restore it first: aws s3api restore-object"
    ),
    "AccessDenied": Fault(Kind.DENIED, "access denied", _PERMISSION),
    "AllAccessDisabled": Fault(Kind.DENIED, "the storage has disabled all access to it"),
    "403": Fault(Kind.DENIED, "access denied", _PERMISSION),
    "InvalidAccessKeyId": Fault(
        Kind.WRONG_USE, "the storage does not know this access key", _CREDENTIALS, lasting=True
    ),
    "SignatureDoesNotMatch": Fault(
        Kind.WRONG_USE, "the secret key does not belong to the access key", _CREDENTIALS
    ),
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "InvalidToken": Fault(Kind.WRONG_USE, "the session token is not valid", _CREDENTIALS, lasting=True),
    "RequestTimeTooSkewed": Fault(
        Kind.DENIED, "the clock of this machine is wrong", "Set it, then try again.", lasting=True
    ),
    "PermanentRedirect": Fault(Kind.WRONG_USE, "the bucket is in another region", _REGION),
    "301": Fault(Kind.WRONG_USE, "the bucket is in another region", _REGION),
    "AuthorizationHeaderMalformed": Fault(Kind.WRONG_USE, "the bucket is in another region", _REGION),
    "IllegalLocationConstraintException": Fault(Kind.WRONG_USE, "the bucket is in another region", _REGION),
    "InvalidBucketName": Fault(Kind.WRONG_USE, "the storage does not take this name of a bucket"),
    "SlowDown": Fault(Kind.UNAVAILABLE, "the storage asks to slow down"),
}
NOT_S3 = Fault(Kind.WRONG_USE, "what answers there does not speak S3", _ENDPOINT)
_ENCRYPTED = Fault(
    Kind.ENCRYPTED,
    "it is encrypted with a key of its owner (SSE-C)",
    "Give the key with --credential sse_c_key=env:NAME.",
)


def fault_of(error: Exception) -> Fault:
    """What this error of boto3, or of the connection below it, means."""
    if isinstance(error, boto.ClientError):
        return _fault_of_answer(error)
    if isinstance(error, boto.ProfileNotFound | boto.InvalidConfigError):
        return Fault(Kind.WRONG_USE, _plain(error), "Check --option profile=NAME.")
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        anonymous = "A public bucket is read with --option anonymous=true."
        return Fault(
            Kind.WRONG_USE, "there are no credentials for it", f"{_CREDENTIALS} {anonymous}", lasting=True
        )
    if isinstance(error, boto.CredentialRetrievalError | boto.TokenRetrievalError | boto.SSOError):
        return replace(_EXPIRED, reason=f"no credentials could be had: {_plain(error)}")
    if isinstance(error, boto.SSLError):
        return Fault(
            Kind.UNAVAILABLE,
            "the certificate of the storage is not trusted",
            "Name the authority that signed it in AWS_CA_BUNDLE.",
        )
    if isinstance(error, boto.EndpointConnectionError | boto.ConnectTimeoutError | boto.ProxyConnectionError):
        return Fault(Kind.UNAVAILABLE, "nothing answers there", _ENDPOINT)
    if isinstance(error, RecursionError) or "recursion" in str(error):
        return Fault(Kind.WRONG_USE, "what answers there only redirects", f"{_ENDPOINT} {_REGION}")
    if isinstance(error, boto.ParamValidationError):
        return Fault(Kind.WRONG_USE, "the storage takes no such name of a bucket or key")
    if isinstance(error, UnicodeEncodeError):
        return Fault(Kind.UNAVAILABLE, "its name is not UTF-8, and cannot be asked for")
    if isinstance(error, ValueError):
        return Fault(Kind.WRONG_USE, f"the address of the storage is no URL: {_plain(error)}", _ENDPOINT)
    if isinstance(error, ResponseParserError):
        return NOT_S3
    if isinstance(error, Malformed):
        return Fault(Kind.UNAVAILABLE, str(error))
    return Fault(Kind.UNAVAILABLE, f"{type(error).__name__}: {_plain(error)}")


def root_error(place: str, error: Exception) -> UserError | SourceError:
    """Why a bucket cannot be crawled: a UserError where the call was wrong, else a SourceError."""
    if isinstance(error, SourceError):
        return error
    fault = fault_of(error)
    if fault.kind is Kind.ABSENT:  # storages that say no more than 404
        fault = _CODES["NoSuchBucket"]
    if fault.kind is Kind.DENIED and fault.reason != "access denied":
        return AccessDenied(place, fault.sentence)
    if fault.kind in {Kind.WRONG_USE, Kind.DENIED}:
        return UserError(f"{place} cannot be listed: {fault.reason}.", advice=fault.advice or None)
    return ObjectUnreadable(place, fault.sentence)


def object_error(key: str, error: Exception) -> SourceError:
    """What the failure to read one object means for it."""
    if isinstance(error, SourceError):
        return error
    fault = fault_of(error)
    if fault.kind in {Kind.ABSENT, Kind.CHANGED}:
        return ObjectChanged(key)
    if fault.kind is Kind.DENIED:
        return AccessDenied(key, fault.sentence)
    return ObjectUnreadable(key, fault.sentence)


def is_encryption_refusal(error: Exception) -> bool:
    """Whether a key of SSE-C was given where none is wanted, or is wanted where none was given."""
    if not isinstance(error, boto.ClientError):
        return False
    return _status(error.response) == 400 and _fault_of_answer(error).kind is Kind.ENCRYPTED


def is_not_implemented(error: Exception) -> bool:
    """Whether the storage does not know what was asked of it."""
    if not isinstance(error, boto.ClientError):
        return False
    code = error.response.get("Error", {}).get("Code")
    return _status(error.response) == 501 or code in {"NotImplemented", "XNotImplemented"}


def _fault_of_answer(error: Any) -> Fault:
    response = error.response
    code = str(response.get("Error", {}).get("Code", ""))
    message = str(response.get("Error", {}).get("Message", ""))
    status = _status(response)
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    has_body = not error.operation_name.startswith("Head") and headers.get("content-length") != "0"
    is_page = has_body and "text/html" in headers.get("content-type", "")
    if is_page and (code.isdecimal() or not code) and status <= 500:
        kind = Kind.UNAVAILABLE if status == 500 else Kind.WRONG_USE  # boto3 makes 500 of a page with 200
        return Fault(kind, NOT_S3.reason, NOT_S3.advice)
    if code in _CODES:
        return _CODES[code]
    if status == 400 and (code in {"400", ""} or "encrypt" in message.lower()):
        return _ENCRYPTED
    by_status = {304: "NotModified", 301: "301", 403: "403", 404: "404", 412: "412", 416: "InvalidRange"}
    if status in by_status:
        return _CODES[by_status[status]]
    words = " ".join(message.split())[:200].rstrip(".")
    return Fault(Kind.UNAVAILABLE, f"the storage answered {status} {code}{': ' * bool(words)}{words}".strip())


def _status(response: Any) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
