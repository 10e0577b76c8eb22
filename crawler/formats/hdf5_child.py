"""The process in which libhdf5 meets a foreign file: limited in memory and time, without a way to open anything.

It is started by `crawler.formats.hdf5` as a script of its own, imports nothing of Modeldex, asks its parent for every
byte, never reads a value of a dataset, and answers with one JSON line. Files that reach for other files are only named.

Protocol: a line `{"read": [start, end]}` on stdout is answered on stdin by the length in 8 bytes and the bytes;
the last line is `{"done": outline}` or `{"failed": [kind, message]}`.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from types import ModuleType
from typing import Any

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 20
MAX_OBJECTS = 20_000
MAX_DEPTH = 32
MAX_ATTRIBUTE_BYTES = 8 * 1024 * 1024
MAX_ATTRIBUTES = 200
MAX_TEXT_LIST = 2_000
MAX_RANK = 32
READ_AHEAD_BYTES = 64 * 1024

NAME_LISTS = ("layer_names", "weight_names")
"""Lists of what the groups show themselves; h5py cannot read the empty ones of Keras 2."""

LARGE_ATTRIBUTES = frozenset({"model_config", "training_config"})
MAX_SMALL_TEXT = 8 * 1024


def limit_process() -> None:
    """No more than 1 GB of memory and 20 s of processor, no file written, no core left behind."""
    try:
        import resource  # noqa: PLC0415 - not on every platform; there the parent's clock remains
    except ImportError:
        return
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (value, value))


class ParentFile(io.RawIOBase):
    """The file as its parent serves it, one block kept."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0
        self._start = 0
        self._block = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        start = self._position
        end = min(start + len(view), self._size)
        if end <= start:
            return 0
        data = self._bytes(start, end)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _bytes(self, start: int, end: int) -> bytes:
        if not (self._start <= start and end <= self._start + len(self._block)):
            self._start = start
            self._block = ask(start, min(self._size, max(end, start + READ_AHEAD_BYTES)))
        return self._block[start - self._start : end - self._start]


def ask(start: int, end: int) -> bytes:
    """Bytes [start, end) from the parent; an end of its answers means that a budget is used up."""
    send({"read": [start, end]})
    header = sys.stdin.buffer.read(8)
    if len(header) < 8:
        raise SystemExit(3)
    length = struct.unpack("<Q", header)[0]
    data = sys.stdin.buffer.read(length)
    if len(data) < length:
        raise SystemExit(3)
    return data


def send(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(message, allow_nan=False).encode() + b"\n")
    sys.stdout.buffer.flush()


