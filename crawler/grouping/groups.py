"""Files to models: one group for every model of a source. Pure: the same members make the same groups.

What extractors claim (role, format, references) decides; names are the fallback. A group's key is its directory, or
the path of its files without suffix and shard number, and so stays the same when a format or a shard is added.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog.records import (
    Group,
    Member,
    ObjectKey,
    Role,
    SourceId,
)
from crawler.grouping.content_stores import is_orphan, named_objects, with_promised_hashes, without_copies
from crawler.grouping.context import bind_context, bind_logs
from crawler.grouping.draft import (
    Draft,
    directory_of,
    distance_between,
    placed,
)
from crawler.grouping.layout_versions import owner_of, version_of
from crawler.grouping.naming import name_hint, told_apart
from crawler.grouping.partition import draft_models
from crawler.grouping.roles import as_used, in_role, without_linked_blobs
from crawler.grouping.subjects import bind_subjects
from crawler.grouping.tree import Tree
from crawler.promises import FileNames, installed

MAX_FILES_PER_MODEL = 20_000


def group(
    source: SourceId,
    members: Sequence[Member],
    *,
    file_names: FileNames | None = None,
    open_directories: frozenset[str] = frozenset(),
) -> list[Group]:
    """The models of a source, in key order. A file may belong to several (a card, a run), weights to one.

    `file_names` is what extractors promise of names; by default those of every installed one. Where the members are a
    neighbourhood and not the whole source, its `open_directories` are those above several models.
    """
    members = with_promised_hashes(members)
    tree = Tree(as_used(without_linked_blobs(members)), file_names or installed())
    drafts = draft_models(tree)
    bind_context(tree, drafts, open_directories)
    runs = bind_subjects(tree.members, drafts)
    bind_logs(tree, drafts, open_directories)
    named = named_objects(tree.members)
    models = sorted([*without_copies(drafts), *runs], key=lambda draft: draft.key)
    return told_apart(
        [_finished(source, draft, tree.promised, orphan=is_orphan(draft, named)) for draft in models]
    )


def container_directories(members: Sequence[Member], file_names: FileNames | None = None) -> list[str]:
    """The outermost directories that are one model with all below them, in order."""
    names = file_names or installed()
    if not any(map(names.may_be_in_container, (member.object.key for member in members))):
        return []
    tree = Tree(as_used(members), names)
    owners = {tree.owner(directory) for directory in tree.containers}
    return sorted(owner for owner in owners if owner is not None)


def _finished(source: SourceId, draft: Draft, promised: FileNames, *, orphan: bool) -> Group:
    alone = all(member.is_part for member in draft.weights.values())
    weights = [
        placed(
            # a part of which the rest is not there is what there is of the model
            in_role(member, Role.WEIGHTS) if alone else member,
            distance_between(draft.directory, directory_of(key)),
        )
        for key, member in sorted(draft.weights.items())
    ]
    context = [
        draft.context[name] for name in sorted(draft.context, key=lambda name: (name[0], name[1] or ""))
    ]
    members = tuple([*weights, *context][:MAX_FILES_PER_MODEL])
    return Group(
        source=source,
        key=draft.key,
        kind=draft.kind,
        members=members,
        name_hint=name_hint(source, draft, promised),
        version_hint=version_of(source, draft),
        owner_hint=owner_of(source, draft),
        orphan=orphan,
        copies=tuple(ObjectKey(key) for key in sorted(draft.copies)),
    )
