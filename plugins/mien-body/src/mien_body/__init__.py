"""Body signals for mien: heart, skin conductance and respiration of a recording.

The package is a plug-in: ``mien`` finds :class:`mien_body.branch.BodyBranch` and
:class:`mien_body.options.BodyOptions` by their entry points. ``docs/body.md`` of mien describes it.
"""

__version__ = "0.1.0"
