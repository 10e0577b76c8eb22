"""Parameters, precision, quantisation, sizes, shards and alternatives of a record."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from catalog.lazy_dataclasses import replace
from catalog.normalise.assembly import Draft
from catalog.normalise.parts import hashes, memory
from catalog.normalise.parts.measured import counted_observation, listing_observation
from catalog.normalise.parts.parameters import (
    Count,
    Quantizer,
    count,
    disagree,
    estimate,
    plausible,
)
from catalog.normalise.parts.precision import set_precision
from catalog.normalise.parts.shards import completeness, naming_data
from catalog.normalise.parts.weight_sets import WeightSet, counted_sets, unique_bytes
from catalog.normalise.precedence import ranked
from catalog.normalise.values.field_values import convert
from catalog.records import (
    Contender,
    Evidence,
    FieldProvenance,
    FileStatus,
    Member,
    ObjectKey,
    Origin,
    Role,
    display_key,
)
from mappings import fields

LEFT_OUT = "extra.zero_biases"
LAYER_WIDTHS = "extra.layer_widths"
MAX_ALTERNATIVES = 100
TRUNCATED = "truncated"
"""The code of the problem of a file that ends too early."""
DAMAGED = frozenset({"malformed", "empty", "error-page", "all-zero"})
"""Codes of files of which the bytes are at fault, and no limit or right of the reader."""
PACKAGINGS = frozenset(
    {
        "bentoml",
        "mlflow",
        "mlflow_db",
        "mlflow_file_store",
        "dvc",
        "nemo",
        "spacy",
        "modelpack",
        "oci",
        "ollama",
        "kitops",
    }
)
"""What wraps weights of any format: people ask for models by it too."""


COMPONENT = "component"
"""The relation of a file that is weights if it is there."""


def describe(draft: Draft, sets: Sequence[WeightSet]) -> None:
    """Everything about the weights: what is counted, how much of it there is, and what is missing."""
    chosen = counted_sets(draft.group, sets)
    quantizer = _quantizer(draft)
    counted = count(chosen, quantizer)
    if counted is not None and any(item.ranked for item in chosen):
        counted = replace(counted, parameters=None, reason="cut-by-ranks")
    if counted is not None and naming_data(draft.group):
        counted = replace(counted, parameters=None, reason="weights-not-read")
    _set_completeness(draft, sets, chosen)
    files = _weight_files(draft, chosen)
    _set_sizes(draft, files)
    _set_parameters(draft, chosen, counted)
    set_precision(draft, chosen, counted, quantizer)
    _set_alternatives(draft, sets, chosen, quantizer)
    hashes.describe(draft, chosen, files)
    formats = _formats(draft, sets)
    if formats:
        draft.values["format"] = formats
    memory.describe(draft, chosen)


def _quantizer(draft: Draft) -> Quantizer:
    bits, size = draft.values.get("quantization.bits"), draft.values.get("quantization.group_size")
    return Quantizer(
        method=draft.values.get("quantization.method"),
        bits=bits,
        group_size=size,
        scheme=draft.values.get("quantization.scheme"),
        layer_widths=_layer_widths(draft),
    )


def _layer_widths(draft: Draft) -> tuple[tuple[int, int], ...]:
    written = next((str(seen.raw) for seen in draft.found.free["extra"] if seen.field == LAYER_WIDTHS), "")
    return tuple((int(bits), int(size)) for bits, size in re.findall(r"(\d{1,2})/(\d{1,6})", written))


def _set_completeness(draft: Draft, sets: Sequence[WeightSet], chosen: Sequence[WeightSet]) -> None:
    state = completeness(draft.group, sets, chosen)
    declared = [
        value
        for seen in draft.observed("shards.expected")
        if isinstance(value := convert(fields()["shards.expected"], seen, now=draft.now).value, int)
    ]
    expected = state.expected or max(declared, default=None)
    present = state.found
    if present is None and expected is not None:
        present = sum(len(item.members) for item in chosen)
    complete = state.complete
    if complete and expected is not None and present is not None and present < expected:
        complete = False
        draft.problem("missing-shard", f"{expected - present} of {expected} shards are missing")
    damaged = any(map(_is_damaged, (member for item in chosen for member in item.members)))
    if damaged or any(map(_is_being_written, draft.group.members)):
        complete = False
    elif complete and any(
        _status(member) is FileStatus.UNREADABLE for item in chosen for member in item.members
    ):
        complete = None
    if complete is not None:
        draft.values["complete"] = complete
    if expected is not None:
        draft.values["shards.expected"] = expected
        draft.values["shards.found"] = present
    if complete is False:
        draft.flags.add("incomplete")
    draft.problems.extend(state.problems)


def _is_being_written(member: Member) -> bool:
    """Whether the file says that the model of which it is a part was not finished."""
    problems = member.extraction.problems if member.extraction else ()
    return any(problem.code == "still-being-written" for problem in problems)


def _is_damaged(member: Member) -> bool:
    """Whether the file ends before the last of what it says it holds, or is not what its format promises."""
    extraction = member.extraction
    if extraction is None or not extraction.problems:
        return False
    codes = {problem.code for problem in extraction.problems}
    return TRUNCATED in codes or (
        _status(member) in {FileStatus.UNREADABLE, FileStatus.EMPTY} and not DAMAGED.isdisjoint(codes)
    )


def _set_sizes(draft: Draft, weights: Sequence[Member]) -> None:
    # A database or lock file that tells of many models is not one model's own.
    everything = [member for member in draft.group.members if member.subject is None]
    if everything:
        draft.set_derived(
            "total_bytes", unique_bytes(everything), listing_observation(everything, "total_bytes", None)
        )
    if weights:
        size = unique_bytes(weights)
        declared = (
            _pointed_bytes(draft)
            if all(_status(member) is FileStatus.POINTER for member in weights)
            else None
        )
        draft.set_derived(
            "size_bytes",
            declared or size,
            listing_observation(
                weights, "size_bytes", [member.object.size_bytes for member in weights][:100]
            ),
        )


def _weight_files(draft: Draft, chosen: Sequence[WeightSet]) -> list[Member]:
    """The counted files with the data files that they name."""
    wanted = {member.object.key for item in chosen for member in item.members}
    naming = [member for item in chosen for member in item.members]
    naming += [*naming_data(draft.group), *filter(_is_pipeline, draft.group.members)]
    for member in naming:
        for reference in member.extraction.references if member.extraction else ():
            if reference.relation == "data" or (reference.relation == COMPONENT and _is_pipeline(member)):
                directory = posixpath.dirname(member.object.key)
                wanted.add(ObjectKey(posixpath.join(directory, reference.name)))
    return [member for member in draft.group.members if member.object.key in wanted]


def _is_pipeline(member: Member) -> bool:
    """Whether the file lists components of spaCy, whose weights are what there is of `COMPONENT/model`."""
    extraction = member.extraction
    return extraction is not None and extraction.format == "spacy" and extraction.role is Role.INDEX


def _status(member: Member) -> FileStatus | None:
    return member.extraction.status if member.extraction else None


def _pointed_bytes(draft: Draft) -> int | None:
    """The size that pointers say for bytes that are elsewhere."""
    sizes = [
        value
        for seen in draft.observed("size_bytes")
        if isinstance(value := convert(fields()["size_bytes"], seen, now=draft.now).value, int)
    ]
    return sum(sizes) or None


def _set_parameters(draft: Draft, chosen: Sequence[WeightSet], counted: Count | None) -> None:
    row = fields()["parameters"]
    good, bad = draft.contenders(row)
    size = draft.values.get("size_bytes")
    declared = _declared_by_files(chosen)
    good = ranked(
        "counted",
        [*good, *declared],
        distances=draft.found.distances,
        aside=draft.found.aside,
        elsewhere=draft.found.elsewhere,
    )
    believed, refused = [], list(bad)
    for contender in good:
        weak = contender.observation.evidence not in {Evidence.COUNTED, Evidence.DERIVED}
        if (
            weak
            and contender.observation.origin is not Origin.EDIT
            and size
            and not plausible(contender.value, size)
        ):
            refused.append(
                Contender(
                    observation=contender.observation,
                    value=contender.value,
                    changes=contender.changes,
                    lost_because="implausible",
                )
            )
        else:
            believed.append(contender)
    incomplete = draft.values.get("complete") is False
    if counted is not None and counted.parameters is not None and not incomplete:
        evidence = Evidence.DERIVED if _adds_biases(chosen) else Evidence.COUNTED
        seen = counted_observation(chosen, "parameters", counted.stored_elements, evidence)
        from_tensors = Contender(observation=seen, value=counted.parameters, changes=counted.changes)
        edits = [item for item in believed if item.observation.origin is Origin.EDIT]
        believed = [*edits, from_tensors, *(item for item in believed if item not in edits)]
    elif not believed and chosen and size and not incomplete and counted is not None and not counted.complete:
        top = counted.top
        guess = estimate(size, top[0] if top else None)
        if guess is not None:
            seen = counted_observation(chosen, "parameters", size, Evidence.ESTIMATED)
            believed = [Contender(observation=seen, value=guess, changes=("bytes÷width",))]
    draft.settle(row, believed, refused)
    if counted is not None and counted.parameters is None and counted.stored_elements:
        draft.values.setdefault("extra", {})["stored_elements"] = counted.stored_elements
    if counted is not None and counted.reason == "packed-bits-unknown":
        draft.problem("packed-bits-unknown", "the weights are packed and nothing says how many bits each has")
    _explain_parameters(draft, chosen)


def _adds_biases(chosen: Sequence[WeightSet]) -> bool:
    """Whether some of the weights are in no byte of the files: biases of zero that a converter left out."""
    return any(
        seen.field == LEFT_OUT
        for item in chosen
        for member in item.members
        for seen in (member.extraction.observations if member.extraction else ())
    )


def _declared_by_files(chosen: Sequence[WeightSet]) -> list[Contender]:
    """Counts that the files themselves declare (an index's total_parameters)."""
    contenders = []
    for item in chosen:
        for member in item.members:
            summary = member.extraction.tensors if member.extraction else None
            if (
                summary is not None
                and summary.declared_parameters is not None
                and summary.declared_parameters > 0
            ):
                seen = counted_observation(
                    [item], "parameters", summary.declared_parameters, Evidence.DECLARED
                )
                contenders.append(Contender(observation=seen, value=summary.declared_parameters))
    return contenders


def _explain_parameters(draft: Draft, chosen: Sequence[WeightSet]) -> None:
    provenance = draft.provenance.get("parameters")
    adapter = "adapter.type" in draft.values or any(
        item.stem.lower().startswith("adapter_model") for item in chosen
    )
    if adapter:
        draft.flags.add("adapter")
    if provenance is None or not provenance.winners:
        return
    winner = provenance.winners[0]
    source = {Evidence.COUNTED: "counted", Evidence.DERIVED: "derived", Evidence.ESTIMATED: "estimated"}.get(
        winner.observation.evidence, "declared"
    )
    draft.values["parameters_source"] = source
    draft.values["parameters_scope"] = (
        "adapter" if adapter else "pipeline" if draft.group.kind == "pipeline" else "model"
    )
    rivals = [
        item
        for item in provenance.losers
        if isinstance(item.value, int)
        and item.observation.key not in draft.found.aside
        and disagree(winner.value, item.value, written=item.observation.raw)
    ]
    if rivals and source == "counted":
        draft.provenance["parameters"] = FieldProvenance(
            field="parameters", winners=provenance.winners, losers=provenance.losers, conflict=True
        )
        shown = f"{winner.value:,} weights are counted where {rivals[0].value:,} are declared"
        draft.problem("parameters-conflict", shown, rivals[0].observation)


def _set_alternatives(
    draft: Draft, sets: Sequence[WeightSet], chosen: Sequence[WeightSet], quantizer: Quantizer
) -> None:
    others = [item for item in sets if item not in chosen]
    alternatives = []
    for item in others[:MAX_ALTERNATIVES]:
        counted = count([item], quantizer)
        top = counted.top if counted else None
        entry = {
            "format": item.format,
            "variant": item.variant,
            "files": [display_key(member.object.key) for member in item.members][:50],
            "size_bytes": unique_bytes(item.members),
            "parameters": counted.parameters if counted else None,
            "precision": top[0] if top else None,
        }
        alternatives.append({name: value for name, value in entry.items() if value is not None})
    if alternatives:
        draft.values["alternatives"] = alternatives


def _formats(draft: Draft, sets: Sequence[WeightSet]) -> list[str]:
    """Formats of the weights, the counted one first, then what they are packaged as; never those of mere sidecars."""
    extractions = [
        member.extraction for member in draft.group.members if member.extraction and member.extraction.format
    ]
    weighed = [item.format for item in sets if item.format != "unknown"]
    stated = [value for value in draft.values.get("format", ()) if value]
    if not weighed and not stated:
        weighed = sorted(
            {str(item.format) for item in extractions if item.role in {Role.INDEX, Role.DATA, Role.POINTER}}
        )
    packaged = sorted({str(item.format) for item in extractions if item.format in PACKAGINGS})
    return list(dict.fromkeys([*weighed, *stated, *packaged]))
