"""Conversion of checkpoints into packs, for hub ids at inference and for the trainers."""
