"""From what the catalog says to what `/api` answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog.query.request import MAX_RESULT_WINDOW
from catalog.records import display_key
from mappings import Field
from webui.api.responses.finding import (
    ChipAnswer,
    CrawlAnswer,
    ExampleAnswer,
    FacetAnswer,
    FactAnswer,
    FixAnswer,
    OptionAnswer,
    PagingAnswer,
    ProblemAnswer,
    ReasonAnswer,
    ResultAnswer,
    ScoreAnswer,
    SearchAnswer,
    SortAnswer,
    ValuesAnswer,
)
from webui.api.responses.models import (
    DescentAnswer,
    LineageAnswer,
    LineageModelAnswer,
    ModelAnswer,
    ProvenanceAnswer,
    StatementAnswer,
)
from webui.api.responses.sources import (
    IndexProblemAnswer,
    NeedAnswer,
    RunAnswer,
    RunsAnswer,
    SourceAnswer,
    SourcesAnswer,
    StatusAnswer,
    UnreadAnswer,
)
from webui.api.responses.tables import (
    ColumnAnswer,
    TableAnswer,
)
from webui.documents import number_at, text_at
from webui.headline import headlines
from webui.orders import sort_options

if TYPE_CHECKING:
    from catalog.access.lineage import LineageGraph
    from catalog.access.status import CatalogStatus
    from catalog.query.problems import QueryProblem
    from catalog.query.state import SearchState
    from catalog.records import Contender, FieldProvenance, Run, StoredModel
    from catalog.records.data_tables import DataTable
    from catalog.search.page_state import FacetBucket, FacetView, SearchPage
    from webui.contracts import CrawlStatus
    from webui.health import DueSource, Health
    from webui.query_example import QueryExample
    from webui.urls import Addresses, FacetAddresses


def search_answer(
    page: SearchPage,
    addresses: Addresses,
    crawl: CrawlStatus | None,
    notices: tuple[str, ...],
    example: QueryExample | None,
) -> SearchAnswer:
    """One page of results."""
    state = page.state
    metrics = page.metrics
    return SearchAnswer(
        query=state.text,
        canonical=page.canonical_text,
        url=addresses.search(state),
        total=page.total,
        catalog_size=page.catalog_size,
        results=tuple(_result(document, metrics, addresses) for document in page.hits),
        chips=_chips(page, addresses),
        facets=tuple(_facet(view, state, addresses) for view in page.facets),
        problems=tuple(_problem(problem, state, addresses) for problem in page.problems),
        empty_reasons=_empty_reasons(page, addresses),
        notices=tuple(dict.fromkeys((*notices, *page.notices))),
        sort=state.sort,
        sort_options=tuple(
            SortAnswer(value=option.value, label=option.label, selected=option.selected)
            for option in sort_options(page)
        ),
        paging=_paging(page, addresses),
        ndjson_url=addresses.export(state, "ndjson"),
        csv_url=addresses.export(state, "csv"),
        example=None
        if example is None
        else ExampleAnswer(dsl=example.dsl, curl=example.curl, python=example.python),
        crawl=_crawl(crawl),
        took_ms=page.took_ms,
        engine=page.engine,
    )


def _chips(page: SearchPage, addresses: Addresses) -> tuple[ChipAnswer, ...]:
    return tuple(
        ChipAnswer(
            label=chip.label,
            explanation=chip.explanation,
            kind=chip.kind,
            metrics=chip.metrics,
            remove_url=addresses.search(chip.without),
        )
        for chip in page.chips
    )


def _empty_reasons(page: SearchPage, addresses: Addresses) -> tuple[ReasonAnswer, ...]:
    return tuple(
        ReasonAnswer(
            label=reason.label,
            detail=reason.detail,
            without_count=reason.without_count,
            url=addresses.search(reason.without),
        )
        for reason in page.empty_reasons
    )


def _result(document: Mapping[str, Any], metrics: tuple[str, ...], addresses: Addresses) -> ResultAnswer:
    identifier = text_at(document, "id")
    return ResultAnswer(
        id=identifier,
        url=addresses.model(identifier),
        name=text_at(document, "name") or text_at(document, "path") or identifier,
        scores=tuple(
            ScoreAnswer(
                metric=headline.metric,
                value=headline.value,
                dataset=str(
                    headline.evaluation.get("dataset_id") or headline.evaluation.get("dataset") or ""
                ),
                split=str(headline.evaluation.get("split") or ""),
            )
            for headline in headlines(document, metrics)
        ),
        facts=tuple(_facts(document)),
        document=document,
    )


def _facts(document: Mapping[str, Any]) -> Iterator[FactAnswer]:
    if (parameters := number_at(document, "parameters")) is not None:
        yield FactAnswer(label="parameters", value=parameters, note=text_at(document, "parameters_source"))
    if (size_bytes := number_at(document, "size_bytes")) is not None:
        yield FactAnswer(label="size", value=size_bytes, note="")
    if date := text_at(document, "best_date"):
        yield FactAnswer(label="date", value=date, note=text_at(document, "date_source").removesuffix("_at"))


def _option(bucket: FacetBucket, places: FacetAddresses) -> OptionAnswer:
    return OptionAnswer(
        value=bucket.value,
        label=bucket.label,
        count=bucket.count,
        selected=bucket.selected,
        url=places.search(bucket.after),
    )


def _facet(view: FacetView, state: SearchState, addresses: Addresses) -> FacetAnswer:
    places = addresses.of_facet(view)
    return FacetAnswer(
        field=view.field,
        parameter=view.parameter,
        label=view.label,
        kind=view.kind,
        unit=view.unit,
        options=tuple(_option(bucket, places) for bucket in view.buckets),
        other_count=view.other_count,
        values_url=addresses.values(view.field, state) if view.other_count else "",
        low=view.low,
        high=view.high,
        minimum=view.minimum,
        maximum=view.maximum,
    )


def _problem(problem: QueryProblem, state: SearchState, addresses: Addresses) -> ProblemAnswer:
    return ProblemAnswer(
        code=problem.code,
        message=problem.message,
        start=problem.start,
        end=problem.end,
        fixes=tuple(
            FixAnswer(
                label=fix.label, text=fix.text, url=addresses.search(replace(state, text=fix.text, page=1))
            )
            for fix in problem.suggestions
        ),
    )


def _paging(page: SearchPage, addresses: Addresses) -> PagingAnswer:
    state, count = page.state, page.page_count
    first = (state.page - 1) * state.size + 1 if page.hits else 0
    previous = replace(state, page=min(state.page - 1, max(count, 1)))
    return PagingAnswer(
        page=state.page,
        page_count=count,
        per_page=state.size,
        first_shown=first,
        last_shown=min(first + len(page.hits) - 1, MAX_RESULT_WINDOW) if page.hits else 0,
        previous_url=addresses.search(previous) if state.page > 1 else "",
        next_url=addresses.search(replace(state, page=state.page + 1)) if state.page < count else "",
    )


def _crawl(crawl: CrawlStatus | None) -> CrawlAnswer | None:
    if crawl is None:
        return None
    return CrawlAnswer(path=crawl.path, running=crawl.running, line=crawl.line, exit_code=crawl.exit_code)


def model_answer(model: StoredModel, addresses: Addresses) -> ModelAnswer:
    """One model with the provenance of its values."""
    return ModelAnswer(
        id=str(model.id),
        url=addresses.model(str(model.id)),
        revision=model.revision,
        document=model.document,
        provenance={field: _provenance(entry) for field, entry in model.provenance.items()},
    )


def lineage_answer(model_id: str, graph: LineageGraph, addresses: Addresses) -> LineageAnswer:
    """The lineage of a model as a graph."""
    return LineageAnswer(
        id=model_id,
        models=tuple(
            LineageModelAnswer(
                key=model.key,
                id=None if model.document is None else model.key,
                url=None if model.document is None else addresses.model(model.key),
                name=model.name,
                version="" if model.document is None else text_at(model.document, "version"),
                step=model.step,
            )
            for model in graph.models
        ),
        links=tuple(
            DescentAnswer(
                model=link.model,
                base=link.base,
                relation=link.relation,
                confidence=link.confidence,
                reason=link.reason,
            )
            for link in graph.links
        ),
        is_cut=graph.is_cut,
    )


def table_answer(table: DataTable, models: int, addresses: Addresses) -> TableAnswer:
    """One table, and the models that were trained on it."""
    return TableAnswer(
        name=table.name,
        kind=table.kind,
        format=table.format,
        location=table.location,
        owner=table.owner,
        comment=table.comment,
        created_at=table.created_at or None,
        rows=table.rows,
        size_bytes=table.size_bytes,
        files=table.files,
        partitions=table.partitions,
        columns=tuple(
            ColumnAnswer(
                name=column.name,
                type=column.type,
                comment=column.comment,
                is_partition_key=column.is_partition_key,
            )
            for column in table.columns
        ),
        more_columns=table.more_columns,
        read_at=table.read_at or None,
        missing_since=table.missing_since or None,
        models=models,
        models_url=addresses.selection("tables", table.name),
        url=addresses.table(table.name),
    )


def _provenance(entry: FieldProvenance) -> ProvenanceAnswer:
    return ProvenanceAnswer(
        winners=tuple(_statement(contender) for contender in entry.winners),
        losers=tuple(_statement(contender) for contender in entry.losers),
        conflict=entry.conflict,
    )


def _statement(contender: Contender) -> StatementAnswer:
    observation = contender.observation
    return StatementAnswer(
        value=contender.value,
        raw=observation.raw,
        file=display_key(observation.key),
        pointer=observation.pointer,
        origin=str(observation.origin),
        evidence=str(observation.evidence),
        extractor=observation.extractor,
        extractor_version=observation.extractor_version,
        changes=contender.changes,
        lost_because=contender.lost_because,
        lent_by=observation.lent_by or None,
    )


def values_answer(field: Field, view: FacetView, prefix: str, addresses: Addresses) -> ValuesAnswer:
    """The values of one facet."""
    places = addresses.of_facet(view)
    return ValuesAnswer(
        field=field.name,
        label=field.label,
        description=field.description,
        prefix=prefix,
        values=tuple(_option(bucket, places) for bucket in view.buckets),
        other_count=view.other_count,
    )


def status_answer(status: CatalogStatus, crawl: CrawlStatus | None) -> StatusAnswer:
    """The state of the catalog."""
    return StatusAnswer(
        runs=tuple(run_answer(run) for run in status.runs),
        crawl=_crawl(crawl),
        models=status.models,
        indexed=status.indexed,
        waiting=status.waiting,
        engine=status.engine,
        engine_problem=status.problem,
        index_problems=tuple(
            IndexProblemAnswer(models=trouble.models, reason=trouble.reason, final=trouble.final)
            for trouble in status.troubles
        ),
    )


def sources_answer(health: Health) -> SourcesAnswer:
    """How every source stands, and what needs a person."""
    return SourcesAnswer(
        sources=tuple(map(_source, health.sources)),
        needs=tuple(NeedAnswer(models=need.number, query=need.state.text) for need in health.needs),
        workers=health.workers,
        problem=health.problem,
    )


def runs_answer(runs: Iterable[Run]) -> RunsAnswer:
    return RunsAnswer(runs=tuple(map(run_answer, runs)))


def _source(source: DueSource) -> SourceAnswer:
    health, row = source.health, source.health.row
    failed = health.last.counts.get("failed", 0) if health.last else 0
    return SourceAnswer(
        id=row.id,
        name=row.definition.name,
        address=row.uri,
        state=row.state.value,
        schedule=row.definition.schedule,
        running=health.is_crawled,
        asked_at=_iso(health.asked_at),
        next_due_at=_iso(source.next_due),
        last_complete_at=None if health.last_complete is None else _iso(health.last_complete.started_at),
        last_run=None if health.last is None else run_answer(health.last),
        models=source.models,
        missing=health.missing,
        bytes=health.bytes,
        unread=tuple(UnreadAnswer(file=file.key, reason=file.reason) for file in health.unread),
        unread_count=max(failed, len(health.unread)),
        events_waiting=health.events_waiting,
        event_lag_seconds=health.event_lag_seconds,
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def run_answer(run: Run) -> RunAnswer:
    return RunAnswer(
        id=run.id,
        source=run.source,
        state=str(run.state),
        started_at=run.started_at.isoformat(),
        finished_at=_iso(run.finished_at),
        counts=run.counts,
        problems=run.problems,
    )
