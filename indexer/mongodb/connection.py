"""The client of a MongoDB, and what went wrong with it in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.errors import UserError

if TYPE_CHECKING:
    from indexer.settings import MongodbSettings

SELECTION_SECONDS = 2.0
"""A server that is not there is noticed in this time, so that others who are told of news need not wait long."""
NOT_LET_IN = frozenset({13, 18, 8000})
"""Unauthorized, AuthenticationFailed, AtlasError. Source: MongoDB, src/mongo/base/error_codes.yml."""
NO_ACCESS = "MongoDB does not take our user name and password, or does not let us do this."


def connected(chosen: MongodbSettings) -> Any:
    """The client of the server in the settings; it connects with the first question. Raises UserError."""
    try:
        import pymongo  # noqa: PLC0415 - an extra, and 0.2 s
        from pymongo.errors import PyMongoError  # noqa: PLC0415
    except ImportError as error:
        raise UserError(
            "The setting mongodb.url needs pymongo.",
            advice="Install it with: pip install 'modeldex[mongodb]'",
        ) from error
    try:
        return pymongo.MongoClient(
            chosen.url,
            appname="modeldex",
            connect=False,
            retryWrites=False,
            tz_aware=True,
            timeoutMS=int(chosen.seconds * 1000),
            serverSelectionTimeoutMS=int(min(chosen.seconds, SELECTION_SECONDS) * 1000),
            connectTimeoutMS=int(min(chosen.seconds, SELECTION_SECONDS) * 1000),
        )
    except (PyMongoError, ValueError, TypeError) as error:
        raise UserError("The setting mongodb.url is no address of a MongoDB.") from error


def fault_of(error: Exception) -> str:
    """Why MongoDB could not be asked, in a sentence without its address."""
    from pymongo import errors  # noqa: PLC0415 - whoever gets here has it

    match error:
        case errors.OperationFailure() if error.code in NOT_LET_IN:
            return NO_ACCESS
        case errors.ServerSelectionTimeoutError() | errors.AutoReconnect():
            if "uthentication failed" in str(error):
                return NO_ACCESS
            return "MongoDB cannot be reached."
        case errors.PyMongoError() if error.timeout:
            return "MongoDB did not answer in time."
        case errors.ConfigurationError() if "wire version" in str(error):
            return "MongoDB is of a version that pymongo does not speak with any more, or not yet."
        case errors.OperationFailure():
            return f"MongoDB refuses it (code {error.code})."
    return f"MongoDB does not answer as it should ({type(error).__name__})."