class Outline:
    """Walks the file on an explicit stack; every object once."""

    def __init__(self, file: Any, h5py: ModuleType) -> None:
        self._file = file
        self._h5py = h5py
        self._seen: set[Any] = set()
        self.datasets: list[list[Any]] = []
        self.attributes: dict[str, dict[str, Any]] = {}
        self.dangers: list[list[str]] = []
        self.unread: list[str] = []
        self.complete = True

    def walk(self) -> dict[str, Any]:
        stack: list[tuple[str, Any, int]] = [("", self._file["/"], 0)]
        while stack:
            path, group, depth = stack.pop()
            self._read_attributes(path, group)
            for name, child in self._children(path, group):
                if depth >= MAX_DEPTH:
                    self.complete = False
                    self.unread.append(f"deeper than {MAX_DEPTH} groups: {path}"[:200])
                    break
                if hasattr(child, "keys"):
                    stack.append((f"{path}/{name}", child, depth + 1))
                else:
                    self._dataset(f"{path}/{name}", child)
        return {
            "datasets": self.datasets,
            "attributes": self.attributes,
            "dangers": self.dangers,
            "unread": self.unread[:20],
            "complete": self.complete,
        }

    def _children(self, path: str, group: Any) -> Any:
        """Groups and datasets that are in this file. Links elsewhere are named and not followed."""
        h5py = self._h5py
        for name in group:
            link = group.get(name, getlink=True)
            shown = f"{path}/{name}"[:500]
            if isinstance(link, h5py.ExternalLink):
                self._danger("external-link", shown, str(link.filename))
            elif isinstance(link, h5py.SoftLink):
                self._danger("soft-link", shown, str(link.path))
            elif len(self._seen) >= MAX_OBJECTS:
                self.complete = False
                self.unread.append(f"more than {MAX_OBJECTS} objects")
                return
            else:
                try:
                    child = group.get(name)
                    info = h5py.h5o.get_info(child.id)
                except (OSError, KeyError, ValueError, RuntimeError, AttributeError) as error:
                    self.complete = False
                    self.unread.append(f"{shown}: {error}"[:300])
                    continue
                if (info.fileno, info.addr) in self._seen or not isinstance(
                    child, (h5py.Group, h5py.Dataset)
                ):
                    continue
                self._seen.add((info.fileno, info.addr))
                yield name, child

    def _danger(self, kind: str, path: str, detail: str) -> None:
        if len(self.dangers) < 100:
            self.dangers.append([kind, path[:500], detail[:500]])

    def _dataset(self, path: str, dataset: Any) -> None:
        """Shape, type and stored bytes. A value is never read."""
        h5py = self._h5py
        try:
            creation = dataset.id.get_create_plist()
            external = creation.get_external_count()
            for number in range(min(external, 10)):
                name = creation.get_external(number)[0]
                self._danger("external-storage", path, name.decode("utf-8", errors="replace"))
            virtual = creation.get_layout() == h5py.h5d.VIRTUAL
            if virtual:
                self._danger("virtual-dataset", path, "its values come from other files")
            shape = dataset.shape
            if shape is None or len(shape) > MAX_RANK:
                return
            stored = 0 if external or virtual else int(dataset.id.get_storage_size())
            dtype = dataset.dtype
            text = h5py.check_string_dtype(dtype) is not None
            kind = "S1" if text else str(dtype.str) if dtype.fields is None else "V"
            if dtype.kind == "V" and dtype.fields is None:
                kind = self._named_type(dataset) or kind
            self.datasets.append(
                [path, [int(size) for size in shape], kind, stored, bool(external or virtual)]
            )
        except (OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
            self.complete = False
            self.unread.append(f"{path}: {error}"[:300])

    def _named_type(self, dataset: Any) -> str | None:
        """The type of bytes that NumPy has no code for, as Keras writes it beside them: bfloat16."""
        if "dtype" not in dataset.attrs or dataset.attrs.get_id("dtype").get_storage_size() > MAX_SMALL_TEXT:
            return None
        name = plain(dataset.attrs["dtype"])
        return name[:32] if isinstance(name, str) else None

    def _read_attributes(self, path: str, group: Any) -> None:
        """Small texts and numbers, and the two large JSON texts of Keras."""
        kept: dict[str, Any] = {}
        if path.count("/") > 1:
            return
        try:
            names = list(group.attrs)[:MAX_ATTRIBUTES]
        except (OSError, RuntimeError, ValueError):
            return
        for name in names:
            if name.startswith(NAME_LISTS):
                continue
            try:
                attribute = group.attrs.get_id(name)
                if attribute.get_storage_size() > MAX_ATTRIBUTE_BYTES:
                    continue
                value = plain(group.attrs[name])
            except (OSError, ValueError, TypeError, RuntimeError, KeyError, MemoryError, UnicodeError):
                if not path:
                    self.unread.append(f"attribute @{name}"[:300])
                continue
            limit = MAX_ATTRIBUTE_BYTES if name in LARGE_ATTRIBUTES else MAX_SMALL_TEXT
            if value is not None and not (isinstance(value, str) and len(value) > limit):
                kept[name] = value
        if kept:
            self.attributes[path] = kept


def plain(value: Any) -> Any:
    """The attribute as JSON: text, number, or a short list of texts; None for everything else."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, str):
        return value
    if (
        hasattr(value, "ndim")
        and value.ndim == 1
        and value.size <= MAX_TEXT_LIST
        and value.dtype.kind in "OSU"
    ):
        items = [plain(item) for item in value.tolist()]
        return [item for item in items if isinstance(item, str)]
    if hasattr(value, "ndim") and value.ndim == 0:
        value = value.item() if hasattr(value, "item") else None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    return plain(value) if isinstance(value, (str, bytes)) else None


def main() -> None:
    limit_process()
    try:
        import h5py  # noqa: PLC0415 - only after the limits are set
    except ImportError as error:
        send({"failed": ["missing", str(error)]})
        return
    try:
        with h5py.File(ParentFile(int(sys.argv[1])), "r") as file:
            outline = Outline(file, h5py).walk()
    except MemoryError:
        send({"failed": ["limit", "memory"]})
    except (OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
        send({"failed": ["malformed", str(error)[:500]]})
    else:
        send({"done": outline})


if __name__ == "__main__":
    main()
