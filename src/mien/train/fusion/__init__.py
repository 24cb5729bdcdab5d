"""Training of the fusion pool; no torch."""
