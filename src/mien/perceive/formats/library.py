"""What libraries read: SubStation, MicroDVD, MPL2, TMP by pysubs2, TextGrid and ELAN by pympi."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from mien.errors import MissingExtraError
from mien.media.markup import without_markup, without_overrides
from mien.perceive.formats.cue import Cue, CueFile, Spoken, UnreadableError, lines_of, reason

LONGEST_ROW = 2_000
MOST_CHARACTERS = 2_000_000
"""Of the formats whose patterns in pysubs2 take time that grows with the square of a row."""

_NAMES = {"ass": "ASS", "ssa": "SSA", "microdvd": "MicroDVD", "mpl2": "MPL2", "tmp": "TMP"}
_NOT_SPOKEN = re.compile(
    r"phon|syll|pos\b|pitch|tone|break|gesture|gaze|lemma|gloss|translation|comment|note|sound"
    r"|emotion|voice|face|fused",
    re.IGNORECASE,
)


def read_by_pysubs2(text: str, kind: str) -> CueFile:
    """The cues of a subtitle format.

    Args:
        text: the file.
        kind: pysubs2's name of the format.

    Raises:
        UnreadableError: if it cannot be read, or is too large to be read in reasonable time.
    """
    import pysubs2

    name = _NAMES[kind]
    if kind in {"microdvd", "mpl2", "tmp"}:
        longest = max(map(len, text.split("\n")))
        if longest > LONGEST_ROW or len(text) > MOST_CHARACTERS:
            raise UnreadableError(
                f"{name} with a row of {longest} among {len(text)} characters (mien reads "
                f"{LONGEST_ROW} and {MOST_CHARACTERS})"
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            events = pysubs2.SSAFile.from_string(text.lstrip("\ufeff"), format_=kind)
    except pysubs2.UnknownFPSError:
        raise UnreadableError(
            "MicroDVD without its pictures per second (write them as the first row: {1}{1}25)"
        ) from None
    except (pysubs2.Pysubs2Error, ValueError, TypeError, OverflowError) as error:
        raise UnreadableError(f"{name} that is damaged ({reason(error)})") from None
    return CueFile(
        name,
        tuple(
            Cue(
                event.start / 1000,
                event.end / 1000,
                without_markup(without_overrides(event.text)),
                " ".join(event.name.split()) or None,
            )
            for event in events
            if event.type == "Dialogue"
        ),
    )


def read_tiers(path: Path, kind: str) -> CueFile:
    """The spoken tier, or tiers, of a TextGrid or an ELAN file, read by pympi.

    A tier of single words becomes lines. Tiers of phones, gestures and the like are no words.

    Raises:
        MissingExtraError: if pympi is not installed.
        UnreadableError: if it is damaged, or which tiers hold the words cannot be told.
    """
    try:
        import pympi
    except ImportError:
        raise MissingExtraError(f"Reading {kind}", "export") from None
    try:
        tiers = _textgrid(pympi, path) if kind == "TextGrid" else _elan(pympi, path)
    except Exception as error:
        raise UnreadableError(f"{kind} that is damaged ({type(error).__name__})") from None
    chosen = _spoken(tiers, kind)
    several = len(chosen) > 1
    cues: list[Cue] = []
    for name, found in chosen.items():
        who = _speaker(name) if several else None
        if found and sum(" " in text.strip() for _, _, text in found) * 10 < len(found):
            words = [Spoken(text, start, end, 1.0, who) for start, end, text in found]
            cues += lines_of(words)
        else:
            cues += [Cue(start, end, text, who) for start, end, text in found]
    return CueFile(kind, tuple(cues))


Tiers = dict[str, list[tuple[float, float, str]]]


def _textgrid(pympi: object, path: Path) -> Tiers:
    # By its absolute path: pympi reads the standard input for "-".
    grid = pympi.TextGrid(str(path.absolute()))  # type: ignore[attr-defined]
    return {
        str(tier.name): [
            (float(start), float(end), str(text).strip())
            for start, end, text in tier.get_intervals(sort=True)
            if str(text).strip()
        ]
        for tier in grid.get_tiers()
        if tier.tier_type == "IntervalTier"
    }


def _elan(pympi: object, path: Path) -> Tiers:
    document = pympi.Eaf(str(path.absolute()))  # type: ignore[attr-defined]
    return {
        str(name): sorted(
            (row[0] / 1000, row[1] / 1000, str(row[2]).strip())
            for row in document.get_annotation_data_for_tier(name)
            if str(row[2]).strip()
        )
        for name in document.get_tier_names()
    }


def _spoken(tiers: Tiers, kind: str) -> Tiers:
    """The tiers that hold words.

    Raises:
        UnreadableError: if that cannot be told.
    """
    filled = {name: found for name, found in tiers.items() if found}
    left = {name: found for name, found in filled.items() if not _NOT_SPOKEN.search(name)}
    for pattern in (r"utterance|sentence|transcript|\btext\b|\bort\b", r"word"):
        named = {name: found for name, found in left.items() if re.search(pattern, name, re.I)}
        if named:
            return named
    if len(left) <= 1 or all(_is_person(name) for name in left):
        return left
    listed = ", ".join(list(filled)[:8])
    raise UnreadableError(
        f"{kind} of several tiers, none of which is named after what is said (they are: {listed}; "
        "name the spoken one 'words')"
    )


def _is_person(name: str) -> bool:
    return re.match(r"(?:speaker|spk|person|participant)?[ _-]?\w{1,3}$|[A-Z]\w+(?: [A-Z]\w+)*$",
                    name, re.IGNORECASE) is not None  # fmt: skip


def _speaker(name: str) -> str:
    """Who speaks on a tier: ``Ann - words`` is Ann."""
    name = " ".join(name.split())
    parts: Sequence[str] = re.split(r"\s?[-@:]\s?|_(?=words|utt|text)", name)
    kept = [part for part in parts if part and not re.fullmatch(r"(?i)words?|utt\w*|text", part)]
    return " ".join(kept) or name
