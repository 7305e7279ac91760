"""Telegram's Bot API and the SMS gateway on loopback, for the demo and the tests. Shares no code with the service."""
