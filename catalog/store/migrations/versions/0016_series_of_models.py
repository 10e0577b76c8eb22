"""Live models of one name are a series: records know their place in it, and whether no other stands before them."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from catalog.records.series import place_in_series

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

PAGE = 1_000

records = sa.table("records", *map(sa.column, ("id", "name", "state", "document", "series_place", "latest")))


def upgrade() -> None:
    """The places come out of the documents; where one cannot be read, the next crawl tells."""
    op.add_column("records", sa.Column("series_place", sa.Text(), nullable=False, server_default=""))
    op.add_column("records", sa.Column("latest", sa.Integer(), nullable=False, server_default="0"))
    connection = op.get_bind()
    after = ""
    while True:
        chosen = sa.select(records.c.id, records.c.document).where(records.c.id > after)
        rows = list(connection.execute(chosen.order_by(records.c.id).limit(PAGE)))
        for row in rows:
            connection.execute(
                sa.update(records).where(records.c.id == row.id).values(series_place=_place(row.document))
            )
        if len(rows) < PAGE:
            break
        after = rows[-1].id
    top = (
        sa.select(records.c.name, sa.func.max(records.c.series_place).label("place"))
        .where(records.c.state == "live")
        .group_by(records.c.name)
        .subquery()
    )
    first = sa.exists().where((top.c.name == records.c.name) & (top.c.place == records.c.series_place))
    connection.execute(sa.update(records).where((records.c.state == "live") & first).values(latest=1))


def _place(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    return place_in_series(document) if isinstance(document, dict) else ""


def downgrade() -> None:
    op.drop_column("records", "latest")
    op.drop_column("records", "series_place")
