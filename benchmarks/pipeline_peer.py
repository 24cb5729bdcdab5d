"""The peer of pipeline.py: the script that a user of Transformers and OpenCV would write today.

    python benchmarks/pipeline_peer.py CLIP MODELS --threads 2

It does what the paper describes with the same models: the sound by an ffmpeg subprocess, the words
by a Whisper pipeline with timestamps, their emotions by a text pipeline, those of the voice by a
wav2vec 2.0 pipeline on the same stretches, faces by OpenCV's Haar cascade and the paper's CNN in
five pictures a second, and the fusion by the paper's Table 1. Everything is loaded once and runs
under ``torch.inference_mode``. Nothing of mien is imported.

Settings: Whisper has the beam of five, the default of its pipeline and of mien. Each pipeline
takes one item at a time: a batch is padded to the longest and ends with the slowest, so that four
windows of Whisper in one batch took 1.6 times the processor time of one after another (the
documentation of Transformers advises against batches on a CPU); the CNN takes 64 faces. Only
pictures that are looked at are converted (``grab`` for the rest), and the cascade runs on 640 px.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np

LABELS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
RATE, SIDE, LOOKS = 16_000, 48, 5
"""Samples a second, side of a face, pictures looked at per second."""
LONGEST = 640
BATCH = 64


class Pipelines:
    """The models, loaded once.

    Args:
        models: the folder that ``pipeline_models.py`` filled.
        threads: of torch.
    """

    def __init__(self, models: Path, threads: int) -> None:
        import torch
        from transformers import pipeline
        from transformers.utils import logging

        torch.set_num_threads(threads)
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self.torch = torch
        self.hears = pipeline(
            "automatic-speech-recognition", str(models / "whisper"), chunk_length_s=30
        )
        self.reads = pipeline("text-classification", str(models / "text"), top_k=None)
        self.listens = pipeline("audio-classification", str(models / "voice"), top_k=None)
        self.looks = paper_net().eval()
        self.looks.load_state_dict(torch.load(models / "face.pt", weights_only=True))

    def words(self, samples: np.ndarray) -> list[tuple[float, float, str]]:
        """Start, end and text of every stretch of speech."""
        with self.torch.inference_mode():
            heard = self.hears({"raw": samples, "sampling_rate": RATE}, return_timestamps=True)
        end = len(samples) / RATE
        found = [(*one["timestamp"], one["text"].strip()) for one in heard["chunks"]]
        return [(a or 0.0, end if b is None else b, text) for a, b, text in found if text]

    def text(self, lines: list[str]) -> np.ndarray:
        """Posteriors ``(n, 7)`` of lines."""
        with self.torch.inference_mode():
            return _rows(self.reads(lines)) if lines else np.zeros((0, 7))

    def voice(self, stretches: list[np.ndarray]) -> np.ndarray:
        """Posteriors ``(n, 7)`` of stretches of sound."""
        given = [{"raw": one, "sampling_rate": RATE} for one in stretches]
        with self.torch.inference_mode():
            return _rows(self.listens(given)) if given else np.zeros((0, 7))

    def face(self, crops: np.ndarray) -> np.ndarray:
        """Posteriors ``(n, 7)`` of gray faces ``(n, 48, 48) uint8``."""
        parts = [np.zeros((0, 7))]
        for start in range(0, len(crops), BATCH):
            pixels = crops[start : start + BATCH].astype(np.float32)
            pixels -= pixels.mean(axis=(1, 2), keepdims=True)
            pixels /= 2 * np.maximum(pixels.std(axis=(1, 2), keepdims=True), 8.0)
            with self.torch.inference_mode():
                logits = self.looks(self.torch.from_numpy(pixels[:, None]))
                parts.append(self.torch.softmax(logits.double(), dim=1).numpy())
        return np.concatenate(parts)


def _rows(answers: list[list[dict[str, Any]]]) -> np.ndarray:
    """Pipelines sort labels by score; here they have a fixed order."""
    named = [{one["label"]: one["score"] for one in answer} for answer in answers]
    return np.array([[one[label] for label in LABELS] for one in named])


def extract_sound(clip: Path, wav: Path) -> str:
    """Write the sound as mono at 16 kHz by an ffmpeg subprocess; returns what did it."""
    try:
        import imageio_ffmpeg

        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-i"]
        command += [str(clip), "-vn", "-ac", "1", "-ar", str(RATE), str(wav)]
        by = "ffmpeg"
    except (ImportError, RuntimeError):
        command = [sys.executable, __file__, str(clip), str(wav), "--only-sound"]
        by = "PyAV in a subprocess (no ffmpeg is installed)"
    subprocess.run(command, check=True)
    return by


def read_sound(wav: Path) -> np.ndarray:
    """Samples in [-1, 1]."""
    with wave.open(str(wav)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


def find_faces(clip: Path, threads: int) -> np.ndarray:
    """The largest face of each picture looked at, ``(n, 48, 48) uint8``."""
    import cv2

    cv2.setNumThreads(threads)
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    video = cv2.VideoCapture(str(clip))
    rate, number, looked, crops = video.get(cv2.CAP_PROP_FPS), 0, 0, []
    while video.grab():
        if number >= looked * rate / LOOKS:
            looked += 1
            gray = cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2GRAY)
            scale = min(1.0, LONGEST / max(gray.shape))
            small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            boxes = cascade.detectMultiScale(small, 1.1, 5, minSize=(24, 24))
            if len(boxes):
                left, top, wide, high = (max(boxes, key=lambda box: box[2]) / scale).astype(int)
                face = gray[top : top + high, left : left + wide]
                crops.append(cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        number += 1
    video.release()
    return np.array(crops, np.uint8).reshape(-1, SIDE, SIDE)


def paper_net() -> Any:
    """The paper's CNN: 48x48 pixels enlarged to 64x64, three blocks, two dense layers."""
    from torch import nn

    layers: list[Any] = [nn.Upsample((64, 64), mode="bilinear", align_corners=False)]
    inputs = 1
    for width in (64, 128, 256):
        layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        inputs = width
    layers += [nn.Flatten(), nn.Dropout(0.5), nn.Linear(256 * 8 * 8, 512), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(0.4), nn.Linear(512, len(LABELS)))


