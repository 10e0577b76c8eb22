"""Names, addresses and hashes as people paste them: hub names, files, registry versions, runs, addresses of pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from catalog.query.nodes import And, Match, Or, Phrase, Prefix, Query, Term, Terms
from catalog.query.text.keywords import moved_id, read_place
from catalog.query.text.parse_context import Leaf, Reading, any_of
from catalog.query.text.printing import name_of
from catalog.text.patterns import pattern
from catalog.text.slugs import stored_slug

_HUB_NAME = pattern(r"[\w.\-]+(?:/[\w.\-]+)+/?")
_PLACE = pattern(r"/[\w.\-+@ ]+(?:/[\w.\-+@]*)+")
_LEADING = pattern(r"(?:~|\.{1,2})/|[A-Za-z]:[\\/]")
_FILE = pattern(r"[\w.\-+@]*\w\.[A-Za-z][A-Za-z0-9]{1,11}")
_REGISTERED = pattern(
    r"models:/+(?P<name>[^/@\s]+)(?:[/@](?P<version>v?\d[\w.]*|latest)|/(?P<stage>[\w.]+)|@(?P<alias>[\w\-]+))?"
)
_VERSIONED = pattern(r"(?P<name>[\w.\-/]+)(?:[:@]|==)(?P<version>v?\d+(?:\.\d+)*|latest)")
_VERSION_ENDING = pattern(r"[-_]v(?P<version>\d{1,6}(?:\.\d{1,6}){0,3})$")
_TAGGED = pattern(
    r"(?P<name>[\w.\-/]+):(?P<tag>(?:\d+x)?\d+(?:\.\d+)?[bBmM](?:-[\w.\-]+)?|I?[qQ]\d\w*|[bBfF]\d+|[fF][pP]\d+)"
)
"""Source: Ollama, names of models: size, kind and quantisation behind a colon."""
_CACHED = pattern(r"(?:^|/)models--(?P<name>[\w.\-]+)(?:/|$)")
"""Source: huggingface_hub, folders of its cache."""
_PLAIN_NAME = pattern(r"[\w.\-]+")
_DIGEST = pattern(r"sha256[-:=](?P<digest>[0-9a-fA-F]{7,64})")
_HTTP_BUCKET = pattern(
    r"https://(?:(?P<first>[\w.\-]+)\.s3[\w.\-]*\.amazonaws\.com|s3[\w.\-]*\.amazonaws\.com/(?P<second>[\w.\-]+))(?=/)"
)
_ADDRESS = pattern(r"[A-Za-z][\w+.\-]{1,15}://\S+")
_LOGGED = pattern(r"models:/+(m-[0-9a-f]{32})/?")
"""A model that a run logged. Source: MLflow 3, logged models."""
_RUN = pattern(
    r"(?:(?:runs:/|mlflow-artifacts:/|dbfs:/)\S*?|(?:\S*/)?ml(?:runs|artifacts)/\d+/)(?P<run>[0-9a-f]{32})(?:/\S*)?"
)
_UUID = pattern(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HUB_ADDRESS = pattern(
    r"(?:(?:https?|huggingface)://(?:www\.)?|(?:www\.)?|git@)(?:huggingface\.co|hf\.co|hf-mirror\.com|modelscope\.cn|modelscope\.ai)[/:](?:models/)?"
    r"(?P<name>[\w.\-]+?(?:/[\w.\-]+?)?)(?:\.git)?(?:[/?#]\S*|[,;.!]+)?|(?:hf|huggingface)://(?:models/)?(?P<short>[\w.\-]+/[\w.\-]+)(?:[/@]\S*)?"
)
_OWN_ADDRESS = pattern(r"(?:https?://[^/\s]+)?/(?:api/)?(?:v1/)?models/(?P<id>[0-9a-f]{8,64})/?(?:[?#]\S*)?")
_SIGNED = pattern(r"\?(?:versionId|X-Amz-|AWSAccessKeyId|response-|x-id|partNumber)[\w\-]*=\S*$")
"""Parameters of requests, where a key may hold a question mark itself. Source: Amazon S3, GetObject."""
_OF_FILES = pattern(r"file:(?://localhost)?(?=/[^/])")
"""Source: RFC 8089, the file URI scheme: without a host, or with that of the machine."""
_HADOOP = pattern(r"s3[an]://")
"""Source: Hadoop, hadoop-aws: the same buckets by the names of its connectors."""
_BACKSLASHED = pattern(r"[\w.\-]+(?:\\[\w.\-]+)+\\?")
_BELOW = pattern(r"(?P<folder>/?[\w.\-]+(?:/[\w.\-]+)*)/\*{1,2}")
_ENDING = pattern(r"\*\.(\w{1,20})|\.([A-Za-z]\w{1,19})")
_HEX = pattern(r"(?=[a-f]*\d)[0-9a-f]{8,64}|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7}|([0-9a-f])\1{7,63}")


def pasted(text: str, reading: Reading) -> Leaf | None:
    """What a word that is no word of a language asks for; None for other words."""
    text = _OF_FILES.sub("file://", text.rstrip("\N{HORIZONTAL ELLIPSIS}"))
    leaf = _addressed(text, reading) or _cached(text) or _versioned(text, reading) or _with_ending(text)
    return leaf or hashed(text, reading) or _placed(text, reading)


def _versioned(text: str, reading: Reading) -> Leaf | None:
    ending = _VERSION_ENDING.search(text)
    if (
        ending is not None
        and _PLAIN_NAME.fullmatch(name := text[: ending.start()])
        and any(map(str.isalpha, name))
    ):
        version = ending["version"]
        named = And((Match(name, ("name",)), Terms("version", (version, f"v{version}"))))
        return Leaf(
            node=Or((Match(text), named)), label=text, kind="text", explanation=f"also version {version}"
        )
    return registered(text, reading) if "models:/" in text or "@" in text else None


def _cached(text: str) -> Leaf | None:
    """A folder of the hub's cache: `models--google--gemma-2-2b`."""
    cached = _CACHED.search(text)
    owner, dashes, name = cached["name"].partition("--") if cached is not None else ("", "", "")
    named = _hub_name(f"{owner}/{name}") if dashes else None
    return replace(named, label=text) if named is not None else None


