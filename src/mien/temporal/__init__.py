"""Answers over time: smoothing, and the events that it shows."""
