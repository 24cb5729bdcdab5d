"""Write docs/schema.md from the JSON Schema of an analysis: ``python scripts/schema_page.py``.

With ``--check`` nothing is written and the exit code tells whether the page is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from generated import settled

from mien.analysis.schema import json_schema

PAGE = Path(__file__).resolve().parents[1] / "docs" / "schema.md"
HEAD = """# JSON schema

`--json FILE` writes an analysis in the format `{name}`. This page is written by
`python scripts/schema_page.py` from the [JSON Schema](../src/mien/analysis/analysis.schema.json),
which a test compares with the code. `mien.Analysis.from_dict` reads the format and the older
versions 2 and 1. Times are seconds; numbers are rounded to the decimals that the code declares.
Readers must ignore keys that they do not know.

```console
$ mien analyze demo/demo.mp4 --json out.json
```

```python
import json
import mien

with open("out.json", encoding="utf-8") as file:
    value = json.load(file)
value["schema"]  # '{name}'
value["labels"][3], value["fused"]["rows"][0]["probs"][3] > 0.1  # ('joy', True)
analysis = mien.Analysis.from_dict(value)
```
"""


def kind(schema: dict[str, Any]) -> str:
    """The type of a value in words, with a link to its section."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name})"
    if "const" in schema:
        return f"`{schema['const']!r}`" if isinstance(schema["const"], str) else "fixed list"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(kind(one) for one in schema["anyOf"])
    return composed(schema)


def composed(schema: dict[str, Any]) -> str:
    """The type of a list, a mapping or a plain value."""
    given = schema.get("type", "anything")
    if given == "array":
        inside = schema.get("items", schema.get("prefixItems"))
        return f"list of {kind(inside)}" if isinstance(inside, dict) else "list"
    if given == "object":
        inside = schema.get("additionalProperties")
        return f"mapping to {kind(inside)}" if isinstance(inside, dict) else "object"
    return " or ".join(given) if isinstance(given, list) else str(given)


def bounds(schema: dict[str, Any]) -> str:
    """The range of a number, if the schema has one."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f" (at least {low})" if high is None else f" (at most {high})"
    return f" ({low} to {high})"


def table(schema: dict[str, Any]) -> list[str]:
    """The fields of an object."""
    required = set(schema.get("required", ()))
    lines = ["| key | type | meaning |", "|---|---|---|"]
    for key, one in schema.get("properties", {}).items():
        about = " ".join(one.get("description", "").split()).replace("|", "\\|")
        optional = "" if key in required else " May be absent."
        lines.append(f"| `{key}` | {kind(one)}{bounds(one)} | {about}{optional} |")
    return [*lines, ""]


def page() -> str:
    """The whole page."""
    schema = json_schema()
    lines = [HEAD.replace("{name}", str(schema["title"])), "## The analysis", "", *table(schema)]
    for name, one in schema["$defs"].items():
        lines += [f"## {name}", ""]
        about = " ".join(one.get("description", "").split())
        lines += [about, ""] if about else []
        lines += table(one) if "properties" in one else [f"{kind(one)}{bounds(one)}", ""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write or check the page."""
    return settled(PAGE, page())


if __name__ == "__main__":
    sys.exit(main())
