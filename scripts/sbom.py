"""Write a bill of materials of the core and of each extra: `python scripts/sbom.py --out DIR`.

CycloneDX 1.6 in JSON, validated against its schema. The same packages give the same file: serial
numbers are made of the content, and the time is that of SOURCE_DATE_EPOCH (0 without it).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

sys.path.insert(0, str(Path(__file__).parent))

from licences_page import CORE, OWN, Part, closure, direct_needs, requirements

ROOT = Path(__file__).resolve().parents[1]
SPEC = "1.6"


def version() -> str:
    """The version of mien, from its one place."""
    text = (ROOT / "src" / "mien" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, flags=re.M)
    if found is None:
        raise SystemExit("src/mien/__init__.py has no __version__.")
    return found[1]


def bill(extra: str) -> dict[str, Any]:
    """The bill of materials of an extra, or of the core, as plain values."""
    parts = closure(extra)
    own, refs = f"pkg:pypi/{OWN}@{version()}", {name: _purl(part) for name, part in parts.items()}
    direct = set(direct_needs(extra)) & set(parts)
    lines = [{"ref": own, "dependsOn": sorted(refs[name] for name in direct)}]
    lines += [
        {"ref": refs[name], "dependsOn": sorted(refs[one] for one in part.needs)}
        for name, part in parts.items()
    ]
    components = [_component(part) for part in parts.values()]
    serial = uuid5(NAMESPACE_URL, json.dumps([own, extra, components, lines], sort_keys=True))
    when = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": when.isoformat().replace("+00:00", "Z"),
            "component": {
                "type": "library", "bom-ref": own, "name": OWN, "version": version(), "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
            "properties": [{"name": "mien:extra", "value": extra}],
        },
        "components": components,
        "dependencies": lines,
    }  # fmt: skip


def _purl(part: Part) -> str:
    name = re.sub(r"[-_.]+", "-", part.name).lower()
    return f"pkg:pypi/{name}@{part.dist.version.replace('+', '%2B')}"


def _component(part: Part) -> dict[str, Any]:
    expression = part.dist.metadata.get("License-Expression")
    licences: list[Any] = [{"license": {"name": part.licence}}]
    if expression:
        licences = [{"expression": str(expression)}]
    return {
        "type": "library", "bom-ref": _purl(part), "name": part.name,
        "version": part.dist.version, "licenses": licences, "purl": _purl(part),
    }  # fmt: skip


def check(text: str) -> None:
    """Hold a bill against the schema of CycloneDX.

    Raises:
        SystemExit: if it does not fit.
    """
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        raise SystemExit(f"The bill of materials does not fit CycloneDX {SPEC}: {fault}")


def main() -> int:
    """Write a file for the core and one for each extra."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "sbom")
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for extra in requirements():
        text = json.dumps(bill(extra), indent=1, ensure_ascii=False) + "\n"
        check(text)
        (folder / f"mien-{version()}-{extra}.cdx.json").write_text(text, encoding="utf-8")
    print(f"{folder}: {', '.join(requirements())} ({CORE} is part of each installation)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
