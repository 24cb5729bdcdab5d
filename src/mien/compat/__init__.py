"""Bridges: what mien finds in the shapes of other libraries, and theirs as input of mien.

One module a library; each imports that library when it is needed, not before:

* :mod:`mien.compat.deepface`: faces as ``DeepFace.analyze`` gives them,
* :mod:`mien.compat.pyfeat`: faces as a table with the columns of py-feat's ``Fex``,
* :mod:`mien.compat.whisper`: the JSON of Whisper with the emotion in each segment,
* :mod:`mien.compat.pyannote`: ``pyannote.core.Annotation`` and RTTM,
* :mod:`mien.compat.audformat`: ``audformat.Database``.

``docs/compat.md`` shows each of them.
"""
