"""Sensitive values apart from documents, sealed; whoever manages the catalog may read them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MANAGE, DISCLOSE = "catalog:manage", "models:read-sensitive"
grants = sa.table("grants", *map(sa.column, ("id", "effect", "actions")))


def upgrade() -> None:
    for table in ("records", "revisions"):
        op.add_column(table, sa.Column("sealed", sa.LargeBinary(), nullable=True))
        op.add_column(table, sa.Column("sealed_sha256", sa.String(64), nullable=False, server_default=""))
    op.add_column("consumers", sa.Column("anew", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("sources", sa.Column("sealing", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "sealed_terms",
        sa.Column("token", sa.LargeBinary(), primary_key=True),
        sa.Column("model", sa.String(64), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("sealed_terms_by_model", "sealed_terms", ["model"])
    connection = op.get_bind()
    for row in list(connection.execute(sa.select(grants).where(grants.c.effect == "allow"))):
        actions = set(row.actions.split(","))
        if MANAGE in actions:
            written = ",".join(sorted({*actions, DISCLOSE}))
            connection.execute(sa.update(grants).where(grants.c.id == row.id).values(actions=written))


def downgrade() -> None:
    op.drop_table("sealed_terms")
    op.drop_column("sources", "sealing")
    op.drop_column("consumers", "anew")
    for table in ("revisions", "records"):
        op.drop_column(table, "sealed_sha256")
        op.drop_column(table, "sealed")
