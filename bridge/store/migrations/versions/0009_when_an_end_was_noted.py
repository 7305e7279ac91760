"""when an end was noted, by our clock: the same firing that is told of long after that is none that is late"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert_ends", sa.Column("noted_at", sa.BigInteger(), nullable=True))
