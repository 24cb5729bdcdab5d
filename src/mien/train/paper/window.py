"""A Whisper encoder that is shown less than its whole window.

Whisper fills every sound with silence to 30 s, 1,500 states. A sound of two seconds needs few of
them, and a step of training on 10 s costs a third. The places of the first states are the same in a
shorter window, so that the table of places is cut and nothing else changes.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from mien.errors import OptionError

STATES_A_SECOND = 50


def show(encoder: Any, seconds: float) -> None:
    """Cut an encoder's table of places to the states of so many seconds.

    Args:
        encoder: a ``WhisperEncoder`` of Transformers.
        seconds: of sound that it is to be shown, silence included.

    Raises:
        OptionError: if it has fewer states, or none are left.
    """
    states = round(seconds * STATES_A_SECOND)
    most = len(encoder.embed_positions.weight)
    if not 0 < states <= most:
        raise OptionError(
            f"The window must lie above 0 and within the {most / STATES_A_SECOND:g} s of the "
            f"Whisper, got {seconds:g} s."
        )
    places = encoder.embed_positions.weight[:states].detach().clone()
    table = nn.Embedding(places.shape[0], places.shape[1], _weight=places)
    encoder.embed_positions = table.requires_grad_(False)
    encoder.max_source_positions = encoder.config.max_source_positions = states
