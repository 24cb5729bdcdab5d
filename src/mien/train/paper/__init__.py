"""The paper's own recipes, which write metrics and checkpoints instead of packs."""
