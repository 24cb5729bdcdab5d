"""Whether a text is English, told from its letters alone; the text branch knows no other language.

By py3langid (naive Bayes over byte n-grams, numpy alone). A few words say little of a language, so
a text is taken for English unless it clearly is not: ``benchmarks/language.py`` counts both
errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai", "tl": "Tagalog",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""The languages told apart, by ISO 639-1 code (Tagalog has none but ``tl``).

Rarer ones would be found in mere exclamations; a text in one is still told from English, under
the name of a neighbour.
"""

AT_HOME = ("en", "pcm", "zxx")
"""Read as English: it, Nigerian Pidgin ("say no more"), and what is no language (laughter)."""
MOST_ENGLISH, LEAST_OTHER = 0.15, 0.4
"""A text is refused if the former is hardly likely and one other language is."""
LEAST_ENGLISH = 0.5
"""How likely a line must be English to be taken for it among lines of another language."""
LONGEST = 20_000
"""Characters that are looked at; more change nothing."""


@dataclass(frozen=True)
class Language:
    """Another language than English, and how likely it is.

    Args:
        code: ISO 639-1.
        probability: among the languages of ``NAMES``, 0 to 1; None if somebody else says so.
    """

    code: str
    probability: float | None = None

    def __str__(self) -> str:
        name = NAMES.get(self.code, self.code)
        return name if self.probability is None else f"{name}, {self.probability:.2f}"


def foreign(text: str) -> Language | None:
    """The language of a text that is clearly not English; None for one that is, or may be.

    Examples:
        >>> print(foreign("Das habe ich wirklich nicht gewollt, es tut mir leid."))
        German, 1.00
        >>> foreign("I did not want that.")
        >>> foreign("Oh!")
    """
    english, code, probability = _shares(text)
    if english > MOST_ENGLISH or probability < LEAST_OTHER:
        return None
    return Language(code, probability)


def line_in_other(line: str, whole: Language | None) -> Language | None:
    """The language of a line that is not English, within a text whose whole is in ``whole``.

    A short line is taken for English, or for the language of the others.
    """
    found = foreign(line)
    if found is not None or whole is None:
        return found
    return None if _shares(line)[0] > LEAST_ENGLISH else whole


@lru_cache(maxsize=1024)
def _shares(text: str) -> tuple[float, str, float]:
    """Probability of English, and the likeliest other language with its own."""
    model, labels = _model()
    found: dict[str, float] = dict(model.rank(text[:LONGEST]))
    code = max(labels, key=lambda label: found[label])
    return sum(found[label] for label in AT_HOME), code, found[code]


@lru_cache(maxsize=1)
def _model() -> tuple[Any, tuple[str, ...]]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages({*NAMES, *AT_HOME})
    return model, tuple(name for name in NAMES if name not in AT_HOME)
