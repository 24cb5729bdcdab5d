"""Many recordings in one command: ``mien batch``.

``inputs`` finds the clips, ``one`` analyses one of them, ``pool`` runs worker processes, ``state``
keeps what is finished, ``table`` and ``page`` write the results, and ``run`` is the sequence.
"""
