"""``mien live``: a device, or a recording played in real time."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from mien.cli.flags import options_from, takes_options
from mien.cli.shared import stopping


@takes_options
def live(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="DEVICE|FILE",
            help="A recording, /dev/videoN, alsa:NAME, or /dev/videoN+alsa:NAME.",
        ),
    ],
    speed: Annotated[
        float,
        typer.Option(
            help="Times faster than real time that a file is played; 0: as fast as it can."
        ),
    ] = 1.0,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Write every row as a line of JSON.")
    ] = False,
    **_: Any,
) -> None:
    """Analyse a camera, a microphone or a recording while it happens.

    Shows a line for each window and each utterance, with its delay. Nothing is
    stored.
    """
    from mien.live import Session
    from mien.live.play import check_speed, open_live, play

    check_speed(speed)
    options = options_from(ctx, {})
    with closing(open_live(source, options.media)) as clip, stopping() as stop:
        lines = _Lines(json_lines)
        with Session(options, lines, patient=not 0 < speed <= 1) as session:
            play(clip, session, speed, stop)
            session.finish(None if stop() else clip.facts.duration or None)
        lines.end(session.counts)


class _Lines:
    """Rows on the terminal, from any thread."""

    def __init__(self, plain: bool) -> None:
        self._plain = plain
        self._console = Console(highlight=False)
        self._turn = threading.Lock()

    def __call__(self, row: Any) -> None:
        """Write a row; a line of text for windows and utterances, JSON for all."""
        with self._turn:
            if self._plain:
                self._json(row)
            elif row.kind == "utterance" and row.text:
                self._line(row, f"“{row.text}”")
            elif row.kind == "window" and row.final:
                said = [f"{n} {one.top(0) or '-'}" for n, one in row.by_branch.items()]
                self._line(row, "  ".join(said))

    def end(self, counts: Any) -> None:
        """Write what was taken."""
        if self._plain:
            self._json(counts)
            return
        self._console.print(
            f"{counts.sound:.1f} s of sound, {counts.pictures} pictures looked at, "
            f"{counts.dropped} left out, {counts.unreadable} unreadable."
        )

    def _json(self, row: Any) -> None:
        import json

        typer.echo(json.dumps(row.to_dict(), ensure_ascii=False))

    def _line(self, row: Any, rest: str) -> None:
        top = row.fused.top(0)
        share = f"{row.fused.probs[0].max():4.0%}" if top else "    "
        line = Text(f"{row.segment!s:>15}  ", style="dim")
        line.append(f"{top or '-':<9}{share}  ", style="bold")
        line.append(rest)
        line.append(f"  ({row.latency:.1f} s)", style="dim")
        self._console.print(line, soft_wrap=True)
