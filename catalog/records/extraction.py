"""What one file says: observations, tensors, risks and problems, each with the place it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any

from msgspec import field as default

from catalog.records.objects import ModelId, ObjectKey
from catalog.records.values import Value


class Evidence(StrEnum):
    """How a value is known."""

    EXPLICIT = "explicit"
    INFERRED = "inferred"
    DECLARED = "declared"
    COUNTED = "counted"
    DERIVED = "derived"
    ESTIMATED = "estimated"


class Origin(StrEnum):
    """What kind of statement an observation is; the precedence rules of fields.toml rank these."""

    EDIT = "edit"  # a person, in Modeldex
    SIDECAR = "sidecar"  # modeldex.yaml beside the model
    REGISTRY = "registry"  # a registered version (MLflow registry, GTO)
    CARD = "card"  # a model card's front matter, .eval_results
    RUN = "run"  # a tracker or trainer (MLflow run, DVC, trainer_state)
    CONFIG = "config"  # a machine-written sidecar (config.json, adapter_config.json)
    EMBEDDED = "embedded"  # inside the weights' own file
    PACKAGE = "package"  # requirements.txt, LICENSE, bill of materials
    LISTING = "listing"  # what storage says
    FILENAME = "filename"  # the weakest: words in names


class Role(StrEnum):
    """What a file is to its model."""

    WEIGHTS = "weights"
    INDEX = "index"  # names the shards that hold the weights
    PART = (
        "part"  # weights that go with a model and are not the model (a projector, an adapter left beside it)
    )
    DATA = "data"  # bytes that another file describes (external data, .bin of OpenVINO, TF data shards)
    CONFIG = "config"
    CARD = "card"
    SIDECAR = "sidecar"  # authored for Modeldex
    RUN = "run"  # a tracker's or trainer's account of how models came to be
    POINTER = "pointer"  # names bytes that are elsewhere (.dvc)
    AUXILIARY = "auxiliary"  # belongs to the model and says little about it (tokenizer, licence text)


class FileStatus(StrEnum):
    """How far a file could be read."""

    OK = "ok"
    PARTIAL = "partial"  # a budget ended the reading; what is said is true, not all is said
    POINTER = "pointer"  # a Git LFS or DVC pointer stands for the bytes
    OPAQUE = "opaque"  # recognised by its magic, its inside is not read
    EMPTY = "empty"
    ARCHIVED = "archived"
    UNREADABLE = "unreadable"  # its own fault: see problems


class Severity(IntEnum):
    """How dangerous it is to load the file with its usual library."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


class Observation(Value, frozen=True, kw_only=True):
    """One thing one file says about one field.

    `field` is a name of fields.toml, `metrics.<raw name>`, `hyperparameters.<name>` or `extra.<name>`.
    `raw` is the JSON value as the file has it (strings cut at 8 kB). `pointer` is the place inside the file, with
    its kind in front: `json:/a/b`, `kv:general.name`, `attr:/@model_config`, `pickle:/hyper_parameters/lr`,
    `meta:props/author`, `front-matter:/license`, `name:` for the file name.
    `context` refines a metric: dataset, config, split, task, revision, block (values of one source that share their
    unit), source (leaderboard, run), evaluated_at, uncertainty, step, primary, unit, percent_writer, digits
    (behind the point, of a value that was printed rounded).
    `subject` names the thing inside a file that holds several (a run, a registered version); None means the file's model.
    `masked` says that a secret was taken out of it before it was stored. `lent_by` is what the model is called, in another
    source, whose file says it, and `lender` the id of that one; empty for what a model's own files say.
    """

    field: str
    raw: Any
    pointer: str
    key: ObjectKey
    extractor: str
    extractor_version: int
    origin: Origin
    evidence: Evidence = Evidence.EXPLICIT
    unit: str | None = None
    context: Mapping[str, Any] = default(default_factory=dict)
    subject: str | None = None
    masked: bool = False
    lent_by: str = ""
    lender: ModelId | None = None


