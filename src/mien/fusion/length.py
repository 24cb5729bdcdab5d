"""The paper's Table 1: weights of text, voice and face by the length of the clip."""

from __future__ import annotations


def length_weights(seconds: float) -> dict[str, float]:
    """Weights of ``text``, ``voice`` and ``face`` that sum to one.

    Table 1 of "Improving sentiment analysis through use of image and audio data", read so that
    every row sums to one: the letter inside its brackets is three times the weight. The rule is
    continuous at 5 s and at 10 s. It jumps at 100 s, from (0.183, 0.633, 0.183) to (0.333,
    0.583, 0.083); the jump is the paper's and is kept.

    Args:
        seconds: length of the clip, at least 0.

    Examples:
        >>> {name: round(weight, 3) for name, weight in length_weights(120).items()}
        {'text': 0.333, 'voice': 0.583, 'face': 0.083}
        >>> {name: round(weight, 3) for name, weight in length_weights(2.5).items()}
        {'text': 0.167, 'voice': 0.417, 'face': 0.417}
    """
    if seconds >= 100:
        return {"text": 1 / 3, "voice": 7 / 12, "face": 1 / 12}
    if seconds >= 10:
        a = 1 + (seconds - 10) / 100
        return {"text": (3 - a) / 6, "voice": a / 3, "face": (3 - a) / 6}
    if seconds > 5:
        return {"text": 1 / 3, "voice": 1 / 3, "face": 1 / 3}
    t = seconds / 5
    return {"text": t / 3, "voice": (3 - t) / 6, "face": (3 - t) / 6}
