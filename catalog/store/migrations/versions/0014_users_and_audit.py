"""Users with what is granted to them, their sessions and tokens, and the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=16), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("password", sa.Text()),
        sa.Column("disabled", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
    )
    op.create_index("users_by_name", "users", ["folded"], unique=True)
    op.create_table(
        "grants",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("user", sa.String(length=16), nullable=False),
        sa.Column("effect", sa.String(length=8), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
    )
    op.create_index("grants_by_user", "grants", ["user"])
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(length=64), primary_key=True),
        sa.Column("user", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
    )
    op.create_index("sessions_by_user", "sessions", ["user"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=16), primary_key=True),
        sa.Column("user", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.Column("used_at", sa.String(length=32)),
        sa.Column("revoked_at", sa.String(length=32)),
    )
    op.create_index("tokens_by_user", "tokens", ["user"])
    op.create_table(
        "audit",
        sa.Column("serial", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("parent_sha256", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
    )


def downgrade() -> None:
    for table in ("audit", "tokens", "sessions", "grants", "users"):
        op.drop_table(table)
