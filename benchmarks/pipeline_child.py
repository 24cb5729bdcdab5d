"""What pipeline.py runs in processes of their own: one job, its result as a line of JSON.

    python benchmarks/pipeline_child.py JOB CLIP --cores N

Jobs: ``floor`` (decoding alone), ``none`` and ``whisper`` (mien by utterance, without and with
speech recognition), ``paper`` (mien with the paper's system), ``answers`` (both sides of part (a)
on the same inputs), ``models`` (makes them), ``about`` (versions). Only the standard library is
imported before the clock starts, so that imports count; the program runs older checkouts of mien
too (``PYTHONPATH``).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()
LONGEST, LOOKS, SOUND_RATE = 576, 5, 16_000
"""What the floor decodes: longest side in pixels, pictures and samples per second."""


def main() -> None:
    """Run one job."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("job")
    parser.add_argument("clip", type=Path, nargs="?")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--cores", type=int, default=0)
    parser.add_argument("--warm", action="store_true", help="a second analysis in the process")
    parser.add_argument("--sample", action="store_true", help="processor seconds by room")
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    if given.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
    jobs = {"floor": floor, "answers": answers, "models": models, "about": about}
    print(json.dumps(jobs.get(given.job, analysis)(given)))


def measured(work_started: float) -> dict[str, Any]:
    """Wall and processor seconds and peak memory of this process so far.

    Returns:
        ``run``: since the start of the program, imports included; ``work``: without imports;
        ``cpu``: processor seconds of all threads since the process began; ``peak``: resident
        memory, MB of 10**6 bytes.
    """
    now = time.perf_counter()
    return {
        "run": now - STARTED,
        "work": now - work_started,
        "cpu": time.process_time(),
        "peak": high_water(),
    }


def high_water() -> float:
    """Peak resident memory of this process in MB.

    Read from ``VmHWM``: ``ru_maxrss`` begins with the memory of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith("VmHWM"))
    return int(found.split()[1]) * 1024 / 1e6


def floor(given: argparse.Namespace) -> dict[str, Any]:
    """Decode the sound to 16 kHz mono and five gray pictures a second of 576 px, keep nothing."""
    import av

    began = time.perf_counter()
    pictures = samples = 0
    with av.open(str(given.clip)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        video.thread_type = "AUTO"
        high = round(LONGEST * video.height / video.width)
        resampler = av.AudioResampler("s16", "mono", SOUND_RATE)
        for packet in container.demux(video, sound):
            for frame in packet.decode():
                if isinstance(frame, av.AudioFrame):
                    samples += sum(b.to_ndarray().size for b in resampler.resample(frame))
                elif (frame.time or 0.0) + 1e-3 >= pictures / LOOKS:
                    frame.to_ndarray(format="gray", width=LONGEST, height=high)
                    pictures += 1
    return measured(began) | {"pictures": pictures, "samples": samples}


def analysis(given: argparse.Namespace) -> dict[str, Any]:
    """Import mien and analyse one clip."""
    sampler = None
    if given.sample:
        from pipeline_profile import Sampler

        sampler = Sampler()
    import mien

    _keep_little()
    began = time.perf_counter()
    analyzer = mien.Analyzer(_options(given))
    found = analyzer.analyze(given.clip)
    value = measured(began) | {
        "rooms": dict(found.provenance.seconds),
        "segments": len(found.segments),
        "words": len(found.transcript.text.split()) if found.transcript else 0,
        "people": len({face.identity for face in found.faces}),
        "posteriors": _whole(found),
    }
    if sampler is not None:
        value["profile"] = sampler.stop()
    if given.warm:
        again = time.perf_counter()
        analyzer.analyze(given.clip)
        value["warm"] = time.perf_counter() - again
    return value


def _keep_little() -> None:
    """The memory settings of mien's command line and workers, if this checkout has them."""
    with suppress(ImportError):
        from mien.memory import keep_little

        keep_little()


def _options(given: argparse.Namespace) -> Any:
    from mien import Options

    if given.job == "paper":
        from pipeline_models import paper_options

        return paper_options(given.models)
    return Options.from_dict({"segmentation": {"by": "utterance"}, "speech": {"asr": given.job}})


def _whole(found: Any) -> list[float]:
    whole = getattr(found, "whole", None)
    answer = whole.fused if whole is not None else found.fused
    return [round(float(p), 6) for p in answer.probs[0]]


def answers(given: argparse.Namespace) -> dict[str, Any]:
    """Both sides of part (a) on the same inputs."""
    from pipeline_models import compare

    return compare(given.clip, given.models)


def models(given: argparse.Namespace) -> dict[str, Any]:
    """Make the models of part (a); what the conversion says goes to the error stream."""
    from contextlib import redirect_stdout

    from pipeline_models import make_models

    with redirect_stdout(sys.stderr):
        make_models(given.models, given.tiny)
    return {}


def about(given: argparse.Namespace) -> dict[str, Any]:
    """Commit and version of the mien that is measured."""
    import mien
    from mien.convert.provenance import commit

    return {"commit": commit(), "mien": mien.__version__, "place": str(Path(mien.__file__).parent)}


if __name__ == "__main__":
    main()