class TensorInfo(Value, frozen=True, kw_only=True):
    """One tensor of a file. `shape` is logical order, `elements` the stored values, `part` what it belongs to."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    bytes: int | None = None
    part: str = "model"  # model | buffer | optimizer | ema | auxiliary | constant


class TensorTally(Value, frozen=True, kw_only=True):
    """Tensors that count alike: same part, dtype, name suffix and companions.

    `suffix` is the last part of the name (`weight`, `qweight`, `scales`), `companions` the suffixes of tensors that
    stand beside it under the same stem and matter for packed weights (`scales`, `quant_state`, `g_idx`, …).
    `logical_elements` is set where companions alone prove the unpacked count. `bits_per_scale` is how many stored bits
    share one scale: by the group size, the width of one weight.
    """

    part: str
    dtype: str
    suffix: str
    companions: tuple[str, ...]
    tensors: int
    elements: int
    bytes: int
    logical_elements: int | None = None
    bits_per_scale: int | None = None


class TensorSummary(Value, frozen=True, kw_only=True):
    """All tensors of one file, counted; the first `TENSORS_KEPT` of them by name.

    `names_sha256` is the identity of the sorted (name, dtype, shape) list; `unknown_tensors` were seen but not understood.
    `declared_parameters` is what the file claims. `complete` is False when a budget ended the count.
    """

    tallies: tuple[TensorTally, ...]
    tensors: tuple[TensorInfo, ...]
    count: int
    names_sha256: str
    unknown_tensors: int = 0
    complete: bool = True
    declared_parameters: int | None = None
    counts_are_parameters: bool = True  # False: constants of a graph made elsewhere, or not weights at all


class Reference(Value, frozen=True, kw_only=True):
    """Another file of the same model that this one names: a shard, external data, a component.

    `name` is relative to the file's own directory and has been checked to stay inside it. `relation` is shard, data,
    component, or tensor-map; `layer` and `part` of a manifest name a content-addressed object by its key instead
    (`sha256:<hex>`).
    """

    name: str
    relation: str
    size_bytes: int | None = None
    tensors: tuple[str, ...] = ()


class Risk(Value, frozen=True, kw_only=True):
    """One reason not to load a file without thought. `kind` is a facet value; `unchecked` is never clean.

    Kinds: code-execution, lambda-layer, template-injection, path-traversal, zip-bomb, secret, remote-code,
    external-data, unchecked, suspicious-structure, legacy-format, needs-trust (its library imports code to load it:
    no finding, only what loading takes).
    """

    kind: str
    severity: Severity
    detail: str
    key: ObjectKey
    member: str | None = None


class Problem(Value, frozen=True, kw_only=True):
    """Something that could not be read, or does not agree. `code` is stable, `message` one sentence."""

    code: str
    message: str
    key: ObjectKey | None = None
    pointer: str | None = None


class Subject(Value, frozen=True, kw_only=True):
    """One of several things that a file tells about (a run, a logged model, a registered version, a DVC output).

    It is bound to the model group that shares one of `join_keys` (`path:<key>`, `dir:<key>`, `mlflow:<model id>`,
    `md5:<hex>`, `sha256:<hex>`); unbound, it becomes a model of its own if `standalone`, else it is dropped.
    What is said of a wider thing (an experiment, a data set, a registered model) is said of every model that has a
    subject with its id in `part_of`; that makes no two of them one.
    `digest` is equal as long as the file says the same of it and of itself; empty where that is not known.
    """

    id: str
    join_keys: tuple[str, ...]
    name: str | None = None
    standalone: bool = False
    part_of: tuple[str, ...] = ()
    digest: str = ""


class Extraction(Value, frozen=True, kw_only=True):
    """All that one file says. Complete, or absent: an extractor returns one or raises `ExtractError`.

    `tensors_digest` stands for names, dtypes, shapes and bytes of all its tensors (`catalog.records.hashes`), and is
    known only when the bytes were read.
    """

    key: ObjectKey
    extractor: str
    extractor_version: int
    format: str | None
    role: Role
    status: FileStatus = FileStatus.OK
    observations: tuple[Observation, ...] = ()
    tensors: TensorSummary | None = None
    references: tuple[Reference, ...] = ()
    subjects: tuple[Subject, ...] = ()
    join_keys: tuple[str, ...] = ()
    risks: tuple[Risk, ...] = ()
    problems: tuple[Problem, ...] = ()
    bytes_read: int = 0
    requests: int = 0
    tensors_digest: str | None = None


UNREAD = "unread"


def unread(key: ObjectKey) -> Extraction:
    """All that there is to say of a file that nobody reads and that belongs to the model around it: that it is there."""
    return Extraction(key=key, extractor=UNREAD, extractor_version=1, format=None, role=Role.AUXILIARY)


def is_unread(extraction: Extraction | None) -> bool:
    return extraction is not None and extraction.extractor == UNREAD
