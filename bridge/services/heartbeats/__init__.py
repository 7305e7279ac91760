"""The dead man's switch, both ways."""
