"""Text that XML 1.0 and the tools that read it can hold."""

from __future__ import annotations

import re

# Everything but the characters of XML 1.0 (W3C, production 2), and the C1 controls.
_ILLEGAL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_NAME = re.compile(r"[^\w.-]")


def legal(text: str) -> str:
    r"""Text in which each character that XML does not allow is U+FFFD.

    Controls, lone surrogates and U+FFFE are such.

    Examples:
        >>> legal("a" + chr(0) + "b") == "a" + chr(0xFFFD) + "b"
        True
    """
    return _ILLEGAL.sub("\ufffd", text)


def legal_name(text: str) -> str:
    """Text as an XML name: other characters are underscores.

    Examples:
        >>> legal_name("my tempo-0"), legal_name("3d-0")
        ('my_tempo-0', '_3d-0')
    """
    name = _NO_NAME.sub("_", text)
    return name if name[:1].isalpha() or name.startswith("_") else f"_{name}"
