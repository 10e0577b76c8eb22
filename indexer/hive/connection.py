"""The client of a Hive Metastore, bounded in bytes and time, and what went wrong with it in a sentence.

Source: https://github.com/apache/hive, standalone-metastore/metastore-common/src/main/thrift/hive_metastore.thrift. Hive 4.0.1
took `get_table` and `get_table_objects_by_name` away (HIVE-26537); before Hive 2.3 there was nothing else.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from catalog.errors import UserError
from catalog.terminal import printable

if TYPE_CHECKING:
    from indexer.settings import HiveSettings

PORT = 9083
BATCH = 50
MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""A table of 5,000 columns with comments takes about 0.5 MB. An answer that is longer is asked for in two halves."""
MAX_PARTITIONS_READ = 500
"""Partitions whose rows are added up. A table with more has its rows unknown, and their number known."""
CHUNK_BYTES = 64 * 1024
REASON_CHARACTERS = 300


class MetastoreFault(Exception):
    """The Metastore could not be asked. Caught where it is read; the sentence says why."""


class AnswerTooLong(Exception):
    """Its answer is longer than is read."""


class Refused(Exception):
    """It answered that it cannot or will not say this, in its own words."""


class _Wire:
    """A transport of Thrift: one connection on which each answer has its bytes and its seconds."""

    def __init__(self, host: str, port: int, seconds: float) -> None:
        self._seconds = seconds
        self._socket = socket.create_connection((host, port), timeout=seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ahead = memoryview(b"")
        self._question = bytearray()
        self._left = 0
        self._until = 0.0

    def write(self, part: bytes) -> None:
        self._question += part

    def flush(self) -> None:
        """Sends the question; what comes next is its answer."""
        self._left, self._until = MAX_ANSWER_BYTES, time.monotonic() + self._seconds
        self._socket.settimeout(self._seconds)
        question, self._question = bytes(self._question), bytearray()
        self._socket.sendall(question)

    def readAll(self, size: int) -> bytes:  # noqa: N802 - Thrift's name
        """Raises AnswerTooLong, EOFError, OSError."""
        if size > self._left:
            raise AnswerTooLong
        self._left -= size
        if size <= len(self._ahead):
            part, self._ahead = self._ahead[:size], self._ahead[size:]
            return bytes(part)
        parts = [bytes(self._ahead)]
        missing = size - len(self._ahead)
        self._ahead = memoryview(b"")
        while missing > 0:
            chunk = self._received()
            parts.append(chunk[:missing])
            self._ahead = memoryview(chunk)[missing:]
            missing -= len(chunk)
        return b"".join(parts)

    def _received(self) -> bytes:
        rest = self._until - time.monotonic()
        if rest <= 0:
            raise TimeoutError
        self._socket.settimeout(rest)
        chunk = self._socket.recv(CHUNK_BYTES)
        if not chunk:
            raise EOFError
        return chunk

    def close(self) -> None:
        self._socket.close()


class Metastore:
    """A Metastore that answers. A context manager; not to be shared between threads."""

    def __init__(self, chosen: HiveSettings) -> None:
        """Connects with the first question. Raises UserError where its library is missing."""
        try:
            from pymetastore.hive_metastore import ThriftHiveMetastore, ttypes  # noqa: PLC0415 - an extra, and 0.3 s
            from thrift import Thrift  # noqa: PLC0415
            from thrift.protocol import TBinaryProtocol  # noqa: PLC0415
        except ImportError as error:
            raise UserError(
                "The setting hive.url needs pymetastore.",
                advice="Install it with: pip install 'modeldex[hive]'",
            ) from error
        self._service, self._types, self._thrift = ThriftHiveMetastore, ttypes, Thrift
        self._binary = TBinaryProtocol
        self._addresses = chosen.addresses()
        self._seconds = chosen.seconds
        self._wire: _Wire | None = None
        self._client: Any = None
        self._is_old = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disconnect()

    def databases(self) -> list[str]:
        """All that it lets us see."""
        return [str(name) for name in self._ask(lambda client: client.get_all_databases())]

    def table_names(self, database: str) -> list[str]:
        """Those of a database, views among them. Raises Refused, AnswerTooLong."""
        return [str(name) for name in self._ask(lambda client: client.get_all_tables(database))]

    def tables(
        self, database: str, names: Sequence[str], refused: Callable[[str, str], None]
    ) -> Iterator[Any]:
        """The tables of these names as Thrift has them; what is not there is left out. `refused` is told the name of one that
        cannot be had, and why: it costs the others nothing.
        """
        for start in range(0, len(names), BATCH):
            yield from self._halved(database, names[start : start + BATCH], refused)

    def partitions(self, database: str, table: str) -> tuple[int, list[Any]]:
        """How many the table has, and all of them unless they are too many to be read. Raises Refused, AnswerTooLong."""
        number = int(self._ask(lambda client: client.get_num_partitions_by_filter(database, table, "")))
        if not 0 < number <= MAX_PARTITIONS_READ:
            return number, []
        names = self._ask(lambda client: client.get_partition_names(database, table, MAX_PARTITIONS_READ))
        known = [
            partition
            for start in range(0, len(names), BATCH)
            for partition in self._named_partitions(database, table, list(names[start : start + BATCH]))
        ]
        return number, known

    def _named_partitions(self, database: str, table: str, names: list[str]) -> list[Any]:
        return list(self._ask(lambda client: client.get_partitions_by_names(database, table, names)))

    def _halved(
        self, database: str, names: Sequence[str], refused: Callable[[str, str], None]
    ) -> Iterator[Any]:
        """All at once, else each half for itself: one table may be unreadable, or so wide that many are too long."""
        if not names:
            return
        try:
            tables = self._tables(database, names)
        except (Refused, AnswerTooLong) as error:
            if len(names) > 1:
                middle = len(names) // 2
                yield from self._halved(database, names[:middle], refused)
                yield from self._halved(database, names[middle:], refused)
            else:
                refused(f"{database}.{names[0]}", str(error) or "what it says of it is too long")
            return
        yield from tables

    def _tables(self, database: str, names: Sequence[str]) -> list[Any]:
        types = self._types
        able = types.ClientCapabilities([types.ClientCapability.INSERT_ONLY_TABLES])
        request = types.GetTablesRequest(dbName=database, tblNames=list(names), capabilities=able)
        if not self._is_old:
            try:
                answer = self._ask(lambda client: client.get_table_objects_by_name_req(request))
                return list(answer.tables or ())
            except _UnknownMethod:
                self._is_old = True
        return list(self._ask(lambda client: client.get_table_objects_by_name(database, list(names))) or ())

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        """Its answer. Raises MetastoreFault, Refused, AnswerTooLong."""
        from thrift.protocol.TProtocol import TProtocolException  # noqa: PLC0415 - whoever gets here has it
        from thrift.transport.TTransport import TTransportException  # noqa: PLC0415

        application = self._thrift.TApplicationException
        try:
            return question(self._connected())
        except AnswerTooLong:
            self._disconnect()  # the rest of it is still on its way
            raise
        except TimeoutError as error:
            self._disconnect()
            raise MetastoreFault("The Hive Metastore did not answer in time.") from error
        except application as error:
            if error.type == application.UNKNOWN_METHOD:
                raise _UnknownMethod from error
            raise Refused(_words(error)) from error
        except TTransportException as error:  # of a text or list that says it is longer than all that is read
            self._disconnect()
            raise AnswerTooLong from error
        except TProtocolException as error:
            self._disconnect()
            raise MetastoreFault(NO_METASTORE) from error
        except self._thrift.TException as error:
            raise Refused(_words(error)) from error
        except (EOFError, OSError) as error:
            self._disconnect()
            raise MetastoreFault(
                "The Hive Metastore ended the connection in the middle; one that asks for Kerberos or TLS does that, too."
            ) from error
        except (UnicodeDecodeError, RecursionError, ValueError, TypeError, AttributeError) as error:
            self._disconnect()  # whatever answers: the code that Thrift generates checks little of it
            raise MetastoreFault(NO_METASTORE) from error

    def _connected(self) -> Any:
        """The first of the addresses that takes a connection."""
        if self._client is not None:
            return self._client
        for address in self._addresses:
            place = urlsplit(address)
            try:
                self._wire = _Wire(place.hostname or "", place.port or PORT, self._seconds)
            except OSError:
                continue
            protocol = self._binary.TBinaryProtocol(
                self._wire,
                strictRead=True,
                string_length_limit=MAX_ANSWER_BYTES,
                container_length_limit=MAX_ANSWER_BYTES,
            )
            self._client = self._service.Client(protocol)
            return self._client
        raise MetastoreFault("The Hive Metastore cannot be reached.")

    def _disconnect(self) -> None:
        if self._wire is not None:
            self._wire.close()
        self._wire = self._client = None


class _UnknownMethod(MetastoreFault):
    def __init__(self) -> None:
        super().__init__(
            "The Hive Metastore is of a version that does not know what it is asked (2 to 4 do)."
        )


NO_METASTORE = (
    "What answers there is no Hive Metastore, or one that wants Kerberos or TLS, which are not spoken."
)


def _words(error: Any) -> str:
    return printable(str(getattr(error, "message", None) or type(error).__name__))[:REASON_CHARACTERS]
