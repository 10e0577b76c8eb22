"""The tables of the store, the same on SQLite and PostgreSQL.

Keys of objects are bytes (`os.fsencode`), because a file name need not be text; digests are bytes, too (`digests`). Instants are ISO 8601 text in UTC with
microseconds, so that they compare alike on both databases. Large JSON travels compressed (see `codec`).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from catalog.store.audit_keys import KEY_CHARACTERS, KEYS
from catalog.store.digests import Digest, RawTie

metadata = MetaData()

# SQLite counts up only columns of exactly type INTEGER.
SerialId = BigInteger().with_variant(Integer, "sqlite")

sources = Table(
    "sources",
    metadata,
    Column("id", Text, primary_key=True),
    Column("uri", Text, nullable=False),
    Column("added_at", String(32), nullable=False),
    # What the records were made with. Empty: the manifest holds something that they do not show yet.
    Column("recipe", Text, nullable=False),
    # What the rows of its split were made with, those that are due aside. Empty: there are none, or not all of them, or the
    # records may be behind in more than what is due.
    Column("split", Text, nullable=False, server_default=""),
    Column("name", Text),
    # Null: the uri.
    Column("address", Text),
    Column("options", Text, nullable=False, server_default="{}"),
    Column("state", String(8), nullable=False, server_default="active"),
    Column("updated_at", String(32)),
    # When a person asked for a crawl that no run has begun yet.
    Column("asked_at", String(32)),
    # Where its storage answered the last time, for those whose address does not say it.
    Column("endpoint", Text),
    # Which fields are sealed in all that is stored of it, and the key (`catalog.store.resealing`). Empty: none.
    Column("sealing", Text, nullable=False, server_default=""),
    Index("sources_by_name", "name", unique=True),
)

runs = Table(
    "runs",
    metadata,
    Column("id", SerialId, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("started_at", String(32), nullable=False),
    Column("finished_at", String(32)),
    Column("state", String(16), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("counts", Text, nullable=False),
    Column("problems", Text, nullable=False),
    Column("listed_to", LargeBinary),
    Index("runs_by_source", "source", "id"),
    Index("runs_by_state", "state"),
)

scopes = Table(
    "scopes",
    metadata,
    Column("run", BigInteger, primary_key=True),
    Column("scope", LargeBinary, primary_key=True),
    Column("error", Text, nullable=False),
)

LIVE_AND_READ = "state = 'live' AND reading IN ('read', 'failed')"
"""As text: an index of a part of the rows is taken only where these values stand in the statement."""

NOT_MADE = "length(signature) = 0"
"""The models of which no record could be made but of their outlines: none, as a rule, for which there is an index."""

SHOWN_ID = {"sqlite": "lower(hex(id))", "postgresql": "encode(id, 'hex')"}
"""How views show ids on each database (`catalog.store.sql_views`): without an index each model would be looked at where one is
asked for, and on SQLite compared with each other where two views are joined."""

UNREAD = "reading IN ('failed', 'retry')"
"""The objects that could not be read: the few for which there is an index."""

objects = Table(
    "objects",
    metadata,
    Column("source", Text, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("change_token", Text, nullable=False),
    Column("last_modified", String(32)),
    Column("version_id", Text),
    Column("storage_class", Text),
    Column("file_identity", Text),
    Column("sha256", Digest),
    Column("owner", Text),
    Column("state", String(8), nullable=False),
    Column("missing_since", String(32)),
    Column("reading", String(12), nullable=False),
    Column("signature", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("outline", LargeBinary),
    Index(
        "objects_unread",
        "source",
        "key",
        sqlite_where=text(UNREAD),
    ),
    Index("objects_by_identity", "file_identity"),
    Index(
        "objects_by_sha256",
        "sha256",
        sqlite_where=text("sha256 IS NOT NULL"),
    ),
    Index(
        "objects_by_signature",
        "source",
        "signature",
        sqlite_where=text(LIVE_AND_READ),
    ),
)

# What a source is split into neighbourhoods by (`catalog.store.split`): its directories, ...
split_directories = Table(
    "split_directories",
    metadata,
    Column("source", Text, primary_key=True),
    Column("directory", LargeBinary, primary_key=True),
    # Files that say something about models: directly in it, and below its sub-directories.
    Column("files", BigInteger, nullable=False),
    Column("files_below", BigInteger, nullable=False),
    Column("models_below", BigInteger, nullable=False),
    # JSON (`catalog.store.split`).
    Column("facts", Text, nullable=False),
    # Names of those that lie directly in it, a / between two. Null: to be looked up, where they ever count.
    Column("names", LargeBinary),
    sqlite_with_rowid=False,
)

# ... the names by which their files find files of others, or are found by those, ...
split_ties = Table(
    "split_ties",
    metadata,
    Column("source", Text, primary_key=True),
    Column("directory", LargeBinary, primary_key=True),
    Column("tie", RawTie, primary_key=True),
    # 1: a file here names it, or has it in common with others; 0: a file here is what it names.
    Column("is_named", Integer, primary_key=True, autoincrement=False),
    # The directory that it names, which need not be there.
    Column("target", LargeBinary),
    Index("split_ties_by_tie", "source", "tie"),
    Index(
        "split_ties_by_target",
        "source",
        "target",
        sqlite_where=text("target IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

# ... and what the records do not show yet: objects that changed, or the directories around them (with a / at the end).
split_due = Table(
    "split_due",
    metadata,
    Column("source", Text, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    # By which it was found before, and is not any more; empty for the object itself.
    Column("tie", LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)

extractions = Table(
    "extractions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

records = Table(
    "records",
    metadata,
    Column("id", Digest, primary_key=True),
    Column("source", Text, nullable=False),
    Column("group_key", LargeBinary, nullable=False),
    Column("state", String(8), nullable=False),
    Column("name", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("sha256", Digest, nullable=False),
    # Of the newest revision (`catalog.store.chain`).
    Column("chain_sha256", Digest, nullable=False),
    Column("signature", Digest, nullable=False),
    Column("fingerprint", Digest),
    Column("tensors", Digest),
    Column("identity", Digest),
    Column("risks", Integer, nullable=False),
    Column("incomplete", Integer, nullable=False, server_default="0"),
    # Its place among the live models of its name, and whether none stands behind it (`catalog.store.series`).
    Column("series_place", Text, nullable=False, server_default=""),
    Column("latest", Integer, nullable=False, server_default="0"),
    Column("first_seen", String(32), nullable=False),
    # Null: seen in the latest finished run of its source. Set when a run could not see it.
    Column("last_seen", String(32)),
    Column("missing_since", String(32)),
    Column("missing_run", BigInteger),
    Column("moved_to", Digest),
    # Packed (`catalog.store.stored_records`).
    Column("record", LargeBinary, nullable=False),
    # What views show of the document of the newest revision, as JSON (`catalog.store.view_values`). No reader but they.
    Column("view_values", Text, nullable=False),
    # What its files are beside each other, as JSON (`catalog.store.members`). Null: the next crawl finds it out.
    Column("grouping", Text),
    # The sensitive values that the document lacks, and what the history is bound to them by (`catalog.store.sealing`).
    Column("sealed", LargeBinary),
    Column("sealed_sha256", Digest, nullable=False),
    Index("records_by_source", "source", "state"),
    Index("records_by_fingerprint", "fingerprint"),
    Index("records_by_tensors", "tensors"),
    Index("records_by_name", "name"),
    Index("records_not_made", "source", sqlite_where=text(NOT_MADE)),
    *(Index("records_by_shown_id", text(words)).ddl_if(dialect=name) for name, words in SHOWN_ID.items()),
)

record_files = Table(
    "record_files",
    metadata,
    Column("model", Digest, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    # Empty: the file speaks of the model alone.
    Column("subject", Text, primary_key=True),
    Column("source", Text, nullable=False),
    # Null: bytes that another file names as its data, whatever they look like by themselves. `unread`: a file that is there, and
    # says nothing of the model.
    Column("role", String(12)),
    Column("distance", Integer, nullable=False),
    # What the name of another file of the same bytes promises. Null: the manifest's own, if it has any.
    Column("sha256", Digest),
    Index("record_files_by_key", "source", "key"),
    sqlite_with_rowid=False,
)

# By what models of one source are known in others (`catalog.records.ties`).
model_ties = Table(
    "model_ties",
    metadata,
    Column("model", Digest, primary_key=True),
    Column("tie", RawTie, primary_key=True),
    # 1: something here speaks of whatever has this tie; 0: the model has it; 2: what orphans were judged by, of a source.
    Column("is_named", Integer, primary_key=True, autoincrement=False),
    Index("model_ties_by_tie", "tie", "is_named"),
    sqlite_with_rowid=False,
)

# Which model speaks of which one of another source, as the records of both show it.
joins = Table(
    "joins",
    metadata,
    Column("borrower", Digest, primary_key=True),
    Column("lender", Digest, primary_key=True),
    Index("joins_by_lender", "lender"),
    sqlite_with_rowid=False,
)

# Models that came, left or changed since those of other sources were joined with them.
joins_due = Table(
    "joins_due",
    metadata,
    Column("model", Digest, primary_key=True),
    # A number of the last note that no other note of it has: what changes while it is settled is due again.
    Column("changes", BigInteger, nullable=False),
)

# Models that came, left or changed since the documents of their copies were written, by each print that they have or had.
copies_due = Table(
    "copies_due",
    metadata,
    Column("id", SerialId, primary_key=True, autoincrement=True),
    Column("print", Digest, nullable=False),
    Column("model", Digest, nullable=False),
)

revisions = Table(
    "revisions",
    metadata,
    Column("serial", SerialId, primary_key=True, autoincrement=True),
    Column("model", Digest, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("sha256", Digest, nullable=False),
    Column("parent_sha256", Digest),
    Column("made_by", String(16), nullable=False),
    Column("made_at", String(32), nullable=False),
    Column("document", LargeBinary, nullable=False),
    # Of the document as it is, where a secret was taken out of it later; the other hashes are of what was.
    Column("redacted_sha256", Digest),
    # Empty: nobody but a crawl was at it.
    Column("author", Text, nullable=False, server_default=""),
    # Which run, which batch of edits, which revision was restored.
    Column("cause", Text, nullable=False, server_default=""),
    # Over the other columns and the one before (`catalog.store.chain`).
    Column("chain_sha256", Digest, nullable=False),
    # As in `records`.
    Column("sealed", LargeBinary),
    Column("sealed_sha256", Digest, nullable=False),
    Index("revisions_by_model", "model", "number", unique=True),
)

# Keyed hashes of sensitive values, by which models are found that have a value, and no value is found.
sealed_terms = Table(
    "sealed_terms",
    metadata,
    Column("token", LargeBinary, primary_key=True),
    Column("model", Digest, primary_key=True),
    Index("sealed_terms_by_model", "model"),
    sqlite_with_rowid=False,
)

# Every edit that was made, oldest first: of one field the last counts, and a value of null gives the field back to the files.
edits = Table(
    "edits",
    metadata,
    Column("id", SerialId, primary_key=True, autoincrement=True),
    Column("model", Digest, nullable=False),
    Column("field", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", String(32), nullable=False),
    # set, merge or empty: what is done with the value.
    Column("kind", String(8), nullable=False, server_default="set"),
    # What was changed in one go, and can be undone so.
    Column("batch", String(32), nullable=False, server_default=""),
    # Kind and value of the edit that was in force before. Null: none was, or an earlier version wrote this row.
    Column("before", LargeBinary),
    # What files said then, as a list of one. Null: not known.
    Column("overrides", LargeBinary),
    Index("edits_by_model", "model"),
    Index("edits_by_batch", "batch"),
)

consumers = Table(
    "consumers",
    metadata,
    Column("name", String(64), primary_key=True),
    # The serial of the last revision that was taken up: whatever is newer waits.
    Column("position", BigInteger, nullable=False),
    # 1: it still holds in clear what is sealed by now, and must be made anew.
    Column("anew", Integer, nullable=False, server_default="0"),
    # Which index it is that gets everything, where each home has one of its own; empty where all share one.
    Column("place", String(64), nullable=False, server_default=""),
)

# What was taken up and is not settled: under way, put off, or refused for good.
deliveries = Table(
    "deliveries",
    metadata,
    Column("consumer", String(64), primary_key=True),
    Column("model", Digest, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("next_try", Float, nullable=False),
    # Null: nobody's. Another may take it when the claim has expired or its holder is dead.
    Column("claimed_by", Text),
    Column("claimed_until", Float),
    Index("deliveries_by_claim", "consumer", "state", "claimed_by", "next_try"),
)

webhooks = Table(
    "webhooks",
    metadata,
    # Its consumer is named `webhook:` and this.
    Column("name", String(55), primary_key=True),
    Column("url", Text, nullable=False),
    Column("query", Text, nullable=False),
    # Comma-separated; empty: all.
    Column("events", Text, nullable=False),
    # Where the secret stands, and never the secret.
    Column("secret", Text, nullable=False),
    Column("added_at", String(32), nullable=False),
    # The newest revision when it was added: what it is taken to know.
    Column("since_serial", BigInteger, nullable=False),
)

webhook_states = Table(
    "webhook_states",
    metadata,
    Column("webhook", String(55), primary_key=True),
    Column("model", Digest, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

event_hints = Table(
    "event_hints",
    metadata,
    Column("source", Text, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    # Seconds of the epoch: of the last event, and of the first that nobody has looked at.
    Column("noted_at", Float, nullable=False),
    Column("first_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try", Float, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires", Float, nullable=False),
)

# Searches that people keep. `query` holds URL parameters in their canonical order, as the schema version understood them.
saved_searches = Table(
    "saved_searches",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    # What the name comes down to on a command line; one owner's are all different.
    Column("slug", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("shared", Integer, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32), nullable=False),
    Index("saved_searches_by_slug", "owner", "slug", unique=True),
)

# What a reader saw of a saved search when they last said so.
saved_looks = Table(
    "saved_looks",
    metadata,
    Column("search", String(16), primary_key=True),
    Column("reader", Text, primary_key=True),
    Column("looked_at", String(32), nullable=False),
    Column("seen", LargeBinary, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    # The name as it is compared: nobody may look like somebody else by case alone.
    Column("folded", Text, nullable=False),
    # Null: signs in elsewhere, or by tokens alone. Else as argon2 writes it, with its parameters and salt.
    Column("password", Text),
    Column("disabled", Integer, nullable=False),
    Column("created_at", String(32), nullable=False),
    Index("users_by_name", "folded", unique=True),
)

grants = Table(
    "grants",
    metadata,
    Column("id", SerialId, primary_key=True, autoincrement=True),
    Column("user", String(16), nullable=False),
    Column("effect", String(8), nullable=False),
    Column("actions", Text, nullable=False),
    # A query text; empty: all models.
    Column("scope", Text, nullable=False),
    Column("label", Text, nullable=False),
    Index("grants_by_user", "user"),
)

sessions = Table(
    "sessions",
    metadata,
    # SHA-256 of what the browser holds.
    Column("digest", String(64), primary_key=True),
    Column("user", String(16), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Index("sessions_by_user", "user"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("user", String(16), nullable=False),
    Column("name", Text, nullable=False),
    # SHA-256 of the whole token, which is random: there is nothing to guess that a slow hash would protect.
    Column("digest", String(64), nullable=False),
    Column("actions", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("used_at", String(32)),
    Column("revoked_at", String(32)),
    Index("tokens_by_user", "user"),
)

# Who did what, each line with the hash of the one before. Nothing here is ever changed.
audit = Table(
    "audit",
    metadata,
    Column("serial", SerialId, primary_key=True, autoincrement=True),
    # Canonical JSON (RFC 8785), so that its hash can be told from what is written here alone.
    Column("line", Text, nullable=False),
    Column("parent_sha256", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    # What lines are found by (`catalog.store.audit_keys`); told from the line, so that no hash covers it.
    *(Column(name, String(KEY_CHARACTERS), nullable=False, server_default="") for name in KEYS.values()),
    *(Index(f"audit_by_{part}", name, "serial") for part, name in KEYS.items()),
)

# What a policy of retention said at one time of which models go. Nothing of it is changed but `state`.
retention_plans = Table(
    "retention_plans",
    metadata,
    Column("id", String(16), primary_key=True),
    # Canonical JSON: policy, moment, who made it, sums.
    Column("header", Text, nullable=False),
    # Over header, models and objects (`catalog.retention.plans`).
    Column("sha256", String(64), nullable=False),
    Column("made_at", String(32), nullable=False),
    Column("state", String(8), nullable=False),
    Column("updated_at", String(32), nullable=False),
)

retention_models = Table(
    "retention_models",
    metadata,
    Column("plan", String(16), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("model", Digest, nullable=False),
    Column("goes", Integer, nullable=False),
    # Canonical JSON: why, with what.
    Column("line", Text, nullable=False),
    Column("state", String(8), nullable=False),
    Column("note", Text, nullable=False),
    Index("retention_models_by_state", "plan", "goes", "number"),
)

# Each object of a plan, and how far it is: written before and after it is touched.
retention_objects = Table(
    "retention_objects",
    metadata,
    Column("plan", String(16), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("model", Digest, nullable=False),
    Column("source", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("line", Text, nullable=False),
    Column("state", String(8), nullable=False),
    # What tells the object in the trash from any other, as its storage says it; JSON.
    Column("evidence", Text, nullable=False),
    Index("retention_objects_by_model", "plan", "model"),
)

# Files that nobody finished writing, as they were seen the last time that somebody looked.
retention_unfinished = Table(
    "retention_unfinished",
    metadata,
    Column("source", Text, primary_key=True),
    # As it is shown: nothing is ever done with it.
    Column("key", Text, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("modified_at", String(32), nullable=False),
    Column("noted_at", String(32), nullable=False),
)

# Tables that models were trained on, as a Hive Metastore described them last.
data_tables = Table(
    "data_tables",
    metadata,
    Column("name", String(512), primary_key=True),
    # JSON of `catalog.records.data_tables.DataTable`.
    Column("facts", Text, nullable=False),
)


def narrow_on_postgresql() -> None:
    """Indexes of a part of their rows are so there, too. To say it where they stand would load that dialect, 20 ms of each
    command, also where the store is in SQLite.
    """
    for table in metadata.tables.values():
        for index in table.indexes:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
