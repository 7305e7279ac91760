"""Who is on call: the file in force, calendars, overrides, hand-overs."""
