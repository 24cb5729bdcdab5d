"""The groups of options, one a room: media, segmentation, speech, faces, fusion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mien.errors import OptionError
from mien.files import is_folder
from mien.options.group import FrozenMap, Group, option

POOLED = "pooled"
RULES = ("length", "mean", "best", "product")
"""The fusion rules that learn nothing; :mod:`mien.fusion.rules` holds them."""
ENGINES = ("auto", "whisper", "whisper:MODEL", "none")
SOURCES = ("auto", "spoken", "written")
SPEAKERS = ("auto", "none")
"""What ``speech.speakers`` may be beside the path of a file."""
PEOPLE = ("primary", "all")
POLICIES = ("mean", "peak")
WAYS = ("clip", "utterance", "window", "speaker")
DECODING = ("max_hours", "sandbox", "sandbox_memory", "sandbox_cpu", "sandbox_wall", "sandbox_disk")
"""Options of ``media`` that decide how a file is decoded, and whether at all, but no answer."""
DETECTORS = ("auto", "embedded", "yunet:FILE")


@dataclass(frozen=True)
class MediaOptions(Group):
    """How a file is opened: which sound is analysed, and what decoding may use.

    Args:
        audio_track: number of the audio track, the first is 1, or its language as the file has it
            (``eng``) or in two letters (``en``); None for the one that the file marks as default.
        audio_channel: number of the one channel that is used, the first is 1; None for a mix of
            all.
        max_hours: hours of sound or pictures that are decoded at most; gaps do not count.
        sandbox: decode the file in a process of its own that may open nothing else; Linux alone.
        sandbox_memory: gigabytes that this process may use.
        sandbox_cpu: seconds of processor time for a file, and again for each megabyte of it.
        sandbox_wall: seconds for a file, and again for each minute that it claims to last.
        sandbox_disk: gigabytes of each of its two temporary files.

    Raises:
        OptionError: if one of them has a value it cannot have.

    Examples:
        >>> MediaOptions("2").audio_track, MediaOptions("DE").audio_track
        (2, 'de')
    """

    group: ClassVar[str] = "media"
    audio_track: int | str | None = option(
        None,
        "--audio-track",
        "Audio track by its number, from 1, or its language. Default: that of the file.",
    )
    audio_channel: int | None = option(
        None, "--audio-channel", "Audio channel by its number, from 1. Default: a mix of all."
    )
    max_hours: float = option(
        48.0, "--max-hours", "Maximum length of a recording in hours; gaps do not count."
    )
    sandbox: bool = option(
        False,
        "--sandbox",
        "Decode in a process that can open no other file (Linux); --no-sandbox for batch.",
    )
    sandbox_memory: float = option(
        4.0, "--sandbox-memory", "Memory that decoding in the sandbox may use, in GB."
    )
    sandbox_cpu: float = option(
        120.0,
        "--sandbox-cpu",
        "Processor seconds in the sandbox for a file, and again for each megabyte of it.",
    )
    sandbox_wall: float = option(
        300.0,
        "--sandbox-wall",
        "Seconds in the sandbox for a file, and again for each minute of it.",
    )
    sandbox_disk: float = option(
        8.0, "--sandbox-disk", "Size of a temporary file of the sandbox at most, in GB."
    )

    def __post_init__(self) -> None:
        track = self.audio_track
        if isinstance(track, str):
            plain = track.strip().lower()
            self._set("audio_track", int(plain) if _decimal(plain) else plain)
        for name, also in (("audio_track", "or a language"), ("audio_channel", "")):
            value = getattr(self, name)
            remedy = " ".join(filter(None, ("give a number, the first is 1", also)))
            if value is None or (also and isinstance(value, str) and value):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise self._refuse(name, remedy)
        if not isinstance(self.sandbox, bool):
            raise self._refuse("sandbox", "give True or False")
        for name in (one for one in DECODING if one != "sandbox"):
            if not self._number(name, "give a number above 0") > 0:
                raise self._refuse(name, "give a number above 0")


@dataclass(frozen=True)
class SegmentationOptions(Group):
    """How a recording is divided into the segments that every branch judges.

    Args:
        by: ``clip`` (one segment), ``utterance`` (one per line of the transcript, or per speech
            turn without one), ``window``, or ``speaker`` (one per turn of a speaker whom the
            transcript names; as ``utterance`` where it names nobody).
        window, step: seconds, for ``window``; ``0 < step <= window``.

    Raises:
        OptionError: if one of them has a value it cannot have.
    """

    group: ClassVar[str] = "segmentation"
    by: str = option(
        "clip",
        "--by",
        "Segments: clip (the whole), utterance (line by line), window or speaker (turn by turn).",
    )
    window: float = option(5.0, "--window", "Length of a window in seconds.")
    step: float = option(2.5, "--step", "Seconds from the start of a window to the next.")

    def __post_init__(self) -> None:
        self._choice("by", WAYS)
        window = self._number("window", "give a number of seconds above 0")
        step = self._number("step", "give a number of seconds above 0")
        if not 0 < step <= window:
            raise OptionError(
                f"A window of {window:g} s with a step of {step:g} s would leave gaps; give "
                "0 < step <= window."
            )


@dataclass(frozen=True)
class SpeechOptions(Group):
    """Where the words come from.

    Args:
        asr: the speech recogniser: ``auto`` (a subtitle file beside the clip, a subtitle track,
            else Whisper tiny.en), ``whisper`` (Whisper tiny.en), ``whisper:MODEL`` (a size, a hub
            id that is on this machine, or a folder) or ``none``.
        words: a transcript to use instead of speech recognition; ``docs/words.md`` lists the
            kinds that are read.
        words_offset: seconds that are added to the times of ``words``, or of the subtitle file
            beside the recording; may be negative.
        words_source: whether the words were ``spoken`` or ``written``; ``auto``: those of a
            recording were spoken, a text was written.
        speakers: who speaks when: an RTTM file; ``auto`` for one beside the recording that bears
            its name (``talk.rttm``), if there is one, ``none``.

    Raises:
        OptionError: if one of them has a value it cannot have.
    """

    group: ClassVar[str] = "speech"
    asr: str = option(
        "auto",
        "--asr",
        "Speech recogniser: auto (subtitles if there are any), whisper, whisper:MODEL or none.",
    )
    words: Path | str | None = option(
        None, "--words", "A transcript to use instead of speech recognition."
    )
    words_offset: float = option(
        0.0,
        "--words-offset",
        "Seconds added to the times of --words or of a subtitle file; may be negative.",
    )
    words_source: str = option(
        "auto",
        "--words-source",
        "Whether the words were spoken or written; auto: written for a text, else spoken.",
    )
    speakers: Path | str = option(
        "auto",
        "--speakers",
        "Who speaks when: an RTTM file; auto (NAME.rttm beside the recording) or none. A file "
        "implies --by speaker.",
    )

    def __post_init__(self) -> None:
        check_engine(self.asr, self._name("asr"))
        self._file("words")
        self._number("words_offset", "give a number of seconds")
        self._choice("words_source", SOURCES)
        if self.speakers not in SPEAKERS:
            if self.speakers is None:
                raise self._refuse("speakers", "give the path of an RTTM file, 'auto' or 'none'")
            self._file("speakers")


@dataclass(frozen=True)
class FaceOptions(Group):
    """How faces are found, and whose face is judged.

    Args:
        person: ``primary`` (in each segment the most prominent person), ``all`` (the same, and
            every person beside it) or the number of one person.
        policy: ``mean`` (all looks at a face, weighted by quality) or ``peak`` (the most emotional
            look alone, as in the paper).
        convention: the labelling convention in which the face pack answers (``observers``,
            ``fer2013``); None for the pack's default.
        detector: ``auto`` and ``embedded`` (the net that ships), or ``yunet:FILE``.
        frame_rate: pictures looked at per second, in (0, 60].

    Raises:
        OptionError: if one of them has a value it cannot have.
    """

    group: ClassVar[str] = "faces"
    person: str | int = option(
        "primary",
        "--person",
        "Whose face: primary (the most prominent), all, or the number of a person.",
    )
    policy: str = option(
        "mean",
        "--face-policy",
        "Pooling of a face over time: mean, or peak (its most emotional moment alone).",
    )
    convention: str | None = option(
        None,
        "--convention",
        "Labelling convention of the face pack: observers or fer2013. Default: that of the pack.",
    )
    detector: str = option("auto", "--detector", "Face detector: auto, embedded or yunet:FILE.")
    frame_rate: float = option(5.0, "--fps", "Pictures analysed per second, at most 60.")

    def __post_init__(self) -> None:
        if isinstance(self.person, int) and not isinstance(self.person, bool):
            self._set("person", str(self.person))
        person = self.person
        if not isinstance(person, str) or not (person in PEOPLE or _decimal(person)):
            raise OptionError.choice(
                self._name("person"), person, (*PEOPLE, "the number of a person (0, 1, ...)")
            )
        self._choice("policy", POLICIES)
        if self.convention is not None:
            self._text("convention", "give the name of a convention, or None")
        name, _, file = self._text("detector", "give the name of a detector").partition(":")
        if self.detector not in DETECTORS[:2] and (name != "yunet" or not file):
            raise OptionError.choice(self._name("detector"), self.detector, DETECTORS)
        remedy = "give a number of pictures per second above 0 and at most 60"
        if not 0 < self._number("frame_rate", remedy) <= 60:
            raise self._refuse("frame_rate", remedy)


@dataclass(frozen=True)
class FusionOptions(Group):
    """How the answers of the branches become one.

    Args:
        rule: ``pooled`` (the pool that ships), a rule of ``RULES`` (``length`` is the paper's), or
            the folder of a pack that ``mien train fusion`` wrote.
        weights: weight of a branch by its name, in place of the learned one, at least 0; see
            :meth:`mien.fusion.pool.Pool.reweighted`. Not with a rule of ``RULES``.
        max_risk: maximum error rate in (0, 1): less certain segments are marked undecided. Not
            with a rule of ``RULES``, and not with ``weights``.
        blends: a file with named mixtures of emotions that are added to the table; see
            :func:`mien.fusion.method.read_blends`.

    Raises:
        OptionError: if one of them has a value it cannot have, or they exclude each other.
    """

    group: ClassVar[str] = "fusion"
    rule: str = option(
        POOLED,
        "--fusion",
        "Fusion rule: pooled, length (the paper's), mean, best, product, or a fusion PACK.",
    )
    weights: Mapping[str, float] | None = option(
        None, "--weights", "Weights of branches in place of the learned ones: text=0.5,voice=1."
    )
    max_risk: float | None = option(
        None,
        "--max-risk",
        "Maximum error rate, 0 to 1; less certain segments are marked undecided.",
    )
    blends: Path | str | None = option(
        None, "--blends", "A file that defines more blends of emotions (.toml, .json)."
    )

    def __post_init__(self) -> None:
        choices = (POOLED, *RULES)
        rule = self._text("rule", "give a rule, or the folder of a pack")
        if rule not in choices and not is_folder(Path(rule)):
            raise OptionError.choice(
                self._name("rule"), rule, (*choices, "the folder of a fusion pack")
            )
        if self.weights is not None:
            self._set("weights", self._checked_weights())
        if self.max_risk is not None:
            remedy = "give an error rate in (0, 1)"
            if not 0 < self._number("max_risk", remedy) < 1:
                raise self._refuse("max_risk", remedy)
        self._file("blends")
        asked = [name for name in ("weights", "max_risk") if getattr(self, name) is not None]
        if asked and rule in RULES:
            raise OptionError(
                f"The rule {rule!r} has no learned weights and no risk curve, so "
                f"{self._name(asked[0])} cannot be given; use the rule 'pooled' or a pack."
            )
        if len(asked) == 2:
            raise OptionError(
                f"{self._name('weights')} and {self._name('max_risk')} cannot be given together: "
                "the risk was measured with the learned weights and does not hold for others."
            )

    def _checked_weights(self) -> FrozenMap:
        if not isinstance(self.weights, Mapping):
            raise self._refuse("weights", "give a mapping from branch to weight")
        out = {}
        for name, weight in self.weights.items():
            number = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not number or not 0 <= weight < math.inf:
                raise OptionError(f"The weight of {name} is {weight!r}; give a number >= 0.")
            out[str(name)] = float(weight)
        return FrozenMap(out)


def check_engine(asr: str, option: str = "asr") -> None:
    """Refuse the name of a speech recogniser that is none of ``ENGINES``.

    Raises:
        OptionError: naming them.
    """
    name, colon, model = asr.partition(":") if isinstance(asr, str) else ("", "", "")
    known = name in ENGINES and asr != ENGINES[2]
    if not known or (colon and (name != "whisper" or not model)):
        raise OptionError.choice(option, asr, ENGINES)


def _decimal(text: str) -> bool:
    return text.isascii() and text.isdecimal()
