"""Many recordings in one command: ``mien batch``.

``inputs`` finds the clips, ``one`` analyses one of them, ``engines`` names what runs many: ``pool``
in worker processes, ``ray_pool`` on Ray. ``state`` keeps what is finished, ``table`` and ``page``
write the results, ``store`` and ``stored`` serve paths of fsspec, and ``run`` is the sequence.
"""
