"""The options of commands, as types: what each is called, its panel, and what its help says.

What a flag of ``mien analyze`` means is declared once, in :mod:`mien.options`; here it gets its
type and its place in the help.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from mien.options import described

DEFAULT = {path: one.default for path, one in described().items()}
"""By path (``segmentation.window``), what an option is where it is not given."""

PANELS = {
    "": "Part of the recording",
    "media": "Sound of the recording, and decoding",
    "segmentation": "Segmentation",
    "speech": "Words and speech recognition",
    "faces": "Faces",
    "fusion": "Fusion",
}
"""The heading in the help for each group of :class:`mien.options.Options`."""
OUTPUT, PACKS = "Output", "Models"


def _flag(path: str, off: str = "", **more: Any) -> Any:
    """The flag of an option of :class:`mien.options.Options`; ``off`` switches it off."""
    one = described()[path]
    return Option(
        f"{one.flag}/{off}".rstrip("/"), help=one.meaning, rich_help_panel=PANELS[one.group], **more
    )


def _output(*names: str, **more: Any) -> Any:
    return Option(*names, rich_help_panel=OUTPUT, **more)


def _pack(branch: str) -> Any:
    return Option(
        f"--{branch}",
        metavar="PACK|HUBID",
        help=f"The {branch} model: folder of a pack or checkpoint, or hub id.",
        rich_help_panel=PACKS,
    )


Recordings = Annotated[
    list[Path],
    Argument(help="Recordings, pictures or .txt files; of several, one result each."),
]

# What is written.
Json = Annotated[
    str | None,
    _output(
        "--json",
        metavar="FILE",
        help="Write the analysis as JSON, as --export FILE.json does; - for standard output.",
    ),
]
Exports = Annotated[
    list[Path] | None,
    _output(
        "--export",
        metavar="FILE",
        help="Write the analysis as .csv, .parquet, .json, .srt, .vtt, .eaf, .TextGrid ...; "
        "repeatable.",
    ),
]
ExportFormat = Annotated[
    str | None,
    _output("--format", help="Format of the exports; the suffix decides if it is not given."),
]
Figure = Annotated[
    Path | None, _output(metavar="FILE", help="Draw the analysis (.png, .svg, .pdf).")
]
FigureKind = Annotated[
    str | None,
    _output(help="bars, timeline or sound. Default: bars for one segment, else timeline."),
]
Report = Annotated[
    Path | None,
    _output(metavar="FILE", help="Write an interactive page (.html); implies --by window."),
]
ReportMedia = Annotated[
    str,
    _output(
        help="The recording in the page: embed, link or none; auto embeds up to 48 MB, else links."
    ),
]
Transcript = Annotated[
    Path | None, _output(metavar="FILE", help="Write the transcript (.txt, .srt, .vtt).")
]
Resume = Annotated[
    bool,
    _output("--resume", help="Continue the partial analysis in the file of --json."),
]

Codings = Annotated[
    list[Path] | None,
    Option(
        "--codings",
        metavar="FILE",
        help="Labels by human coders (JSON), written beside the model's answers. Repeatable.",
    ),
]
Carry = Annotated[
    bool,
    Option(
        "--carry",
        help="Take over codings of an earlier analysis of the same recording with the same rows.",
    ),
]
Overwrite = Annotated[
    bool,
    _output(
        "--overwrite",
        help="Replace existing files that mien did not write; an input is never replaced.",
    ),
]

# What is analysed, and how.
Start = Annotated[float, _flag("start")]
End = Annotated[float | None, _flag("end")]
AudioTrack = Annotated[str | None, _flag("media.audio_track", metavar="N|LANG")]
AudioChannel = Annotated[int | None, _flag("media.audio_channel", metavar="N")]
MaxHours = Annotated[float, _flag("media.max_hours")]
Sandbox = Annotated[bool, _flag("media.sandbox", "--no-sandbox", show_default="no; batch: yes")]
SandboxMemory = Annotated[float, _flag("media.sandbox_memory", metavar="GB")]
SandboxCpu = Annotated[float, _flag("media.sandbox_cpu", metavar="SECONDS")]
SandboxWall = Annotated[float, _flag("media.sandbox_wall", metavar="SECONDS")]
SandboxDisk = Annotated[float, _flag("media.sandbox_disk", metavar="GB")]
By = Annotated[str, _flag("segmentation.by", show_default="clip; window with report pages")]
Window = Annotated[float, _flag("segmentation.window")]
Step = Annotated[float, _flag("segmentation.step")]
Words = Annotated[Path | None, _flag("speech.words", metavar="FILE")]
WordsOffset = Annotated[float, _flag("speech.words_offset", metavar="SECONDS")]
WordsSource = Annotated[str, _flag("speech.words_source")]
Asr = Annotated[str, _flag("speech.asr")]
Person = Annotated[str, _flag("faces.person", metavar="WHO")]
FacePolicy = Annotated[str, _flag("faces.policy")]
Convention = Annotated[str | None, _flag("faces.convention")]
Detector = Annotated[str, _flag("faces.detector")]
Fps = Annotated[float, _flag("faces.frame_rate")]
Fusion = Annotated[str, _flag("fusion.rule", metavar="RULE|PACK")]
Weights = Annotated[str | None, _flag("fusion.weights", metavar="LIST")]
MaxRisk = Annotated[float | None, _flag("fusion.max_risk", metavar="RATE")]
Blends = Annotated[Path | None, _flag("fusion.blends", metavar="FILE")]

# What judges it.
TextPack = Annotated[str | None, _pack("text")]
VoicePack = Annotated[str | None, _pack("voice")]
FacePack = Annotated[str | None, _pack("face")]
Preset = Annotated[
    str | None,
    Option(
        help="A whole system by name: paper. Explicit options override the preset.",
        rich_help_panel=PACKS,
    ),
]


def analysis(
    start: Start = DEFAULT["start"],
    end: End = DEFAULT["end"],
    audio_track: AudioTrack = DEFAULT["media.audio_track"],
    audio_channel: AudioChannel = DEFAULT["media.audio_channel"],
    max_hours: MaxHours = DEFAULT["media.max_hours"],
    sandbox: Sandbox = DEFAULT["media.sandbox"],
    sandbox_memory: SandboxMemory = DEFAULT["media.sandbox_memory"],
    sandbox_cpu: SandboxCpu = DEFAULT["media.sandbox_cpu"],
    sandbox_wall: SandboxWall = DEFAULT["media.sandbox_wall"],
    sandbox_disk: SandboxDisk = DEFAULT["media.sandbox_disk"],
    by: By = DEFAULT["segmentation.by"],
    window: Window = DEFAULT["segmentation.window"],
    step: Step = DEFAULT["segmentation.step"],
    words: Words = DEFAULT["speech.words"],
    words_offset: WordsOffset = DEFAULT["speech.words_offset"],
    words_source: WordsSource = DEFAULT["speech.words_source"],
    asr: Asr = DEFAULT["speech.asr"],
    person: Person = DEFAULT["faces.person"],
    face_policy: FacePolicy = DEFAULT["faces.policy"],
    convention: Convention = DEFAULT["faces.convention"],
    detector: Detector = DEFAULT["faces.detector"],
    fps: Fps = DEFAULT["faces.frame_rate"],
    fusion: Fusion = DEFAULT["fusion.rule"],
    weights: Weights = DEFAULT["fusion.weights"],
    max_risk: MaxRisk = DEFAULT["fusion.max_risk"],
    blends: Blends = DEFAULT["fusion.blends"],
    text_pack: TextPack = None,
    voice_pack: VoicePack = None,
    face_pack: FacePack = None,
    preset: Preset = None,
) -> None:
    """The options of every command that analyses recordings, as the signature of a function."""


# Of evaluate.
Labelled = Annotated[
    Path, Option("--data", help="The data set, or a CSV with the columns path or text, and label.")
]
Split = Annotated[str | None, Option(help="A published split; all rows if it is not given.")]
Pack = Annotated[
    str | None,
    Option("--pack", metavar="PACK|HUBID", help="The model; the pack that ships if not given."),
]
Figures = Annotated[
    Path | None, Option("--json", metavar="FILE", help="Write the figures as JSON.")
]
Posteriors = Annotated[
    Path | None,
    Option(
        metavar="FILE",
        help="Write the posteriors (.csv, .parquet), as mien train fusion reads them.",
    ),
]

# Of train fusion and evaluate fusion.
_POSTERIORS = Option(
    "--data", help="Votes, a table of posteriors (.csv, .parquet), or a folder of clips."
)
Table = Annotated[Path, _POSTERIORS]
TableIfAny = Annotated[Path | None, _POSTERIORS]
Labels = Annotated[
    Path | None,
    Option(
        metavar="CSV",
        help="Labels of a folder of clips: columns file,label[,group][,text], or a CSV of MELD.",
    ),
]
FusionPack = Annotated[
    Path | None,
    Option("--pack", help="The fusion pack; cross-validation on the data itself if not given."),
]
Kept = Annotated[
    Path | None,
    Option(
        "--posteriors",
        metavar="FILE",
        help="For a folder of clips: keep its posteriors here (.csv).",
    ),
]
