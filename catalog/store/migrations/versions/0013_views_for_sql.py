"""Views for people who ask in SQL."""

from __future__ import annotations

from alembic import op

from catalog.store.sql_views import create_views, drop_views

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_views(op.get_bind())


def downgrade() -> None:
    drop_views(op.get_bind())
