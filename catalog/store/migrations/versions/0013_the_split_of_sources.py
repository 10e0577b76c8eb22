"""What a source was split into, so that a file that comes or goes costs its neighbourhood. The next crawl fills it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("split", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "objects_by_sha256",
        "objects",
        ["sha256"],
        sqlite_where=sa.text("sha256 IS NOT NULL"),
        postgresql_where=sa.text("sha256 IS NOT NULL"),
    )
    op.create_table(
        "split_directories",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("directory", sa.LargeBinary(), primary_key=True),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("files_below", sa.BigInteger(), nullable=False),
        sa.Column("models_below", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("names", sa.LargeBinary(), nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "split_ties",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("directory", sa.LargeBinary(), primary_key=True),
        sa.Column("tie", sa.LargeBinary(), primary_key=True),
        sa.Column("is_named", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("target", sa.LargeBinary(), nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index("split_ties_by_tie", "split_ties", ["source", "tie"])
    op.create_index(
        "split_ties_by_target",
        "split_ties",
        ["source", "target"],
        sqlite_where=sa.text("target IS NOT NULL"),
        postgresql_where=sa.text("target IS NOT NULL"),
    )
    op.create_table(
        "split_due",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("key", sa.LargeBinary(), primary_key=True),
        sa.Column("tie", sa.LargeBinary(), primary_key=True),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("split_due")
    op.drop_index("split_ties_by_target", table_name="split_ties")
    op.drop_index("split_ties_by_tie", table_name="split_ties")
    op.drop_table("split_ties")
    op.drop_table("split_directories")
    op.drop_index("objects_by_sha256", table_name="objects")
    op.drop_column("sources", "split")
