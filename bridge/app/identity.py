"""Names that tell one process, and one thing, from all others."""

import os
import socket
import uuid


def new_id() -> str:
    """An id that nobody has."""
    return uuid.uuid4().hex


def process_name() -> str:
    """What people find this process by."""
    return f"{os.getpid()}@{socket.gethostname()}"
