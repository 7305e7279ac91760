"""bridge: the pager for teams that live in Telegram."""

__version__ = "0.1.0"
