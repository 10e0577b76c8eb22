"""Which models a run, a registered version or a pointer tells about: those that share a join key."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from catalog.layouts.content_addressed import content_key
from catalog.layouts.steps import STEP
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.records import Member, Subject
from crawler.grouping.content_stores import of_own_store
from crawler.grouping.copies import Apart, Nearby, Place, own_repositories, place_of_model, place_of_telling
from crawler.grouping.draft import Draft, directory_of, name_of
from crawler.grouping.layouts import KERAS_EPOCH

MAX_FILES_PER_RUN = 20_000
_DIGEST_AT_END = re.compile(r"sha256:[0-9a-f]{64}$")
FILE = "path:"
"""In front of a key: the id of a whole file that another one names."""


@dataclass(slots=True)
class _Telling:
    """One subject of one file."""

    member: Member
    subject: Subject
    place: Place = field(init=False)

    def __post_init__(self) -> None:
        self.place = place_of_telling(self.member, self.subject)

    def about(self) -> Member:
        """The file as far as it tells of this subject."""
        member = replace(self.member, subject=self.subject.id)
        return replace(member, subject_digest=self.subject.digest) if member.is_shared else member


def bind_subjects(members: Sequence[Member], drafts: Sequence[Draft]) -> list[Draft]:
    """Binds every subject to the models it is about; returns drafts for those that stand for themselves."""
    tellings = [
        _Telling(member, subject)
        for member in members
        if member.extraction is not None
        for subject in member.extraction.subjects
    ]
    if not tellings and not any(member.extraction and member.extraction.join_keys for member in members):
        return []
    by_key: dict[str, list[Draft]] = defaultdict(list)
    in_directory = Counter(draft.directory for draft in drafts)
    for draft in drafts:
        for key in _keys_of(draft, alone=in_directory[draft.directory] == 1):
            by_key[key].append(draft)
    _bind_whole_files(members, drafts, by_key)
    sharing = _of_shared_keys(tellings, by_key)
    bound = {id(telling): of_own_store(telling.member, sharing[id(telling)]) for telling in tellings}
    # One step further: a run is bound through the logged model that names both it and the files. No more than one,
    # or two models of one run would become one.
    through: dict[str, list[Draft]] = defaultdict(list)
    for telling in tellings:
        for key in telling.subject.join_keys if bound[id(telling)] else ():
            through[key].extend(bound[id(telling)])
    further = _of_shared_keys([telling for telling in tellings if not bound[id(telling)]], through)
    unbound = []
    for telling in tellings:
        targets = bound[id(telling)] or further[id(telling)]
        for draft in targets:
            draft.bind_by_name(telling.about())
        if not targets:
            unbound.append(telling)
    alone = list(_standalone(unbound))
    _bind_wider(members, tellings, [*drafts, *alone])
    return alone


def _of_shared_keys(
    tellings: Sequence[_Telling], by_key: Mapping[str, Sequence[Draft]]
) -> dict[int, list[Draft]]:
    """Of each telling the models with one of its keys, those of its own store where several stores have the key."""
    places: dict[str, set[Place]] = defaultdict(set)
    for telling in tellings:
        for key in telling.subject.join_keys:
            if len(by_key.get(key, ())) > 1:
                places[key].add(telling.place)
    apart = Apart(places, by_key)
    return {
        id(telling): _each_once(
            draft
            for key in telling.subject.join_keys
            for draft in apart.own(key, telling.place, by_key.get(key, ()))
        )
        for telling in tellings
    }


def spoken_for(members: Iterable[Member]) -> frozenset[str]:
    """Keys of the files that others name as theirs, such as the metrics file of a pipeline's stage: they are about
    the models of those that name them, wherever they stand.
    """
    ids = (
        identity
        for member in members
        if member.extraction is not None
        for subject in member.extraction.subjects
        for identity in (subject.id, *subject.part_of)
    )
    return frozenset(identity.removeprefix(FILE) for identity in ids if identity.startswith(FILE))


def _bind_wider(members: Iterable[Member], tellings: Sequence[_Telling], drafts: Sequence[Draft]) -> None:
    """What is said of a wider thing is said of each of its parts; a part may be a part's part."""
    subjects: dict[tuple[str, str], list[Subject]] = defaultdict(list)
    for telling in tellings:
        subjects[telling.member.object.key, telling.subject.id].append(telling.subject)
    wider = {part for group in subjects.values() for subject in group for part in subject.part_of}
    if not wider:
        return
    about = _About(tellings, wider)
    files = {identity: member for member in members if (identity := f"{FILE}{member.object.key}") in wider}
    parts = [list(_parts(draft, subjects, about)) for draft in drafts]
    of_part: dict[str, list[Draft]] = defaultdict(list)
    for draft, named in zip(drafts, parts, strict=True):
        for part in named:
            of_part[part].append(draft)
    apart = Apart(
        {part: {telling.place for telling in statements} for part, statements in about.items()}, of_part
    )
    for draft, named in zip(drafts, parts, strict=True):
        for part in named:
            if part in files and files[part].extraction is not None:
                draft.bind_by_name(files[part])
            for telling in about.of(part, draft):
                if apart.own(part, telling.place, [draft]):
                    draft.bind_by_name(telling.about())


