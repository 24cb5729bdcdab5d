"""Write the JSON Schema of the wire form, ``src/mien/analysis/analysis.schema.json``.

``python scripts/analysis_schema.py`` after a field of an analysis was added, removed or changed; a
test checks that the published file is what the declarations say.
"""

from __future__ import annotations

from mien.analysis.schema import schema_text
from mien.analysis.wire import SCHEMA_FILE

if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    print(f"written: {SCHEMA_FILE}")
