"""Questions to TI-ONE through Tencent Cloud's own SDK, which signs them: counted, slowed down, and asked again if they fail."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from catalog.errors import SourceError, UserError
from catalog.terminal import printable
from crawler.buckets.spending import CredentialsRefused, Spending
from crawler.formats.json_values import mapping
from crawler.tione.options import TioneOptions

API = "2021-11-11"
PAGE = 50
"""The most that DescribeTrainingTasks gives at once."""
MAX_TASKS = 100_000
FIRST_PAUSE_SECONDS = 0.2
AGAIN = frozenset({"RequestLimitExceeded", "InternalError", "ServerNetworkError", "ClientNetworkError"})
"""How the codes begin of what may be asked again."""
DENIED = ("AuthFailure", "UnauthorizedOperation", "OperationDenied")
ABSENT = ("ResourceNotFound", "InvalidParameterValue.NotFound")
REASON_CHARACTERS = 300


class TioneRefused(SourceError):
    """TI-ONE was asked and gave no answer. `code` is its own, or the SDK's for what never came to it."""

    retryable = True

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"TI-ONE answers {code}: {printable(message)[:REASON_CHARACTERS]}")
        self.code = code

    @property
    def is_denied(self) -> bool:
        return self.code.startswith(DENIED)

    @property
    def is_absent(self) -> bool:
        return self.code.startswith(ABSENT)


class TioneClient:
    """One region. Not to be shared between threads."""

    def __init__(self, region: str, workspace: str, options: TioneOptions, spending: Spending) -> None:
        """Raises UserError where the SDK is missing or no key is given."""
        try:
            from tencentcloud.common.credential import Credential  # noqa: PLC0415 - an extra
            from tencentcloud.common.profile.client_profile import ClientProfile  # noqa: PLC0415
            from tencentcloud.common.profile.http_profile import HttpProfile  # noqa: PLC0415
            from tencentcloud.tione.v20211111.tione_client import TioneClient as Sdk  # noqa: PLC0415
        except ImportError as error:
            raise UserError(
                "Sources of TI-ONE need Tencent Cloud's SDK.",
                advice="Install it with: pip install 'modeldex[tione]'",
            ) from error
        if not (options.secret_id and options.secret_key):
            raise UserError(
                "TI-ONE needs a key.",
                advice="Give --credential secret_id=env:NAME and --credential secret_key=env:NAME.",
            )
        place = urlsplit(options.endpoint)
        profile = HttpProfile(
            protocol=place.scheme or "https",
            endpoint=place.netloc or "tione.tencentcloudapi.com",
            reqTimeout=options.read_seconds,
        )
        self._sdk = Sdk(
            Credential(options.secret_id, options.secret_key), region, ClientProfile(httpProfile=profile)
        )
        self._workspace = workspace
        self._attempts = options.attempts
        self._spending = spending

    def tasks(self) -> Iterator[list[Mapping[str, Any]]]:
        """Every training task in short, page after page, the oldest first. Raises SourceError."""
        for offset in range(0, MAX_TASKS, PAGE):
            answer = self._asked(
                "DescribeTrainingTasks", Offset=offset, Limit=PAGE, Order="ASC", OrderField="CreateTime"
            )
            page = _listed(answer, "TrainingTaskSet")
            if page:
                yield page
            total = answer.get("TotalCount")
            if not page or (isinstance(total, int) and offset + len(page) >= total):
                return
        raise TioneRefused("TooMany", f"there are more than {MAX_TASKS:,} training tasks")

    def task(self, task: str) -> Mapping[str, Any]:
        """One training task with its parameters and data. Raises SourceError."""
        return mapping(self._asked("DescribeTrainingTask", Id=task).get("TrainingTaskDetail"))

    def versions(self, model: str) -> list[Mapping[str, Any]]:
        """The versions of a registered model. Raises SourceError."""
        return _listed(
            self._asked("DescribeTrainingModelVersions", TrainingModelId=model), "TrainingModelVersions"
        )

    def _asked(self, action: str, **question: Any) -> Mapping[str, Any]:
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import (  # noqa: PLC0415 - whoever gets here has it
            TencentCloudSDKException,
        )

        if self._workspace:
            question["TiProjectId"] = self._workspace
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, self._attempts + 1):
            self._spending.check()
            self._spending.request()
            try:
                answer = self._sdk.call_json(action, question)
            except TencentCloudSDKException as error:
                refused = TioneRefused(str(error.code or "NoAnswer"), str(error.message or ""))
                if refused.is_denied:
                    self._spending.refuse(str(refused))
                    raise CredentialsRefused(str(refused)) from error
                if attempt == self._attempts or not refused.code.startswith(tuple(AGAIN)):
                    raise refused from error
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                # what the SDK trips over: an answer that is no JSON, cut, or of another shape
                if attempt == self._attempts:
                    raise TioneRefused(
                        "NoAnswer", "what answers is not TI-ONE, or its answer is cut"
                    ) from error
            else:
                self._spending.bytes += len(json.dumps(answer))
                return mapping(answer.get("Response"))
            time.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
            pause *= 2
        raise AssertionError("the last attempt returns or raises")


def _listed(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    entries = answer.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise TioneRefused("NoAnswer", f"its answer has no list {name}")
    return entries
