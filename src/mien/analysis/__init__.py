"""What mien answers: evidence, what is derived from it, and how it is cut, joined and written."""
