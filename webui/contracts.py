"""What the application is handed: the catalog for whoever asks, and the crawl that the server started."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from catalog.access.principals import OWNER, Principal
from catalog.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from catalog.access.accounts import Accounts
    from catalog.access.catalog import Catalogs
    from catalog.settings import Settings
    from webui.identity import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlStatus:
    """The crawl that this server started: what it said last, and how it ended."""

    path: str
    running: bool
    line: str
    exit_code: int | None
    outcome: str


class CrawlReader(Protocol):
    """The crawl that this server started, if any."""

    def status(self) -> CrawlStatus | None: ...


def owner() -> Principal:
    """Whoever asks is the owner: no users are set up."""
    return OWNER


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What `create_app` is handed. `principal` says, inside a request, for whom it is answered."""

    catalogs: Catalogs
    crawl: CrawlReader | None = None
    principal: Callable[[], Principal] = owner
    accounts: Accounts | None = None
    identity: Identity | None = None


def open_services(settings: Settings, *, crawl: CrawlReader | None = None) -> Services:
    """The real parts behind the pages, none of them opened yet."""
    from catalog.access.accounts import Accounts  # noqa: PLC0415 - the parts are imported when a server starts
    from catalog.access.opening import open_catalogs  # noqa: PLC0415
    from webui.identity import Identity  # noqa: PLC0415

    catalogs = open_catalogs(settings)
    accounts = Accounts(settings, catalogs.accounts)
    identity = Identity(settings, accounts)
    return Services(
        catalogs=catalogs, crawl=crawl, principal=identity.principal, accounts=accounts, identity=identity
    )


def close_services(services: Services) -> None:
    """Close what was opened."""
    services.catalogs.close()
