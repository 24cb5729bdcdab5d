"""Write the JSON Schemas of the wire forms: of an analysis, and of a coding by hand.

``python scripts/analysis_schema.py`` after a field of an analysis or a coding was added, removed or
changed; a test checks that the published files are what the declarations say.
"""

from __future__ import annotations

from mien import coding
from mien.analysis.schema import schema_text
from mien.analysis.wire import SCHEMA_FILE

if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    coding.SCHEMA_FILE.write_text(schema_text(coding.coding_schema()), encoding="utf-8")
    print(f"written: {SCHEMA_FILE}, {coding.SCHEMA_FILE}")
