"""Evaluate packs on labelled sets: the metrics of cards and tables."""

from mien.evaluate.judge import KINDS, evaluate, judge_set

__all__ = ["KINDS", "evaluate", "judge_set"]
