"""Small valid inputs of each target of ``tests/fuzz_targets.py``: where fuzzing starts."""

from __future__ import annotations

import json
import struct
import zlib
from functools import cache

from mien.options import Options
from mien.packs import EMBEDDED
from mien.shortcuts import analyze_text
from tests.fuzz_targets import SUFFIXES, TABLES

TTML = """<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml" xml:lang="en"
 xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="24" ttp:tickRate="1000"
 ttp:frameRateMultiplier="1000 1001"><head><metadata><agent xml:id="a"><name>Ann</name></agent>
</metadata></head><body begin="1s"><div timeContainer="seq" agent="a"><p begin="00:00:01:10"
 end="2.5s">Well<br/>no</p><p dur="24f"><span begin="1t" end="9000t">yes <span ruby="text">x</span>
</span></p></div></body></tt>"""
EAF = """<?xml version="1.0"?><ANNOTATION_DOCUMENT AUTHOR="" DATE="2020-01-01T00:00:00+00:00"
 FORMAT="2.8" VERSION="2.8" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="x"><HEADER><PROPERTY NAME="lastUsedAnnotation">0</PROPERTY></HEADER>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="100"/><TIME_SLOT TIME_SLOT_ID="ts3"
 TIME_VALUE="900"/></TIME_ORDER><TIER TIER_ID="words" LINGUISTIC_TYPE_REF="d"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
<ANNOTATION_VALUE>well no</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="d" TIME_ALIGNABLE="true" GRAPHIC_REFERENCES="false"/>
</ANNOTATION_DOCUMENT>"""
TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 2
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 2
            text = "well no"
