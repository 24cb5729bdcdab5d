"""Detect whether a text is English; the text branch is trained for English only.

Uses py3langid (naive Bayes over byte n-grams, numpy only). A few words are little evidence, so a
text counts as English unless it clearly is not; ``benchmarks/language.py`` measures both errors.
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
"""The detected languages by ISO 639-1 code (``tl`` for Tagalog).

Rarer languages would be detected in mere exclamations; a text in one of them is still separated
from English, under the name of a related language.
"""

AT_HOME = ("en", "pcm", "zxx")
"""Treated as English: English, Nigerian Pidgin ("say no more"), and non-language (laughter)."""
MOST_ENGLISH, LEAST_OTHER = 0.15, 0.4
"""A text is rejected if English is below the first value and another language above the second."""
LEAST_ENGLISH = 0.5
"""Minimum probability of English for a line among lines of another language."""
LONGEST = 20_000
"""Maximum number of characters to examine; more do not change the result."""


@dataclass(frozen=True)
class Language:
    """A language other than English, with its probability.

    Args:
        code: ISO 639-1.
        probability: among the languages of ``NAMES``, 0 to 1; None if the language was given.
    """

    code: str
    probability: float | None = None

    def __str__(self) -> str:
        name = NAMES.get(self.code, self.code)
        return name if self.probability is None else f"{name}, {self.probability:.2f}"


def foreign(text: str) -> Language | None:
    """The language of a text that is clearly not English, else None.

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
    """The language of a line that is not English, in a text whose language is ``whole``.

    A short line counts as English, or as the language of the other lines.
    """
    found = foreign(line)
    if found is not None or whole is None:
        return found
    return None if _shares(line)[0] > LEAST_ENGLISH else whole


def load() -> None:
    """Load the model, which takes a third of a second at the first use otherwise."""
    _model()


def unload() -> None:
    """Free the model, some 80 MB, until it is used again."""
    _model.cache_clear()


@lru_cache(maxsize=1024)
def _shares(text: str) -> tuple[float, str, float]:
    """Probability of English, and the most probable other language with its probability."""
    model, labels = _model()
    found: dict[str, float] = dict(model.rank(text[:LONGEST]))
    code = max(labels, key=lambda label: found[label])
    return sum(found[label] for label in AT_HOME), code, found[code]


@lru_cache(maxsize=1)
def _model() -> tuple[Any, tuple[str, ...]]:
    import numpy as np
    from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier
    from py3langid.modelio import load_model

    # As from_model_file() and set_languages() do, without keeping the other languages in memory.
    weights, priors, codes, moves, rows, found = load_model(MODEL_DIR / MODEL_FILE)
    used = [at for at, code in enumerate(codes) if code in {*NAMES, *AT_HOME}]
    model = LanguageIdentifier(
        np.ascontiguousarray(weights[:, used]), priors[used], [codes[at] for at in used],
        moves, found, norm_probs=True, tk_row=rows,
    )  # fmt: skip
    return model, tuple(name for name in NAMES if name not in AT_HOME)