def tagged(text: str) -> Leaf | None:
    """`llama3.1:8b`, `mistral:7b-q4_K_M`: words of the name and what of it is meant."""
    match = _TAGGED.fullmatch(text)
    if match is None or not any(map(str.isalpha, match["name"])):
        return None
    hub = _HUB_ADDRESS.fullmatch(match["name"])
    named = _hub_name(hub["name"] or hub["short"]) if hub is not None else None
    if named is not None:
        return replace(named, label=text, kind="text")
    words = (Match(match["name"]), Match(match["tag"]))
    return Leaf(node=And(words), label=text, kind="text", explanation="a name with its size or kind")


def _with_ending(text: str) -> Leaf | None:
    """`*.gguf`: models of which a file is called so."""
    ending = _ENDING.fullmatch(text)
    if ending is None:
        return None
    name = ending[1] or ending[2]
    return Leaf(
        node=Match(name, ("file_names",)),
        label=f"{name_of('file_names')}:{name}",
        explanation=f"a file {text}",
    )


def _addressed(text: str, reading: Reading) -> Leaf | None:
    """A page of a hub or of this catalog, a run of a tracker, any other address."""
    own = _OWN_ADDRESS.fullmatch(text)
    if own is not None:
        page = Leaf(
            node=Prefix("id", own["id"]),
            label=f"{name_of('id')}:{own['id']}*",
            explanation="the model of this page",
        )
        return moved_id(own["id"], reading) or page
    hub = _HUB_ADDRESS.fullmatch(text)
    if hub is not None:
        name = hub["name"] or hub["short"]
        return replace(
            _hub_name(name) or Leaf(node=Match(name), label=""),
            label=text,
            explanation=f"the model {name} of a hub",
        )
    run = _RUN.fullmatch(text)
    if run is not None:
        return _of_run(text, run["run"], reading)
    logged = _LOGGED.fullmatch(text)
    if logged is not None:
        return Leaf(node=Match(logged[1]), label=text, explanation="a model that a run logged")
    return _stored_at(text)


