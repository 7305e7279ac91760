"""What bridge decides: pure functions and frozen records. No IO, no clock, no framework."""
