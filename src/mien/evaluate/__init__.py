"""Judging labelled sets with a pack: the figures that cards and tables quote."""

from mien.evaluate.judge import KINDS, evaluate, judge_set

__all__ = ["KINDS", "evaluate", "judge_set"]
