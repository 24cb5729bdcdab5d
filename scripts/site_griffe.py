"""An extension of griffe for the API reference: fields show their default, not how it is declared.

The fields of options and results are declared by ``option(...)`` and ``declared(...)``, which carry
flags, ranges and rules for joining; a reader of the reference wants the default alone.
"""

from __future__ import annotations

import ast
from typing import Any

from griffe import Attribute, Extension

_DECLARING = {"declared", "option", "field"}


def plain_default(value: str) -> str | None:
    """The default that a declaration gives, as source; None if there is none.

    Examples:
        >>> plain_default("declared(cut=f.spans, join=f.latest, default=())")
        '()'
        >>> plain_default("declared(cut=f.by_row, default_factory=dict)")
        'dict()'
        >>> plain_default("declared(cut=f.by_row)") is None
        True
    """
    call = ast.parse(value, mode="eval").body
    assert isinstance(call, ast.Call)
    given = {one.arg: ast.unparse(one.value) for one in call.keywords}
    if "default" in given:
        return given["default"]
    if "default_factory" in given:
        made = given["default_factory"]
        return made.split(":", 1)[1].strip() if made.startswith("lambda:") else f"{made}()"
    if call.args and ast.unparse(call.func) == "option":
        return ast.unparse(call.args[0])
    return None


class PlainDefaults(Extension):
    """Replaces declarations by defaults."""

    def on_attribute_instance(self, *, attr: Attribute, **kwargs: Any) -> None:
        """Called for every attribute of the package."""
        value = str(attr.value) if attr.value is not None else ""
        if value.split("(")[0].rsplit(".", 1)[-1] in _DECLARING:
            attr.value = plain_default(value)
