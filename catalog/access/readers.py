"""What the door needs of an open record store, for reading. Nothing here can write."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from catalog.errors import StoreDamaged
    from catalog.records import CardText, ModelId, Revision, Run, SourceId, StoredModel
    from catalog.records.accounts import AuditLine, Token, User, UserId
    from catalog.records.data_tables import DataTable
    from catalog.records.disclosure import Disclosure
    from catalog.records.health import StoreHealth
    from catalog.records.history import ChainFault, VerificationCounts


class RecordReader(Protocol):
    """Stored models."""

    def get(self, model: str) -> StoredModel | None: ...

    def find(self, prefix: str) -> list[ModelId]:
        """The ids that begin with `prefix`, or else the models of exactly this name."""
        ...

    def names_like(self, text: str, *, limit: int = 5) -> list[str]: ...

    def iterate(self, damaged: dict[str, StoreDamaged] | None = None) -> Iterator[StoredModel]: ...

    def history(self, model: str, *, last: int | None = None) -> list[Revision]: ...

    def revision(self, model: str, number: int) -> Revision | None: ...

    def states_at(self, at: datetime) -> Iterator[Revision]:
        """The newest revision of every model that was made by then."""
        ...

    def verify(self, counts: VerificationCounts) -> Iterator[ChainFault]:
        """What is not as it was written."""
        ...

    def disclosed(self, model: str) -> Disclosure | None:
        """The sensitive values of the model; None of one that has none."""
        ...

    def disclosed_revisions(self, model: str, numbers: Collection[int]) -> dict[int, Disclosure]:
        """Those of these revisions, by number."""
        ...

    def with_value(self, field: str, value: Any, *, limit: int) -> list[str]:
        """The models that hold this sensitive value, in id order, up to the limit."""
        ...

    def sensitive_names(self) -> frozenset[str]:
        """The fields that are sensitive in any source."""
        ...

    def card(self, model: str) -> CardText | None:
        """The card that lies nearest to the model and says something."""
        ...

    def count(self) -> int: ...


class SourceReader(Protocol):
    """What is crawled."""

    def names(self) -> dict[str, str]:
        """The ids of the sources that a person gave a name, by that name."""
        ...


class RunReader(Protocol):
    """Past and running crawls."""

    def latest(self, limit: int, *, source: SourceId | None = None) -> list[Run]: ...


class IndexTrouble(Protocol):
    """How many models the index lacks for one reason; `final` when they are not tried again as they are."""

    @property
    def models(self) -> int: ...

    @property
    def reason(self) -> str: ...

    @property
    def final(self) -> bool: ...


class WaitingReader(Protocol):
    """What the index does not hold yet."""

    def size(self) -> int: ...

    def troubles(self) -> Sequence[IndexTrouble]: ...


class AccountReader(Protocol):
    """Users, sessions and tokens, as far as it takes to know who asks."""

    def are_set_up(self) -> bool: ...

    def named(self, name: str) -> User | None: ...

    def password_of(self, user: UserId) -> str | None: ...

    def of_session(self, digest: str) -> User | None: ...

    def of_token(self, token: str, digest: str) -> tuple[User, Token] | None: ...

    def source_names(self) -> dict[str, str]:
        """The ids of the sources that a person gave a name, by that name."""
        ...


class AuditReader(Protocol):
    """The lines of the audit."""

    def latest(
        self, limit: int, *, before: int | None = None, where: Mapping[str, str] | None = None
    ) -> list[AuditLine]: ...


class DataTableReader(Protocol):
    """Tables that models were trained on."""

    def of(self, names: Collection[str]) -> dict[str, DataTable]:
        """Those of these names that are known."""
        ...


class HealthReader(Protocol):
    """How sources stand."""

    def report(self) -> StoreHealth:
        """Every source that is not removed."""
        ...


class StoreReader(Protocol):
    """An open record store."""

    @property
    def accounts(self) -> AccountReader: ...

    @property
    def audit(self) -> AuditReader: ...

    @property
    def data_tables(self) -> DataTableReader: ...

    @property
    def health(self) -> HealthReader: ...

    @property
    def records(self) -> RecordReader: ...

    @property
    def runs(self) -> RunReader: ...

    @property
    def sources(self) -> SourceReader: ...

    def consumer(self, name: str) -> WaitingReader:
        """How far this consumer of revisions is."""
        ...
