"""Which sound of a recording is heard."""

from __future__ import annotations

from dataclasses import dataclass

from mien.errors import OptionError


@dataclass(frozen=True)
class MediaOptions:
    """Which sound of a recording is heard, where it has several.

    Args:
        audio_track: number of the audio track, the first is 1, or its language as the file has it
            (``eng``) or in two letters (``en``); None for the one that the file calls its default.
        audio_channel: number of the one channel that is heard, the first is 1; None for a mix of
            all.

    Raises:
        OptionError: if a number is below 1.

    Examples:
        >>> MediaOptions("2").audio_track, MediaOptions("de").audio_track
        (2, 'de')
    """

    audio_track: int | str | None = None
    audio_channel: int | None = None

    def __post_init__(self) -> None:
        track = self.audio_track
        if isinstance(track, str):
            track = int(track) if track.strip().isdecimal() else track.strip().lower()
            object.__setattr__(self, "audio_track", track)
        for name, number in (("audio_track", track), ("audio_channel", self.audio_channel)):
            if isinstance(number, int) and number < 1:
                raise OptionError(f"{name} cannot be {number}; the first is 1.")
        if track == "":
            raise OptionError("audio_track cannot be empty; give a number or a language.")


_LETTERS = (
    "ar ara, bg bul, bn ben, ca cat, cs ces cze, cy cym wel, da dan, de deu ger, el ell gre, "
    "en eng, es spa, et est, eu eus baq, fa fas per, fi fin, fr fra fre, ga gle, gl glg, he "
    "heb, hi hin, hr hrv, hu hun, id ind, is isl ice, it ita, ja jpn, ko kor, lt lit, lv lav, "
    "ms msa may, nb nob nor no, nl nld dut, nn nno, pl pol, pt por, ro ron rum, ru rus, sk "
    "slk slo, sl slv, sr srp, sv swe, ta tam, te tel, th tha, tr tur, uk ukr, ur urd, vi vie, "
    "zh zho chi"
)
_SAME = tuple(frozenset(group.split()) for group in _LETTERS.split(", "))


def same_language(wanted: str, given: str) -> bool:
    """Whether two language codes, ISO 639-1 or -2 with or without a region, name one language.

    Examples:
        >>> same_language("de", "ger"), same_language("en", "en-US"), same_language("en", "ger")
        (True, True, False)
    """
    a, b = (code.lower().replace("_", "-").partition("-")[0] for code in (wanted, given))
    return a == b or any(a in group and b in group for group in _SAME)