def fuse(text: Any, voice: Any, face: Any, seconds: float) -> np.ndarray:
    """The paper's Table 1, weights of what is present."""
    if seconds >= 100:
        weights = (1 / 3, 7 / 12, 1 / 12)
    elif seconds >= 10:
        a = 1 + (seconds - 10) / 100
        weights = ((3 - a) / 6, a / 3, (3 - a) / 6)
    elif seconds > 5:
        weights = (1 / 3, 1 / 3, 1 / 3)
    else:
        t = seconds / 5
        weights = (t / 3, (3 - t) / 6, (3 - t) / 6)
    present = [(w, p) for w, p in zip(weights, (text, voice, face), strict=True) if p is not None]
    return sum(w * p for w, p in present) / sum(w for w, _ in present)


def pooled(rows: np.ndarray, weights: list[float]) -> np.ndarray | None:
    """The weighted mean of posteriors; None if there are none."""
    return None if not len(rows) else np.asarray(weights) @ rows / sum(weights)


def analyse(clip: Path, models: Path, threads: int) -> dict[str, Any]:
    """The emotion of a clip, and where the seconds went."""
    spent, last = {}, time.perf_counter()

    def lap(part: str) -> None:
        nonlocal last
        now = time.perf_counter()
        spent[part] = round(now - last, 3)
        last = now

    pipelines = Pipelines(models, threads)
    lap("import and load")
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "sound.wav"
        by = extract_sound(clip, wav)
        samples = read_sound(wav)
    seconds = len(samples) / RATE
    lap("sound")
    words = pipelines.words(samples)
    lap("recognition")
    text = pooled(
        pipelines.text([line for *_, line in words]), [len(line.split()) for *_, line in words]
    )
    lap("text")
    stretches = [samples[round(a * RATE) : round(b * RATE)] for a, b, _ in words]
    stretches = [one for one in stretches if len(one) >= RATE // 4]
    voice = pooled(pipelines.voice(stretches), [len(one) for one in stretches])
    lap("voice")
    crops = find_faces(clip, threads)
    lap("faces found")
    faces = pipelines.face(crops)
    # The paper judges the most emotional picture.
    face = faces[faces[:, LABELS.index("neutral")].argmin()] if len(faces) else None
    lap("face")
    return {
        "seconds": spent,
        "sound_by": by,
        "words": " ".join(line for *_, line in words),
        "segments": len(stretches),
        "faces": len(crops),
        "posteriors": fuse(text, voice, face, seconds).tolist(),
    }


def main() -> None:
    """Analyse one clip and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("models", type=Path, help="folder of the models; of the WAV (--only-sound)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only-sound", action="store_true", help="write the sound by PyAV")
    given = parser.parse_args()
    if given.only_sound:
        decode_sound(given.clip, given.models)
    else:
        print(json.dumps(analyse(given.clip, given.models, given.threads)))


def decode_sound(clip: Path, wav: Path) -> None:
    """What ffmpeg does, by PyAV."""
    import av

    resampler = av.AudioResampler("s16", "mono", RATE)
    with av.open(str(clip)) as container, wave.open(str(wav), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for frame in (*container.decode(audio=0), None):
            for block in resampler.resample(frame):
                file.writeframes(block.to_ndarray().tobytes())


if __name__ == "__main__":
    main()
