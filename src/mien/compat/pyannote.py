"""``pyannote.core.Annotation``: who speaks when, in and out, and emotions as an annotation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.analysis.analysis import Analysis
from mien.errors import InputError, MissingExtraError, OptionError
from mien.files import replacing
from mien.report.export.speakers import turns_of
from mien.report.spans import spans
from mien.timebase import Segment
from mien.turns import Turn, joined_turns, rttm_text

if TYPE_CHECKING:
    from pyannote.core import Annotation

FUSED = "fused"


def speakers(analysis: Analysis) -> Annotation:
    """Who speaks when, as an annotation whose labels are the speakers.

    The turns that were given with ``--speakers``, else those of the words, else the speech turns
    under the label ``speech``.

    Raises:
        InputError: if nobody speaks.
        MissingExtraError: if pyannote.core is not installed.
    """
    rows = [(turn.segment, turn.speaker) for turn in turns_of(analysis)]
    return _annotation(Path(analysis.clip.name).stem, rows)


def emotions(analysis: Analysis, modality: str = FUSED) -> Annotation:
    """The labels of a modality over time; adjacent rows of one label are one segment.

    Args:
        analysis: of a recording.
        modality: ``fused`` or the name of a branch.

    Raises:
        OptionError: if there is no such modality.
        MissingExtraError: if pyannote.core is not installed.
    """
    known = {FUSED: analysis.fused, **analysis.by_branch}
    if modality not in known:
        raise OptionError.choice("A modality", modality, known)
    rows = [(span.segment, span.label) for span in spans(known[modality])]
    return _annotation(Path(analysis.clip.name).stem, rows)


def turns(annotation: Annotation) -> tuple[Turn, ...]:
    """The turns of an annotation whose labels are speakers, in time order.

    Labels that are no text are written out; those of one speaker that overlap are joined.

    Raises:
        InputError: if the annotation is empty.
    """
    found = joined_turns(
        Turn(Segment(max(0.0, float(segment.start)), float(segment.end)), str(label) or "_")
        for segment, _, label in annotation.itertracks(yield_label=True)
        if segment.end > max(0.0, segment.start)
    )
    if not found:
        raise InputError("The annotation has no segment; give one with turns of speakers.")
    return found


def save(annotation: Annotation, path: str | Path) -> Path:
    """Write an annotation as RTTM for ``SpeechOptions(speakers=path)``; an earlier one is replaced.

    Unlike ``Annotation.write_rttm`` it also writes names with blanks, as ``_``.

    Raises:
        InputError: if the annotation is empty.
        OutputError: if it cannot be written.
    """
    uri: Any = annotation.uri
    with replacing(Path(path)) as fresh:
        fresh.write_text(rttm_text({str(uri or "recording"): turns(annotation)}), encoding="utf-8")
    return Path(path)


def _annotation(uri: str, rows: list[tuple[Segment, str]]) -> Annotation:
    try:
        from pyannote.core import Annotation
        from pyannote.core import Segment as Stretch
    except ImportError:
        raise MissingExtraError("mien.compat.pyannote", "compat") from None
    found = Annotation(uri=uri)
    for number, (segment, label) in enumerate(rows):
        found[Stretch(segment.start, segment.end), number] = label
    return found
