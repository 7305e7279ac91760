"""which process sends what"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "deliveries", sa.Column("claimed_by", sa.String(length=32), server_default=sa.text("''"), nullable=False)
    )
