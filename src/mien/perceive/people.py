"""Who was seen: what an analysis keeps of the faces."""

from __future__ import annotations

import numpy as np

from mien.analysis.judged import TrackSummary
from mien.analysis.timeline import Portrait
from mien.scene import FACES, Scene


def track_summaries(scene: Scene) -> tuple[TrackSummary, ...]:
    """The face tracks without their pictures."""
    faces = scene.get(FACES)
    if faces is None:
        return ()
    return tuple(
        TrackSummary(
            track.identity,
            track.segment,
            len(track.samples),
            float(np.median(track.samples.sides)),
            float(track.samples.prominence.mean()),
            None if isinstance(track.lips, str) else track.lips,
            track.lips if isinstance(track.lips, str) else "",
        )
        for track in faces.tracks
    )


def portraits(scene: Scene, most: int) -> tuple[Portrait, ...]:
    """Looks at faces in time order, at most so many: all faces of pictures evenly chosen."""
    faces = scene.get(FACES)
    if faces is None or not faces.tracks or most <= 0:
        return ()
    import cv2

    seen = sorted(
        (time, track.identity, crop)
        for track in faces.tracks
        for time, crop in zip(
            track.samples.times.tolist(), track.samples.crops.tolist(), strict=True
        )
    )
    times = sorted({time for time, _, _ in seen})
    for step in range(-(-len(seen) // most), len(times) + 2):
        kept = set(times[::step])
        chosen = [face for face in seen if face[0] in kept]
        if len(chosen) <= most:
            break
    chosen = chosen[:most]
    crops = faces.crops.take([crop for _, _, crop in chosen])
    return tuple(
        Portrait(time, who, cv2.imencode(".png", crop)[1].tobytes())
        for (time, who, _), crop in zip(chosen, crops, strict=True)
    )