def _of_run(text: str, run: str, reading: Reading) -> Leaf:
    """What a run logged. Its folder is also a place, whether or not the models there say which run it was."""
    logged = Leaf(node=Prefix("run_id", run), label=text, explanation="the run that logged it")
    place = _stored_at(text) or _placed(text, reading)
    both = any_of([logged] if place is None else [logged, place])
    assert both is not None  # there is a run
    return replace(both, label=text, loose="")


def _stored_at(text: str) -> Leaf | None:
    """An address: what is stored there and below it."""
    if not _ADDRESS.fullmatch(text):
        return None
    typed = _HADOOP.sub("s3://", _SIGNED.sub("", text.rstrip("*,;")))
    typed = _HTTP_BUCKET.sub(lambda match: f"s3://{match['first'] or match['second']}", typed)
    place = typed.rstrip("/") or typed
    below = (Term("uri", place), Prefix("uri", f"{place}/")) if typed != place else (Prefix("uri", place),)
    nodes: list[Query] = [*below, *_of_file(place, "uri")]
    node = nodes[0] if len(nodes) == 1 else Or(tuple(nodes))
    return Leaf(node=node, label=typed, explanation="where it is stored begins with this")


def _placed(text: str, reading: Reading) -> Leaf | None:
    """A path: absolute, or of a folder or file with one above it."""
    below = _BELOW.fullmatch(text)
    if below is not None:
        place = replace(read_place(below["folder"]), label=f"path:{below['folder']}")
        if "/" in below["folder"]:
            return place
        clauses = place.node.clauses if isinstance(place.node, Or) else (place.node,)
        return replace(place, node=Or((*clauses, Term("owner", below["folder"]))), label=text)  # mistralai/*
    if _PLACE.fullmatch(text):
        place = read_place(text)
        files = (*_of_file(text.lstrip("/"), "path"), *_of_file(f"file://{text}", "uri"))
        if not files:
            return place
        clauses = place.node.clauses if isinstance(place.node, Or) else (place.node,)
        return Leaf(
            node=Or((*clauses, *files)),
            label=text,
            explanation="this place, all below it, the model of this file",
        )
    leading = _LEADING.match(text)
    rest = text[leading.end() :].replace("\\", "/") if leading else text
    if _BACKSLASHED.fullmatch(rest):
        rest = rest.replace("\\", "/")
    if not _HUB_NAME.fullmatch(rest):
        return None
    named = _hub_name(rest, owned=True)
    if named is None:
        return None
    more = [
        *_below_sources(rest.strip("/"), reading),
        *_beside(rest.strip("/")),
        *_version_of(rest.strip("/")),
    ]
    node = (
        Or((*(named.node.clauses if isinstance(named.node, Or) else (named.node,)), *more))
        if more
        else named.node
    )
    return replace(named, node=node, label=text)


def last_name(text: str) -> str:
    """What a pasted name or place ends with: the model of a hub without its owner, a file or folder without those above."""
    hub = _HUB_ADDRESS.fullmatch(text)
    named = (hub["name"] or hub["short"]) if hub is not None else text
    return named.rstrip("/").replace("\\", "/").rpartition("/")[2]


def _hub_name(text: str, *, owned: bool = False) -> Leaf | None:
    """The model of that name with its owner or folder before it; `owned` also one whose owner is known by another word."""
    last = text.rstrip("/").rpartition("/")[2]
    if "/" not in text.strip("/") or not any(letter.isalnum() for letter in last):
        return None
    whole = Phrase(text.strip("/"))
    nodes: list[Query] = [whole, And((whole, Phrase(last, ("name",))))]
    owner, _, rest = text.strip("/").partition("/")
    if owned and rest == last:
        nodes.append(And((Term("owner", owner), Phrase(last, ("name",)))))
    node = Or(tuple(nodes))
    return Leaf(node=node, label=text, kind="text", explanation="a name with its owner or folder")


def _of_file(place: str, field: str) -> Iterator[Query]:
    """The model in whose folder this file is: documents have the folder as their place."""
    folder, _, name = place.rpartition("/")
    if folder and _FILE.fullmatch(name):
        yield Term(field, folder)


