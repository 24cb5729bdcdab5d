"""The paper's own recipes, which leave figures and checkpoints rather than packs."""
