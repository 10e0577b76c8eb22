"""What was read by one extractor is had without reading all rows of a source: each event asks for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

CHOSEN = sa.text("state = 'live' AND reading IN ('read', 'failed')")


def upgrade() -> None:
    """Files that no extractor took are most of a bucket, and not in it."""
    op.create_index(
        "objects_by_signature",
        "objects",
        ["source", "signature"],
        sqlite_where=CHOSEN,
        postgresql_where=CHOSEN,
    )


def downgrade() -> None:
    op.drop_index("objects_by_signature", "objects")