def _version_of(text: str) -> Iterator[Query]:
    """`churn/2`: a version of the model of that name."""
    name, _, version = text.rpartition("/")
    if _VERSION.fullmatch(version) and any(letter.isalnum() for letter in name):
        bare = version.removeprefix("v")
        yield And((Match(name, ("name",)), Terms("version", (bare, f"v{bare}"))))


_VERSION = pattern(r"v?\d{1,6}(?:\.\d{1,6}){0,3}")


def _beside(text: str) -> Iterator[Query]:
    """The model of a file that is named with its folder: `sentiment-bert/model.safetensors`."""
    folder, _, name = text.rpartition("/")
    if _FILE.fullmatch(name) and any(letter.isalnum() for letter in folder):
        yield And((Phrase(folder), Phrase(name, ("file_names",))))


def _below_sources(text: str, reading: Reading) -> Iterator[Query]:
    """The place, where its first folders are the last ones of a source: `examples/bert` below file:///srv/examples."""
    sources = reading.vocabulary.values.get("source", {}) if reading.vocabulary is not None else {}
    parts = text.split("/")
    for source in sources:
        root = source.rstrip("/")
        for count in range(len(parts) - 1, 0, -1):
            if root.endswith("/" + "/".join(parts[:count])):
                place = f"{root}/{'/'.join(parts[count:])}"
                yield from (Term("uri", place), Prefix("uri", f"{place}/"), *_of_file(place, "uri"))
                break


def registered(text: str, reading: Reading) -> Leaf | None:
    """`models:/name/2`, `models:/name@alias`, `name:v2` and `name@v2`: a version of the model that is, or was also, registered
    under that name. An alias that no model of the catalog has is left out.
    """
    match = _REGISTERED.fullmatch(text) or _VERSIONED.fullmatch(text)
    if match is None:
        return None
    name, parts = match["name"], match.groupdict()
    named = Match(name, ("name",))
    version = (parts["version"] or "").removeprefix("v")
    if version == "latest":
        node = And((named, Term("flags", version)))
        return Leaf(node=node, label=text, explanation=f"the latest of {name}")
    stage = parts.get("stage") or ""
    if stage:
        is_known = _is_known(stage.casefold(), reading, ("stage",))
        staged: Query = And((named, Term("stage", stage.casefold()))) if is_known else named
        return Leaf(node=staged, label=text, explanation=f"{stage} of {name}")
    alias = parts.get("alias") or ""
    if alias and _is_known(alias, reading):
        both: Query = And((named, Or((Term("aliases", alias), Term("tags", alias)))))
        return Leaf(
            node=Or((both, _also_registered(f"{name}@{alias}"))),
            label=text,
            explanation=f"{alias} of {name}",
        )
    if not version or not version[0].isdigit():
        return Leaf(node=named, label=text, explanation=f"the model {name}")
    both = And((named, Terms("version", (version, f"v{version}"))))
    if text.startswith("models:/"):
        both = Or((both, _also_registered(f"{name} {version}")))
    return Leaf(node=both, label=text, explanation=f"version {version} of {name}")


def _is_known(alias: str, reading: Reading, names: tuple[str, ...] = ("aliases", "tags")) -> bool:
    """Whether a model of the catalog is called so."""
    values = {} if reading.vocabulary is None else reading.vocabulary.values
    return any(alias in values.get(field, {}) for field in names)


def _also_registered(called: str) -> Query:
    """Whatever the model is called now: a registry's file keeps each name with its version or alias."""
    return Term(f"extra.{stored_slug(f'registered {called}')}", called)


def hashed(text: str, reading: Reading) -> Leaf | None:
    """The beginning of an id or a hash that a model of the catalog has."""
    digest = _DIGEST.fullmatch(text)
    begun = (digest["digest"] if digest is not None else text).casefold()
    if _UUID.fullmatch(begun):
        begun = begun.replace("-", "")  # a run, as other tools write its id
    if reading.vocabulary is None or not _HEX.fullmatch(begun):
        return None
    known = reading.vocabulary.fields_beginning(begun)
    moved = moved_id(begun, reading) if not known or "id" in known else None
    leaves = [
        Leaf(node=Prefix(name, begun), label=f"{name_of(name)}:{begun}*")
        for name in known
        if name != "id" or moved is None
    ]
    return any_of(leaves if moved is None else [moved, *leaves])