def _parts(
    draft: Draft,
    subjects: Mapping[tuple[str, str], Sequence[Subject]],
    about: _About,
) -> Iterator[str]:
    """What the model is part of, each once: of what its subjects are part of, and so on."""
    bound = [place for place in draft.context if place[1] is not None]
    todo = [subject for key, name in bound for subject in subjects.get((key, name or ""), ())]
    seen: set[str] = set()
    while todo:
        for part in own_repositories(todo.pop().part_of, about.keys()):
            if part not in seen:
                seen.add(part)
                yield part
                todo.extend(telling.subject for telling in about.of(part, draft))


class _About(dict[str, list[_Telling]]):
    """What is said of each wider thing."""

    def __init__(self, tellings: Iterable[_Telling], wider: AbstractSet[str]) -> None:
        super().__init__()
        for telling in tellings:
            if telling.subject.id in wider:
                self.setdefault(telling.subject.id, []).append(telling)
        self._stores = {
            part: Nearby(statements, lambda telling: directory_of(telling.member.object.key))
            for part, statements in self.items()
            if len(statements) > 1 and _DIGEST_AT_END.search(part) is not None
        }

    def of(self, part: str, draft: Draft) -> Sequence[_Telling]:
        """All that is said of it; what several stores say of an object with this digest, of the model's own one alone."""
        stores = self._stores.get(part)
        return self.get(part, ()) if stores is None else stores.nearest(place_of_model(draft))


def _keys_of(draft: Draft, *, alone: bool) -> Iterator[str]:
    yield from draft.known_as
    for key, member in draft.weights.items():
        yield f"path:{key}"
        if match := KERAS_EPOCH.search(name_of(key)):
            yield f"epoch:{draft.directory}:{int(match['epoch'])}"
        if member.object.sha256:
            yield f"sha256:{member.object.sha256}"
        if (content := content_key(key)) is not None:
            yield content
        for name in member.extraction.join_keys if member.extraction else ():
            if not name.startswith(STEP):  # checkpoints of one step are no one model
                yield name
    for member in draft.context.values():
        if member.subject is None and member.extraction is not None and member.distance >= 0:
            yield from member.extraction.join_keys
    if alone or draft.kind not in {"file", "shards"}:
        yield f"dir:{draft.directory}"


def _bind_whole_files(
    members: Iterable[Member], drafts: Iterable[Draft], by_key: dict[str, list[Draft]]
) -> None:
    """A file without subjects that names a model by a join key (a checksum file) is about that model; one inside a
    model's own directory is about no other, although two models of one run share that run's key.
    """
    inside = {key for draft in drafts if draft.whole for key, _ in draft.context}
    for member in members:
        extraction = member.extraction
        if extraction is None or extraction.subjects or member.object.key in inside:
            continue
        for draft in _sharing(extraction.join_keys, by_key):
            if member.object.key not in draft.weights:
                draft.bind_by_name(member)


def _sharing(keys: Iterable[str], by_key: Mapping[str, Sequence[Draft]]) -> list[Draft]:
    return _each_once(draft for key in keys for draft in by_key.get(key, ()))


def _each_once(drafts: Iterable[Draft]) -> list[Draft]:
    return list({draft.key: draft for draft in drafts}.values())


def _standalone(tellings: Sequence[_Telling]) -> Iterator[Draft]:
    """Unbound subjects that share a join key are one model, if one of them may stand alone."""
    leaders: dict[str, int] = {}
    parents = list(range(len(tellings)))

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    for number, telling in enumerate(tellings):
        for key in (f"subject:{telling.subject.id}", *telling.subject.join_keys):
            parents[root(number)] = root(leaders.setdefault(key, number))
    sets: dict[int, list[_Telling]] = defaultdict(list)
    for number, telling in enumerate(tellings):
        sets[root(number)].append(telling)
    for united in sets.values():
        for members in _by_store(united):
            alone = [telling for telling in members if telling.subject.standalone]
            if not alone:
                continue
            first = min(alone, key=lambda telling: (telling.member.object.key, telling.subject.id))
            directory = directory_of(first.member.object.key)
            draft = Draft(key=f"{directory or '.'}#{first.subject.id}", kind="run", directory=directory)
            for telling in members[:MAX_FILES_PER_RUN]:
                draft.bind_by_name(telling.about())
            yield draft


def _by_store(tellings: Sequence[_Telling]) -> list[list[_Telling]]:
    """What is told of one thing, apart for each of the stores that says of it that it may stand alone."""
    stores: dict[tuple[str, str], set[str]] = defaultdict(set)
    for telling in tellings:
        if telling.subject.standalone and not _is_a_place(telling.subject):
            reader, _, directory = telling.place
            stores[reader, telling.subject.id].add(directory)
    several = [directories for directories in stores.values() if len(directories) > 1]
    if not several:
        return [list(tellings)]
    directories = sorted(several[0])
    nearby = Nearby(directories, str)
    apart: dict[str, list[_Telling]] = {directory: [] for directory in directories}
    for telling in tellings:
        for directory in nearby.nearest(telling.place[2]):
            apart[directory].append(telling)
    return list(apart.values())


def _is_a_place(subject: Subject) -> bool:
    """Whether the id says where in the source its model is or would be: whoever names that place means the same model."""
    return f"{FILE}{subject.id.partition(':')[2]}" in subject.join_keys
