"""Models are joined with those of other sources: the names by which they are known there, and what is to be settled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The next crawl of each source makes its records anew, and with them what is written here."""
    op.create_table(
        "model_ties",
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("tie", sa.LargeBinary(), primary_key=True),
        sa.Column("is_named", sa.Integer(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_index("model_ties_by_tie", "model_ties", ["tie", "is_named"])
    op.create_table(
        "joins",
        sa.Column("borrower", sa.String(64), primary_key=True),
        sa.Column("lender", sa.String(64), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("joins_by_lender", "joins", ["lender"])
    op.create_table(
        "joins_due",
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("changes", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    for table in ("joins_due", "joins", "model_ties"):
        op.drop_table(table)
