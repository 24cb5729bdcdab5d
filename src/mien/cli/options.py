"""The options of commands, as types: what each is called and what its help says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Recordings = Annotated[
    list[Path],
    Argument(help="Recordings, pictures or .txt files; of several, one result each."),
]

# What is written.
Json = Annotated[
    str | None, Option("--json", metavar="FILE", help="Write the analysis; - for stdout.")
]
Figure = Annotated[Path | None, Option(metavar="FILE", help="Draw it (.png, .svg, .pdf).")]
FigureKind = Annotated[
    str | None,
    Option(help="bars, timeline or sound; by default bars of one segment, else the timeline."),
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
AudioTrack = Annotated[
    str | None,
    Option(metavar="N|LANG", help="Hear this audio track: its number, from 1, or its language."),
]
AudioChannel = Annotated[
    int | None, Option(metavar="N", help="Hear this channel alone, from 1; else all are mixed.")
]
By = Annotated[
    str | None,
    Option(help="clip, utterance or window.", show_default="clip; window with --report"),
]
Window = Annotated[float, Option(help="Seconds of a window.")]
Step = Annotated[float, Option(help="Seconds from window to window.")]
Words = Annotated[
    Path | None, Option(metavar="FILE", help="A transcript to use instead of hearing.")
]
Asr = Annotated[str, Option(help="auto, whisper[:MODEL] (tiny.en by default) or none.")]
Fps = Annotated[float, Option(help="Pictures looked at per second.")]
Detector = Annotated[str, Option(help="Of faces: auto (the embedded net) or yunet:FILE.")]
Face = Annotated[str, Option(help="primary, all or a person's number.")]
WordsSource = Annotated[
    str, Option(help="Whether the words were spoken or written; auto: a text was written.")
]
FacePolicy = Annotated[
    str, Option(help="mean, or peak: the most emotional moment alone (the paper's).")
]

# What judges it.
Preset = Annotated[
    str | None, Option(help="paper: the paper's whole system; single options go before it.")
]
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

# Of evaluate.
Labelled = Annotated[Path, Option("--data", help="The set, or a CSV with path/text, label.")]
Split = Annotated[str | None, Option(help="A published split; all rows by default.")]
Pack = Annotated[Path | None, Option("--pack", help="The shipped one by default.")]
Figures = Annotated[Path | None, Option("--json", metavar="FILE")]
Posteriors = Annotated[
    Path | None,
    Option(metavar="FILE", help="Write what was judged (.csv, .parquet), for train fusion."),
]

# Of train fusion and evaluate fusion.
_WITNESSES = Option(
    "--data", help="Votes, a table of posteriors (CSV, Parquet), or a folder of clips."
)
Witnesses = Annotated[Path, _WITNESSES]
WitnessesIfAny = Annotated[Path | None, _WITNESSES]
Labels = Annotated[
    Path | None,
    Option(metavar="CSV", help="Of a folder: file,label[,group][,text], or a CSV of MELD."),
]
JudgedBy = Annotated[
    list[str] | None,
    Option("--for", metavar="BRANCH=PACK", help="The pack that judges, if not the shipped one."),
]
FusionPack = Annotated[
    Path | None, Option("--pack", help="Cross-validated on the data itself by default.")
]
Kept = Annotated[
    Path | None,
    Option("--posteriors", metavar="FILE", help="Of a folder: keep what is judged here (.csv)."),
]
