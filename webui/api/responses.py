"""What `/api` answers. Programs rely on these names: a page may be redrawn without any of them changing.

Numbers are numbers and instants ISO 8601; nothing here is drawn, cut to a width or written for eyes. Everything is made
from the catalog, nothing from a page. `tests/web/api_schema.json` pins all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreAnswer:
    """One headline metric of a model, and the data that it was measured on."""

    metric: str
    value: float
    dataset: str
    split: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactAnswer:
    """Parameters, size (bytes) or date of a model; `note` is how it is known, such as counted, declared, trained."""

    label: str
    value: float | str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultAnswer:
    """One model that was found. `document` is all of it, the rest what a list begins with."""

    id: str
    url: str
    name: str
    scores: tuple[ScoreAnswer, ...]
    facts: tuple[FactAnswer, ...]
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAnswer:
    """One understood condition, the metrics that it names, and the page without it."""

    label: str
    explanation: str
    kind: str
    metrics: tuple[str, ...]
    remove_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionAnswer:
    """One value of a facet, or one part of its range; `url` is the page with it switched on or off."""

    value: str
    label: str
    count: int
    selected: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetAnswer:
    """One facet: kind terms, range or date. `low` and `high` are the chosen bounds, `minimum` and `maximum` those there are."""

    field: str
    parameter: str
    label: str
    kind: str
    unit: str | None
    options: tuple[OptionAnswer, ...]
    other_count: int
    values_url: str
    low: str
    high: str
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FixAnswer:
    """A query text that mends a problem, and its page."""

    label: str
    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemAnswer:
    """Something in `query[start:end]` that is not understood as it stands."""

    code: str
    message: str
    start: int
    end: int
    fixes: tuple[FixAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonAnswer:
    """The condition, or the several ones, without which `without_count` models would be found."""

    label: str
    detail: str
    without_count: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SortAnswer:
    """One order that may be asked for as `sort`."""

    value: str
    label: str
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PagingAnswer:
    """Where this page stands. Addresses are empty where there is no such page."""

    page: int
    page_count: int
    per_page: int
    first_shown: int
    last_shown: int
    previous_url: str
    next_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleAnswer:
    """The same search as it is asked at /es/."""

    dsl: str
    curl: str
    python: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlAnswer:
    """The crawl that this server started."""

    path: str
    running: bool
    line: str
    exit_code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAnswer:
    """The answer of /api/search."""

    query: str
    canonical: str
    url: str
    total: int
    catalog_size: int
    results: tuple[ResultAnswer, ...]
    chips: tuple[ChipAnswer, ...]
    facets: tuple[FacetAnswer, ...]
    problems: tuple[ProblemAnswer, ...]
    empty_reasons: tuple[ReasonAnswer, ...]
    notices: tuple[str, ...]
    sort: str
    sort_options: tuple[SortAnswer, ...]
    paging: PagingAnswer
    ndjson_url: str
    csv_url: str
    example: ExampleAnswer | None
    crawl: CrawlAnswer | None
    took_ms: int
    engine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementAnswer:
    """What one file says about one field: what stands there, what it came to, why it lost if it did, and which model
    of another source lent it.
    """

    value: Any
    raw: Any
    file: str
    pointer: str
    origin: str
    evidence: str
    extractor: str
    extractor_version: int
    changes: tuple[str, ...]
    lost_because: str | None
    lent_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceAnswer:
    """Who won and who lost over one field."""

    winners: tuple[StatementAnswer, ...]
    losers: tuple[StatementAnswer, ...]
    conflict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """The answer of /api/models/<id>: the whole document, and the provenance of its values by field."""

    id: str
    url: str
    revision: int
    document: Mapping[str, Any]
    provenance: Mapping[str, ProvenanceAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageModelAnswer:
    """One model of a lineage. `id` and `url` are null for a base that files name and the catalog does not have.

    `step` is 0 for the model that was asked about, -1 for its bases, 1 for what was made from it, and so on.
    """

    key: str
    id: str | None
    url: str | None
    name: str
    version: str
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DescentAnswer:
    """A model was made from a base, both by key. `confidence` is declared, copy, likely or perhaps; `reason` says why."""

    model: str
    base: str
    relation: str
    confidence: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageAnswer:
    """The answer of /api/v1/models/<id>/lineage; `is_cut` where there is more than a graph has room for."""

    id: str
    models: tuple[LineageModelAnswer, ...]
    links: tuple[DescentAnswer, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsAnswer:
    """The answer of /api/models?ids=: documents in the order asked, and the ids that are not there."""

    models: tuple[Mapping[str, Any], ...]
    not_found: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesAnswer:
    """The answer of /api/facets/<field>: the most frequent values, and how many models have others."""

    field: str
    label: str
    description: str
    prefix: str
    values: tuple[OptionAnswer, ...]
    other_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A whole query text that begins with what is typed, and what its new part means."""

    text: str
    label: str
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionsAnswer:
    """The answer of /api/suggest."""

    query: str
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAnswer:
    """One crawl of one source."""

    id: int
    source: str
    state: str
    started_at: str
    finished_at: str | None
    counts: Mapping[str, int]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexProblemAnswer:
    """How many models the index lacks for one reason; `final` when they are not tried again as they are."""

    models: int
    reason: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """The answer of /api/runs. None for a number that cannot be had now."""

    runs: tuple[RunAnswer, ...]
    crawl: CrawlAnswer | None
    models: int | None
    indexed: int | None
    waiting: int | None
    engine: str
    engine_problem: str
    index_problems: tuple[IndexProblemAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadAnswer:
    """A file that could not be read, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAnswer:
    """One source. `state` is active or disabled, `bytes` those of all its files (None: not counted yet), `unread` the
    first of `unread_count` files.
    """

    id: str
    name: str | None
    address: str
    state: str
    schedule: str | None
    running: bool
    asked_at: str | None
    next_due_at: str | None
    last_complete_at: str | None
    last_run: RunAnswer | None
    models: int | None
    missing: int
    bytes: int | None
    unread: tuple[UnreadAnswer, ...]
    unread_count: int
    events_waiting: int
    event_lag_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedAnswer:
    """So many models need a person; `query` finds exactly them."""

    models: int
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesAnswer:
    """The answer of /api/v1/sources. `problem` says what could not be had now; empty if all could."""

    sources: tuple[SourceAnswer, ...]
    needs: tuple[NeedAnswer, ...]
    workers: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsAnswer:
    """The answer of /api/v1/runs: newest first."""

    runs: tuple[RunAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsAnswer:
    """The answer of a POST to /api/v1/events or one below it: of how many objects it speaks, and how many are of a source that is crawled."""

    objects: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EditInForceAnswer:
    """One field that is set by hand: its value, or the words added and taken away, or that it is left empty.

    `files_say` is what it would hold else; `contradicted` when files said something else when it was set.
    """

    field: str
    value: Any
    added: tuple[Any, ...]
    removed: tuple[Any, ...]
    emptied: bool
    made_by: str
    made_at: str
    files_say: Any
    contradicted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EditAnswer:
    """The answer of a PATCH to /api/v1/models/<id>: its revision now, whether that is a new one, the name under which it
    can be undone, whether searches show it already, and all that is set by hand.
    """

    id: str
    revision: int
    changed: bool
    batch: str
    indexed: bool
    edits: tuple[EditInForceAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionAnswer:
    """One state of a model: its hashes, who made it, why and when, and which weights lay where then."""

    revision: int
    made_at: str
    made_by: str
    author: str
    cause: str
    sha256: str
    parent_sha256: str | None
    chain_sha256: str
    content_hash: str | None
    uri: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryAnswer:
    """The answer of /api/v1/models/<id>/history, oldest first."""

    id: str
    revisions: tuple[RevisionAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAnswer:
    """One value before and after, null where there was or is none; `model` where several are told of."""

    field: str
    before: Any
    after: Any
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceAnswer:
    """The answer of /api/v1/models/<id>/diff: how one revision differs from another."""

    id: str
    before: int
    after: int
    changes: tuple[ChangeAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreAnswer:
    """The answer of a POST to /api/v1/models/<id>/restore: what is as it was, and what stays as it is measured now."""

    id: str
    revision: int
    batch: str
    fields: tuple[str, ...]
    measured: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewAnswer:
    """The answer of a POST to /api/v1/edits with `dry_run`: how many models it would change, and the first of them."""

    found: int
    would_change: int
    as_they_are: int
    forbidden: int
    first: tuple[ChangeAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswer:
    """The answer of a POST to /api/v1/edits or to /api/v1/edits/<batch>/undo. `left` are models that were not touched,
    each with the reason.
    """

    batch: str
    changed: int
    unchanged: int
    left: Mapping[str, str]
    indexed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """What went wrong; `request_id` is where the log has the rest."""

    status: int
    title: str
    detail: str
    advice: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAnswer:
    """The answer of every address under /api to what cannot be answered."""

    error: ErrorAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedAnswer:
    """The answer of a POST to /api/v1/models: the model at its revision, and the fields that are other than before."""

    id: str
    url: str
    revision: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFieldAnswer:
    """What each of the models says of one field, null where it says nothing; `equal` when all say the same."""

    field: str
    label: str
    values: tuple[Any, ...]
    equal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedMetricAnswer:
    """What each of the models scored on one data set and split, null where it was not measured there. `best` is said only
    of values that were measured alike and differ.
    """

    metric: str
    dataset: str
    split: str
    values: tuple[float | None, ...]
    best: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonAnswer:
    """The answer of /api/v1/compare: models side by side, in the order of their ids."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    fields: tuple[ComparedFieldAnswer, ...]
    metrics: tuple[ComparedMetricAnswer, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalAnswer:
    """A model or a file that may go, and what shows it. `model` is empty for what is no model."""

    model: str
    name: str
    path: str
    source: str
    bytes: int
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalsAnswer:
    """All that is proposed for one reason: `largest` are those with most bytes."""

    kind: str
    sentence: str
    number: int
    bytes: int
    largest: tuple[ProposalAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummaryAnswer:
    """A plan without its models. `rules` counts the models by the rule that keeps them, `none` those that go."""

    id: str
    hash: str
    name: str
    action: str
    state: str
    made_at: str
    by: str
    models: int
    goes: int
    files: int
    bytes: int
    rules: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionAnswer:
    """What may go without a policy, and the plans that were made."""

    proposals: tuple[ProposalsAnswer, ...]
    plans: tuple[PlanSummaryAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedModelAnswer:
    """One model of a plan: why it stays or goes, and what was done. `bytes` are what its going frees."""

    number: int
    id: str
    name: str
    version: str
    source: str
    revision: int
    goes: bool
    rule: str
    reason: str
    files: int
    bytes: int
    state: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAnswer:
    """A plan with some of its models; `after` asks for those behind them, None where there are none."""

    plan: PlanSummaryAnswer
    policy: Mapping[str, Any]
    models: tuple[PlannedModelAnswer, ...]
    after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnAnswer:
    """One column of a table."""

    name: str
    type: str
    comment: str
    is_partition_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAnswer:
    """A table that models were trained on, as a Hive Metastore described it at `read_at`. None: not known, or no partitions.

    `missing_since`: the Metastore has it no more, and this is how it was. `models_url` is the search for its models.
    """

    name: str
    kind: str
    format: str
    location: str
    owner: str
    comment: str
    created_at: str | None
    rows: int | None
    size_bytes: int | None
    files: int | None
    partitions: int | None
    columns: tuple[ColumnAnswer, ...]
    more_columns: int
    read_at: str | None
    missing_since: str | None
    models: int
    models_url: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesAnswer:
    """The tables that models were trained on, by name."""

    tables: tuple[TableAnswer, ...]


ANSWERS: Mapping[str, type] = {
    "/api/search": SearchAnswer,
    "/api/models/<id>": ModelAnswer,
    "/api/models": ModelsAnswer,
    "/api/facets/<field>": ValuesAnswer,
    "/api/suggest": SuggestionsAnswer,
    "/api/runs": StatusAnswer,
    "/api/v1/search": SearchAnswer,
    "GET /api/v1/models": ModelsAnswer,
    "/api/v1/facets/<field>": ValuesAnswer,
    "/api/v1/suggest": SuggestionsAnswer,
    "/api/v1/compare": ComparisonAnswer,
    "/api/v1/edits": BatchAnswer,
    "/api/v1/edits with dry_run": PreviewAnswer,
    "/api/v1/edits/<batch>/undo": BatchAnswer,
    "/api/v1/events": EventsAnswer,
    "/api/v1/events/mlflow/<source>": EventsAnswer,
    "/api/v1/models": LoggedAnswer,
    "/api/v1/models/<id>": ModelAnswer,
    "PATCH /api/v1/models/<id>": EditAnswer,
    "/api/v1/models/<id>/diff": DifferenceAnswer,
    "/api/v1/models/<id>/history": HistoryAnswer,
    "/api/v1/models/<id>/lineage": LineageAnswer,
    "/api/v1/models/<id>/restore": RestoreAnswer,
    "/api/v1/retention": RetentionAnswer,
    "/api/v1/retention/<plan_id>": PlanAnswer,
    "/api/v1/runs": RunsAnswer,
    "/api/v1/runs/<run_id>/accept": RunAnswer,
    "/api/v1/tables": TablesAnswer,
    "/api/v1/tables/<name>": TableAnswer,
    "/api/v1/sources": SourcesAnswer,
    "error": RefusedAnswer,
}
