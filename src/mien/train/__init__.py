"""Training of the embedded packs: needs the extra ``train`` (torch)."""
