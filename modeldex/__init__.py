"""What jobs, services and scripts use of Modeldex: they write what they measured beside a model, and ask the catalog.

    import modeldex

    modeldex.log("out/", {"f1": 0.91}, params={"lr": 3e-5}, latency_ms=12)

Importing it costs nothing: each name brings its module when it is first used, and none of them brings more than the
standard library and, for `Client`, urllib3.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modeldex.client import Client, ClientError
    from modeldex.git_head import code_version
    from modeldex.middleware import AsgiMiddleware, WsgiMiddleware
    from modeldex.runs import Run, run
    from modeldex.serving import Recorder
    from modeldex.sidecar import LogRefused, log

__all__ = [
    "AsgiMiddleware",
    "Client",
    "ClientError",
    "LogRefused",
    "Recorder",
    "Run",
    "WsgiMiddleware",
    "code_version",
    "log",
    "run",
]

_MODULES = {
    "AsgiMiddleware": "middleware",
    "Client": "client",
    "ClientError": "client",
    "LogRefused": "sidecar",
    "Recorder": "serving",
    "Run": "runs",
    "WsgiMiddleware": "middleware",
    "code_version": "git_head",
    "log": "sidecar",
    "run": "runs",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'modeldex' has no attribute {name!r}")
    return getattr(import_module(f"modeldex.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
