"""Who works when. A wake-up makes it prompt; the database makes it right."""
