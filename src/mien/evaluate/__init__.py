"""Evaluate packs on labelled sets: the metrics of cards and tables."""

from mien.evaluate.judge import KINDS, evaluate

__all__ = ["KINDS", "evaluate"]