"""
SSA = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,16

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.50,Default,Ann,0,0,0,,{\\i1}Well{\\i0}\\N {\\p1}m 0 0{\\p0}no
"""
JSONS = (
    {"segments": [{"start": 1.0, "end": 2.0, "text": "well", "avg_logprob": -0.2, "speaker": 1,
                   "words": [{"word": "well", "start": 1.0, "end": 1.5, "score": 0.9}]}],
     "language": "en"},
    {"transcription": [{"offsets": {"from": 0, "to": 900}, "text": "well", "tokens": [{"p": 1}]}]},
    {"chunks": [{"timestamp": [0, None], "text": "well"}, {"timestamp": [1, 2], "text": " no no"}]},
    {"events": [{"tStartMs": 10, "dDurationMs": 900, "segs": [{"utf8": "well"}]}]},
    {"results": {"items": [{"type": "pronunciation", "start_time": "1", "end_time": "2",
                            "alternatives": [{"content": "well", "confidence": "0.9"}]},
                           {"type": "punctuation", "alternatives": [{"content": "."}]}]}},
    {"results": {"channels": [{"alternatives": [{"words": [
        {"word": "well", "start": 1, "end": 2, "speaker": 0}]}]}]}},
    {"results": [{"alternatives": [{"words": [{"startTime": "1.3s", "endTime": "2s",
                                               "word": "well", "speakerTag": 1}]}]}]},
    {"results": [{"type": "word", "start_time": 1, "end_time": 2,
                  "alternatives": [{"content": "well", "speaker": "S1"}]}]},
    {"recognizedPhrases": [{"offsetInTicks": 1e7, "durationInTicks": 1e7,
                            "nBest": [{"display": "well", "confidence": 0.9}]}]},
    {"audio_url": "", "words": [{"text": "well", "start": 1000, "end": 2000}]},
    {"monologues": [{"speaker": 1, "elements": [{"type": "text", "ts": 1, "end_ts": 2,
                                                 "value": "well"}, {"type": "punct",
                                                                    "value": "."}]}]},
    {"result": [{"word": "well", "start": 1, "end": 2, "conf": 0.9}], "text": "well"},
    {"schema": "mien.analysis/3", "transcript": {"lines": [
        {"segment": [1, 2], "text": "well", "confidence": 0.9, "speaker": None, "words": [
            {"text": "well", "segment": [1, 2], "confidence": 1}]}]}},
    {"text": "well", "duration": 1},
)  # fmt: skip
WORDS: dict[str, tuple[str, ...]] = {
    ".srt": (
        "1\n00:00:01,000 --> 00:00:02,500\n<i>Well</i> {\\an8}&amp; no\n\n2\n00:00:03:12 -->"
        " 0:04\n[door slams]\n- Ann: yes\n>> no\n",
    ),
    ".vtt": (
        "WEBVTT\nKind: captions\n\nNOTE x\n\nSTYLE\n\nid\n00:01.000 --> 00:02.500 align:start\n"
        "<v.loud Ann>Well<00:01.500><c> no</c></v> <ruby>a<rt>b</rt></ruby>\n",
    ),
    ".ass": (SSA, SSA.replace("V4+", "V4").replace("Layer", "Marked")),
    ".ttml": (
        TTML,
        '<transcript><text start="1" dur="2">well</text></transcript>',
        '<timedtext format="3"><body><p t="1000" d="900"><s>well</s></p></body></timedtext>',
    ),
    ".sbv": ("0:00:01.000,0:00:02.500\nwell[br]no\n",),
    ".smi": (
        "<SAMI><BODY><SYNC Start=1000><P Class=ENCC>Well<br>no<SYNC Start=2000>"
        "<P Class=ENCC>&nbsp;</BODY></SAMI>",
    ),
    ".lrc": ("[ti:x]\n[00:01.00][00:05:10]well\n[00:02.50]no\n",),
    ".sub": ("{1}{1}25\n{10}{50}{y:i}well|no\n{60}{90}yes\n",),
    ".mpl": ("[10][25]/well|no\n",),
    ".eaf": (EAF,),
    ".textgrid": (TEXTGRID,),
    ".ctm": ("f 1 0.5 0.4 well 0.9\nf 1 1.0 0.4 no NA\n",),
    ".stm": ("f 1 ann 0.5 0.9 <o,f0> well no\n",),
    ".csv": (
        "start,end,speaker,text\n0.5,1.5,Ann,well\n",
        "start;end;text\n500;1500;well\n",
    ),
    ".tsv": ("start\tend\ttext\n100\t900\twell\n", "a\t0:00:01.0\t0:00:02.0\twell no\n"),
    ".txt": (
        "Ann Lee  0:05\nwell no\n\nBob  0:09\nyes\n\nAnn Lee  0:12\nno\n",
        "[00:00.200 --> 00:02.300]  well\n[00:02.300 --> 00:03.000]  no\n",
        "0.5\t1.5\twell\n1.5\t2.5\tno\n",
        "00:00:01:well|no\n00:00:02:yes\n",
        "Ann: Well, no. (laughs)\nBob: ♪ la ♪\n",
    ),
    ".json": tuple(json.dumps(one) for one in JSONS),
    ".jsonl": ('{"start": 1, "end": 2, "text": "well"}\n{"start": 2, "end": 3, "text": "no"}\n',),
}
HEAD = "item,branch,label,group,seconds,quality,anger,disgust,fear,joy,neutral,sadness,surprise"
TABLE_SEEDS: dict[str, tuple[str, ...]] = {
    "posteriors": (
        f"{HEAD},pack\na,text,joy,g,1,0.5,0,0,0,1,0,0,0,\na,voice,joy,g,1,1,.1,.1,.1,.4,.1,.1,.1,\n",
        "mode,fileName,A,D,F,H,N,S,meanEmoResp\nvoice,1001_DFA_ANG_XX,5,1,1,1,1,1,60\n"
        "face,1001_DFA_ANG_XX,5,1,1,1,1,1,NA\n",
    ),
    "texts": (
        "text,label,group,split,spoken\nwell,joy,a,train,1\n",
        "I know\t3\tabc\n",
        "Sr No.,Utterance,Speaker,Emotion,Dialogue_ID\n1,well,Ann,joy,0\n",
        "ID|Field1|SIT|x\n1|joy|When I met a friend|y\n",
    ),
    "voices": ("path,label,speaker,corpus,split\na.wav,joy,1,x,test\n",),
    "spoken": ("path,text\na.wav,well no\n", "path,text,split\na.wav,well,test\n"),
    "faces": (
        "emotion,pixels,Usage\n3," + "1 " * 2303 + "2,Training\n",
        "path,label\na.png,joy\n",
    ),
}
TEXT = (
    'Dr. Lee left at 3.30 p.m. on foot. "Why?" he asked. Nobody knew, and so it went on and on '
    "for many words, more than sixty of them. " * 5
)


def _png() -> bytes:
    rows = zlib.compress(bytes(7 * 4))
    out = b"\x89PNG\r\n\x1a\n"
    for kind, content in (
        (b"IHDR", struct.pack(">IIBBBBB", 2, 4, 8, 2, 0, 0, 0)),
        (b"IDAT", rows),
        (b"IEND", b""),
    ):
        out += struct.pack(">I", len(content)) + kind + content
        out += struct.pack(">I", zlib.crc32(kind + content))
    return out


