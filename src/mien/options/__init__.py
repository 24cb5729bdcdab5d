"""The options of an analysis: nested, typed, checked when they are made.

:class:`Options` holds one group a room (media, segmentation, speech, faces, fusion) and, by branch,
what its factory is given. Options are values: equal options compare equal, can be keys of a
mapping, can be pickled, and go to plain values and back (``to_dict``, ``from_dict``). Nothing here
imports numpy or opens a file; whether a pack or a recording can be used is found out where it is
used, before any work is done. ``docs/options.md`` is made from the declarations
(``scripts/options_page.py``).
"""

from mien.options.group import Group, option
from mien.options.groups import (
    DECODING,
    POOLED,
    RULES,
    SPEAKERS,
    FaceOptions,
    FusionOptions,
    MediaOptions,
    SegmentationOptions,
    SpeechOptions,
    check_engine,
)
from mien.options.options import Described, Options, described, group_types
from mien.options.plugins import check_several, plugin_groups, read_with
from mien.options.recorded import differing

__all__ = [
    "DECODING",
    "POOLED",
    "RULES",
    "SPEAKERS",
    "Described",
    "FaceOptions",
    "FusionOptions",
    "Group",
    "MediaOptions",
    "Options",
    "SegmentationOptions",
    "SpeechOptions",
    "check_engine",
    "check_several",
    "described",
    "differing",
    "group_types",
    "option",
    "plugin_groups",
    "read_with",
]
