"""what a year made slow: counting what asks a person, and finding a post by its place"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    asking = sa.text("state IN ('held', 'unknown')")
    op.create_index(
        "ix_deliveries_asking",
        "deliveries",
        ["state", "message_id"],
        sqlite_where=asking,
        postgresql_where=asking,
    )
    op.create_index("ix_posts_place", "posts", ["chat_id", "telegram_id"])
