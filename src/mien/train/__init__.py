"""Training of the packs: all but the fusion's need the extra ``train`` (torch)."""
