"""Lines of the audit are found by who did what with what, and how it ended: digests of these beside the line, which stays as it was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.store.audit_keys import KEY_CHARACTERS, KEYS, keys_of

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

PAGE = 1_000

audit = sa.table("audit", sa.column("serial"), sa.column("line"), *map(sa.column, KEYS.values()))


def upgrade() -> None:
    for name in KEYS.values():
        op.add_column("audit", sa.Column(name, sa.String(KEY_CHARACTERS), nullable=False, server_default=""))
    connection = op.get_bind()
    filled = (
        sa.update(audit)
        .where(audit.c.serial == sa.bindparam("of"))
        .values({name: sa.bindparam(f"new_{name}") for name in KEYS.values()})
    )
    after = -1
    while True:
        chosen = sa.select(audit.c.serial, audit.c.line).where(audit.c.serial > after)
        rows = list(connection.execute(chosen.order_by(audit.c.serial).limit(PAGE)))
        if rows:
            known = [{"of": row.serial, **_named(keys_of(row.line))} for row in rows]
            connection.execute(filled, known)
        if len(rows) < PAGE:
            break
        after = rows[-1].serial
    for part, name in KEYS.items():
        op.create_index(f"audit_by_{part}", "audit", [name, "serial"])


def _named(keys: dict[str, str]) -> dict[str, str]:
    return {f"new_{name}": key for name, key in keys.items()}


def downgrade() -> None:
    for part, name in KEYS.items():
        op.drop_index(f"audit_by_{part}", table_name="audit")
        op.drop_column("audit", name)
