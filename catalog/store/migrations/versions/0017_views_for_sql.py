"""Views for people who ask in SQL."""

from __future__ import annotations

from alembic import op

from catalog.store.sql_views import create_views, drop_views

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_views(op.get_bind(), of_bytes=False, text_column="document")


def downgrade() -> None:
    drop_views(op.get_bind())
