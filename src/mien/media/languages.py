"""Languages of audio tracks."""

from __future__ import annotations

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
