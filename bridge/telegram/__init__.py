"""Telegram: receive without loss, know who asks, hand over to the services, show what became of it."""
