"""Tables to numbers: a measure takes tables and a moment, and returns a table."""
