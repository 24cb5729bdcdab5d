"""Shorten the input window of a Whisper encoder.

Whisper pads every sound with silence to 30 s, 1,500 states. A sound of two seconds needs few of
them, and a training step on 10 s costs a third. The position embeddings of the first states are the
same in a shorter window, so it is enough to cut the table of position embeddings.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from mien.errors import OptionError

STATES_A_SECOND = 50


def show(encoder: Any, seconds: float) -> None:
    """Cut an encoder's position embeddings to the states of ``seconds``.

    Args:
        encoder: a ``WhisperEncoder`` of Transformers.
        seconds: length of the input, silence included.

    Raises:
        OptionError: if the encoder has fewer states, or none are left.
    """
    states = round(seconds * STATES_A_SECOND)
    most = len(encoder.embed_positions.weight)
    if not 0 < states <= most:
        raise OptionError(
            f"The window must be above 0 s and within the {most / STATES_A_SECOND:g} s of the "
            f"Whisper, got {seconds:g} s."
        )
    places = encoder.embed_positions.weight[:states].detach().clone()
    table = nn.Embedding(places.shape[0], places.shape[1], _weight=places)
    encoder.embed_positions = table.requires_grad_(False)
    encoder.max_source_positions = encoder.config.max_source_positions = states