PICTURES = (
    _png(),
    b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x11\x08\0\2\0\4\3\1\x11\0",
    b"GIF89a\4\0\2\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\0\0\0\0\0,\0\0\0\0\4\0\2\0\0\2\2D\1\0"
    b",\0\0\0\0\4\0\2\0\0\2\2D\1\0;",
    b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\4\0\0\0\2\0\0\0\1\0\x18\0" + bytes(30),
    b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\3\x40\0\0\7\x10\x11\x11\x88\x88\xfe\7\0",
    b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\3\0\0\1\0\0",
    b"II*\0\x08\0\0\0\2\0\0\1\3\0\1\0\0\0\4\0\0\0\1\1\3\0\1\0\0\0\2\0\0\0\0\0\0\0",
    b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\2\1\0\0\4" + bytes(40),
    b"\0\0\0\x1cftypavif\0\0\0\0avifmif1\0\0\0\x14ispe\0\0\0\0\0\0\0\4\0\0\0\2",
    b"\xff\x4f\xff\x51\0\x29\0\0\0\0\0\4\0\0\0\2" + bytes(30),
    b"P6 # x\n4 2\n255\n" + bytes(24),
    b'<?xml version="1.0"?><!-- x --><svg/>',
    b"#EXTM3U\n", b"PK\3\4", b"%PDF", b'{"a": 1}', b"v=0\no=-", bytes(40),
)  # fmt: skip
WAV = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x08\0\0\0"


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    """The seeds of a target."""
    return tuple(_MADE[name]())


def _cues() -> list[bytes]:
    return [
        bytes([SUFFIXES.index(suffix)]) + one.encode()
        for suffix, many in WORDS.items()
        for one in many
    ]


def _markup() -> list[bytes]:
    return [one.encode() for many in WORDS.values() for one in many if "<" in one or "{" in one]


def _manifest() -> list[bytes]:
    return [(EMBEDDED / name / "pack.json").read_bytes() for name in ("face", "text", "fusion")]


def _analysis() -> list[bytes]:
    value = analyze_text("I am so happy.\nI do not know.").to_dict()
    small = json.dumps(value)
    value |= {"by_branch": {}, "people": {}, "explanations": []}
    return [small.encode(), json.dumps(value).encode()]


def _tables() -> list[bytes]:
    names = list(TABLES)
    return [
        bytes([names.index(name)]) + one.encode()
        for name, many in TABLE_SEEDS.items()
        for one in many
    ] + [bytes([len(names) + names.index("texts")]) + b"I know\t3\tabc\n"]


def _options() -> list[bytes]:
    changed = Options(start=1.0, end=9.0).to_dict() | {"branches": {"text": {"pack": "x"}}}
    return [json.dumps(one).encode() for one in (Options().to_dict(), changed, {})]


def _states() -> list[bytes]:
    key = {"size": 1, "mtime_ns": 2}
    lines = (
        {"mien-batch": 1},
        {"begun": "/a.wav", "name": "a", "key": key},
        {"finished": "/a.wav", "key": key, "row": {"state": "done", "course": [[1] * 7]}},
    )
    return [b"".join(json.dumps(one).encode() + b"\n" for one in lines)]


_MADE = {
    "cues": _cues,
    "turns": lambda: [
        b"SPEAKER talk 1 0.5 2 <NA> <NA> Ann <NA> <NA>\nSPEAKER b 1 0 1 <NA> <NA> B 0.9 <NA>\n",
        b";; x\nSPKR-INFO talk 1 <NA> <NA> <NA> unknown Ann <NA>\n"
        b"SPEAKER\tmy talk\t1\t1e1\t.5\t<NA>\t<NA>\tAnn Lee\t<NA>\t<NA>\r\n",
    ],
    "riff": lambda: [WAV + bytes(8), WAV.replace(b"data", b"LIST") + b"INFO"],
    "kinds": lambda: [b"\0" + one for one in PICTURES],
    "markup": _markup,
    "texts": lambda: [TEXT.encode(), TEXT.encode("utf-16"), TEXT.encode("utf-16-le")],
    "names": lambda: [b"talk.mp4|talk.srt|talk.en-US.sdh.srt", "tälk .wav|talk.de.vtt".encode()],
    "manifest": _manifest,
    "pool": lambda: [(EMBEDDED / "fusion" / "pool.json").read_bytes()],
    "analysis": _analysis,
    "tables": _tables,
    "options": _options,
    "blends": lambda: [
        b'\0{"bittersweet": {"joy": 2, "sadness": 1, "conflict": true}}',
        b"\1[bittersweet]\njoy = 2\nsadness = 1\n",
    ],
    "states": _states,
    "lists": lambda: [b"a.wav\nb/c.wav\r\n\xff.wav\n"],
}
