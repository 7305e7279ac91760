"""Reading TOML that people write: every problem is named with its line. Which tables there are, others know."""
