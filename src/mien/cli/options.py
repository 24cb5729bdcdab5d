"""The options of ``mien analyze``, as types: what each is called and what its help says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Recording = Annotated[Path, Argument(help="A recording, a picture or a .txt file.")]

# What is written.
Json = Annotated[
    str | None, Option("--json", metavar="FILE", help="Write the analysis; - for stdout.")
]
Figure = Annotated[
    Path | None, Option(metavar="FILE", help="Draw grouped bars (.png, .svg, .pdf).")
]
Report = Annotated[
    Path | None, Option(metavar="FILE", help="Write a page to look at (.html), by windows.")
]
ReportMedia = Annotated[
    str, Option(help="In the page: embed, link, none; auto embeds up to 48 MB, else links.")
]
Transcript = Annotated[
    Path | None, Option(metavar="FILE", help="Write the words (.txt, .srt, .vtt).")
]
Exports = Annotated[
    list[Path] | None,
    Option("--export", metavar="FILE", help="Write it for another tool; repeatable."),
]
ExportFormat = Annotated[
    str | None, Option("--format", help="Of the exports, whatever their suffix.")
]
Resume = Annotated[bool, Option("--resume", help="Go on with the partial analysis at --json.")]

# What is looked at.
Start = Annotated[float, Option(help="Analyse from here, seconds.")]
End = Annotated[float | None, Option(help="Analyse up to here, seconds.")]
By = Annotated[
    str | None,
    Option(help="clip, utterance or window.", show_default="clip; window with --report"),
]
Window = Annotated[float, Option(help="Seconds of a window.")]
Step = Annotated[float, Option(help="Seconds from window to window.")]
Words = Annotated[
    Path | None, Option(metavar="FILE", help="A transcript to use instead of hearing.")
]
Asr = Annotated[str, Option(help="auto, whisper[:MODEL], pocketsphinx or none.")]
Fps = Annotated[float, Option(help="Pictures looked at per second.")]
Detector = Annotated[str, Option(help="Of faces: auto, haar or yunet:FILE.")]
Face = Annotated[str, Option(help="primary, all or a person's number.")]
FacePolicy = Annotated[
    str, Option(help="mean, or peak: the most emotional moment alone (the paper's).")
]

# What judges it.
Fusion = Annotated[
    str, Option(help="pooled, length (the paper's), mean, best, product, or a fusion PACK.")
]
Weights = Annotated[
    str | None, Option(metavar="LIST", help="In place of the learned: text=.5,voice=1,face=1.")
]
MaxRisk = Annotated[
    float | None,
    Option(metavar="SHARE", help="Wrong answers put up with; beyond it: undecided."),
]
Blends = Annotated[
    Path | None, Option(metavar="FILE", help="Named mixtures to add (.toml, .json).")
]
TextPack = Annotated[str | None, Option("--text", metavar="PACK|HUBID")]
VoicePack = Annotated[str | None, Option("--voice", metavar="PACK|HUBID")]
FacePack = Annotated[Path | None, Option("--face-pack", metavar="PACK")]
