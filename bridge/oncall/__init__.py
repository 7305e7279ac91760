"""Who is on call: the on-call file, rotations, calendars, quiet hours, routes. Pure: times and texts are handed in."""
