"""Fusion: several evidences in, one out; it knows no modality by name but in the paper's rule."""

from mien.fusion.rules import RULES, fuse

__all__ = ["RULES", "fuse"]
