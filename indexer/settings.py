"""The sections of the engines; apart from them, so that reading a setting imports no engine."""

from __future__ import annotations

from ipaddress import ip_network
from typing import ClassVar
from urllib.parse import urlsplit

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.settings.sections import setting

STATIC, RUNS = "static", "runs"
"""What lineage is told as: jobs and data sets as they are designed, or one run that is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchSettings:
    """The Elasticsearch that answers searches."""

    SECTION: ClassVar[str] = "elasticsearch"

    url: str = setting("http://127.0.0.1:9200", "Where Elasticsearch answers.")
    api_key: str = setting("", "API key for Elasticsearch.", secret=True)
    user: str = setting("", "User for Elasticsearch, if no API key is used.")
    password: str = setting("", "Password of that user.", secret=True)
    ca: str = setting("", "File with the certificate authority of Elasticsearch.")
    index: str = setting("models", "Alias that searches read; writes go to <alias>-write.")
    timeout_seconds: float = setting(
        10.0, "Longest wait for one Elasticsearch answer.", unit="seconds", least=0.001
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """What webhooks may reach."""

    SECTION: ClassVar[str] = "webhooks"

    allow_networks: tuple[str, ...] = setting(
        (), "Networks that are not public and may be reached all the same, as in 10.0.0.0/8,127.0.0.1/32."
    )
    seconds: float = setting(10.0, "Longest wait for one answer.", unit="seconds", least=0.1, most=60)

    def __post_init__(self) -> None:
        """Raises UserError for what is no network."""
        for text in self.allow_networks:
            try:
                ip_network(text)
            except ValueError as error:
                raise UserError(
                    f"{text!r} is no network.", advice="Write it as in 10.0.0.0/8 or 127.0.0.1/32."
                ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLineageSettings:
    """The lineage service that is told of models."""

    SECTION: ClassVar[str] = "openlineage"

    url: str = setting(
        "",
        "Where it takes events, as in http://marquez:5000/api/v1/lineage; empty means that nobody is told.",
    )
    api_key: str = setting("", "What it asks for as a bearer token.", secret=True)
    namespace: str = setting("modeldex", "Namespace of jobs, and of data sets and models without an address.")
    events: str = setting(
        STATIC,
        "Which events it is told: static (jobs and data sets, as Marquez takes them) or runs (a complete run for each model, "
        "for services that take no others: OpenMetadata, and DataHub before it took jobs).",
    )
    seconds: float = setting(10.0, "Longest wait for one answer.", unit="seconds", least=0.1, most=60)

    def __post_init__(self) -> None:
        """Raises UserError for a kind of events that there is not."""
        if self.events not in {STATIC, RUNS}:
            raise UserError(f"The setting openlineage.events is {STATIC} or {RUNS}, not {self.events!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MongodbSettings:
    """The MongoDB that is kept as the catalog is, and the one whose documents say more of models."""

    SECTION: ClassVar[str] = "mongodb"

    url: str = setting(
        "",
        "Where MongoDB answers, as mongodb://USER:PASSWORD@host:27017/; empty means none (pip install 'modeldex[mongodb]').",
        secret=True,
    )
    database: str = setting("modeldex", "Database of both collections.")
    collection: str = setting(
        "models", "Collection that is kept as the catalog is; empty means that nothing is written."
    )
    said_in: str = setting(
        "",
        "Collection whose documents say more of models, read by `modeldex mongodb pull`; empty means none.",
    )
    every_seconds: float = setting(
        900.0,
        "Time between two readings of that collection by the worker; 0 means that only `modeldex mongodb pull` reads.",
        unit="seconds",
        least=0,
    )
    seconds: float = setting(10.0, "Longest wait for one answer.", unit="seconds", least=0.1, most=60)

    def __post_init__(self) -> None:
        """Raises UserError for an address that is none, and for a collection that would feed itself."""
        if self.url and not self.url.startswith(("mongodb://", "mongodb+srv://")):
            raise UserError("The setting mongodb.url must begin with mongodb:// or mongodb+srv://.")
        if self.said_in and self.said_in == self.collection:
            raise UserError("The settings mongodb.collection and mongodb.said_in must be two collections.")


@dataclass(frozen=True, slots=True, kw_only=True)
class HiveSettings:
    """The Hive Metastore whose tables models were trained on."""

    SECTION: ClassVar[str] = "hive"

    url: str = setting(
        "",
        "Where it answers, as thrift://host:9083, several with commas; empty means none (pip install 'modeldex[hive]').",
    )
    databases: tuple[str, ...] = setting((), "Databases that are looked at; empty means all.")
    every_seconds: float = setting(
        3_600.0,
        "Time between two readings by the worker; 0 means that only `modeldex hive pull` reads.",
        unit="seconds",
        least=0,
    )
    seconds: float = setting(10.0, "Longest wait for one answer.", unit="seconds", least=0.1, most=60)

    def __post_init__(self) -> None:
        """Raises UserError for what is no address of a Metastore."""
        for address in self.addresses():
            parts = urlsplit(address)
            try:
                known = parts.scheme == "thrift" and parts.hostname and parts.port != 0
            except ValueError:
                known = False
            if not known or parts.path or parts.query or "@" in parts.netloc:
                raise UserError(
                    f"The setting hive.url has {address!r}, which is no address of a Hive Metastore.",
                    advice="Write it as in thrift://metastore.example:9083.",
                )

    def addresses(self) -> tuple[str, ...]:
        """Each address, in the order in which they are tried."""
        return tuple(text.strip() for text in self.url.split(",") if text.strip())
