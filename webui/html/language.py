"""The page that explains the query language, its tables made from the tables of fields and metrics."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass
from mappings import Field, fields
from mappings.flags import askable
from mappings.metrics import metrics
from webui.urls import Addresses

UNIT_EXAMPLES = {
    "count": "7B, 350M, 1200",
    "bytes": "2GB, 500MB, 1GiB",
    "tokens": "32k, 4096",
    "seconds": "3600",
}
RELATIVES_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    text: str
    meaning: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRow:
    """A name that a query may use."""

    name: str
    label: str
    aliases: tuple[str, ...]
    description: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagePage:
    """The query language by examples, and every state, field and metric that it knows."""

    examples: tuple[Example, ...]
    states: tuple[Example, ...]
    programs: tuple[Example, ...]
    fields: tuple[NameRow, ...]
    metrics: tuple[NameRow, ...]


EXAMPLES = (
    ("sentiment bert", "both words, anywhere in name, description, tags or card"),
    ('"speech recognition"', "these words next to each other"),
    ("accuracy > 0.9", "the headline accuracy is above 0.9; 90% and 90 mean the same"),
    ("accuracy@imagenet > 0.8", "measured on that data set"),
    ("params:7B..70B", "between 7 and 70 billion parameters; 7B..* is open upwards"),
    ("size<2GB context>=32k", "numbers with units"),
    ("after:2023", "trained (else created) from 1 January 2024 on; also before: since: until: in: on:"),
    ("after:-30d", "in the last thirty days"),
    ("task:text-classification framework:pytorch", "both conditions"),
    ("license:mit,apache-2.0", "one of these"),
    ("(task:ner OR f1>0.9) -license:gpl*", "or, brackets, not, beginnings"),
    ("has:metrics missing:license", "models that have a field, or lack it"),
    ("is:duplicate", "a state of the model; all of them stand below"),
    ("risk:code-execution", "models whose files run code when they are loaded"),
    ("sort:-accuracy", "best first; models without the value come last"),
    ("models trained after 2023 with >90% accuracy", "a plain sentence; the chips show how it was read"),
)
PROGRAMS = (
    ("/api/search?q=accuracy>0.9&task=ner", "one page of results with facets, as it is shown here"),
    ("/api/models/ID", "a model with the provenance of every value"),
    ("/api/models?ids=ID,ID", "the documents of up to 1,000 models"),
    ("/api/facets/license?prefix=apache", "the values of a field with their counts"),
    ("/api/export.ndjson?q=…", "every matching model as a stream of whole documents"),
    ("/api/export.csv?q=…", "the same for a spreadsheet"),
    (
        "/api/export.csv?q=…&view=table&columns=f1@conll2003,params",
        "chosen columns in the order of the table",
    ),
    ("/compare?ids=ID,ID", "two to six models side by side"),
    ('modeldex search "accuracy > 0.9" --json', "the same search on the command line"),
)


def language_page(addresses: Addresses) -> LanguagePage:
    """The page; every example is a link that runs it."""
    return LanguagePage(
        examples=tuple(
            Example(text=text, meaning=meaning, url=addresses.search_text(text)) for text, meaning in EXAMPLES
        ),
        states=tuple(
            Example(
                text=f"is:{row.name}", meaning=row.description, url=addresses.search_text(f"is:{row.name}")
            )
            for row in askable().values()
        ),
        programs=tuple(Example(text=text, meaning=meaning, url="") for text, meaning in PROGRAMS),
        fields=tuple(
            _field_row(field) for field in fields().values() if field.searchable and field.name != "all_text"
        ),
        metrics=tuple(
            NameRow(
                name=metric.name,
                label=metric.label,
                aliases=metric.aliases[:RELATIVES_SHOWN],
                description={"up": "higher is better", "down": "lower is better"}.get(
                    metric.direction or "", ""
                ),
                hint="0 to 1, or percent" if metric.bounded else "",
            )
            for metric in metrics().values()
        ),
    )


def _field_row(field: Field) -> NameRow:
    hint = UNIT_EXAMPLES.get(field.unit or "", "")
    if field.type == "date":
        hint = "2023, 2023-05, 2023-05-17"
    return NameRow(
        name=field.name, label=field.label, aliases=field.aliases, description=field.description, hint=hint
    )
