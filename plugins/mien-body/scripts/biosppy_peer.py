"""Compare beats, breaths and skin responses with those of BioSPPy on BioSPPy's own examples.

BioSPPy's wheel has no signals, and it brings another OpenCV than mien; it is run in an environment
of its own, on the folder ``examples`` of its repository:

    python biosppy_peer.py answers EXAMPLES answers.json    # where BioSPPy is installed
    python biosppy_peer.py compare EXAMPLES answers.json    # where mien-body is installed
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

RATE = 1000.0
"""Samples a second of the examples."""


def answers(folder: Path) -> dict[str, list[float]]:
    """What BioSPPy finds: seconds of beats and responses, breaths a minute."""
    from biosppy.signals import ecg, eda, ppg, resp  # type: ignore[import-not-found]

    def run(function: Any, name: str) -> Any:
        return function(np.loadtxt(folder / f"{name}.txt"), RATE, show=False)

    skin = run(eda.eda, "eda")
    return {
        "ecg": (run(ecg.ecg, "ecg")["rpeaks"] / RATE).tolist(),
        "ppg": (run(ppg.ppg, "ppg")["peaks"] / RATE).tolist(),
        "resp": (60 * run(resp.resp, "resp")["resp_rate"]).tolist(),
        "eda": (skin["peaks"] / RATE).tolist(),
        "eda_amplitudes": np.asarray(skin["amplitudes"]).tolist(),
    }


def compare(folder: Path, theirs: dict[str, list[float]]) -> None:
    """Print how far the two agree."""
    from mien_body.breath import breaths_of
    from mien_body.heart import beats_of
    from mien_body.measured import Wave
    from mien_body.skin import responses

    def wave(kind: str) -> Wave:
        return Wave(kind, kind, "", 0.0, RATE, np.loadtxt(folder / f"{kind}.txt"))

    def near(found: Any, wanted: Any, tolerance: float) -> str:
        gaps = [float(np.abs(np.asarray(found) - one).min()) for one in wanted]
        return f"{sum(gap <= tolerance for gap in gaps)} of {len(gaps)}"

    for kind, tolerance in (("ecg", 0.02), ("ppg", 0.05)):
        beats, known = beats_of(wave(kind)).times, np.array(theirs[kind])
        rates = [60 / float(np.median(np.diff(one))) for one in (beats, known)]
        print(
            f"{kind}: {near(beats, known, tolerance)} of BioSPPy's beats found within "
            f"{tolerance} s, {near(known, beats, tolerance)} of ours by it; "
            f"{rates[0]:.1f} and {rates[1]:.1f} a minute (medians)"
        )
    breaths = 60 / float(np.diff(breaths_of(wave("resp"))).mean())
    print(f"resp: {breaths:.1f} and {np.mean(theirs['resp']):.1f} breaths a minute (means)")
    skin = responses(wave("eda"))
    largest = max(theirs["eda_amplitudes"])
    pairs = zip(theirs["eda"], theirs["eda_amplitudes"], strict=True)
    large = [at for at, size in pairs if size > 0.1 * largest]
    print(
        f"eda: {near(skin.peaks, large, 2.0)} of BioSPPy's responses above a tenth of the "
        f"largest found within 2 s; we find {len(skin.peaks)}, it finds {len(theirs['eda'])}"
    )


if __name__ == "__main__":
    what, examples, file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if what == "answers":
        file.write_text(json.dumps(answers(examples)))
    else:
        compare(examples, json.loads(file.read_text()))
