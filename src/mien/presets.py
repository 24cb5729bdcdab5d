"""Whole systems by one word: ``--preset paper``.

The paper's: Whisper tiny, a RoBERTa-family classifier of words, the wav2vec 2.0 that ``mien train
voice --recipe paper`` fine-tunes, the face net of ``mien train face --recipe paper``, one face at
its most emotional moment, weights by the clip's length. Nothing is fetched here: ``mien models pull
paper`` brings what a hub has, the rest is trained, and any part may be a folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mien.errors import HubError, MissingExtraError, OptionError, PackError
from mien.hub import fetch, is_hub_id
from mien.options import FaceOptions, FusionOptions, Options, SpeechOptions
from mien.packs import Pack, cache_folder, cached_pack
from mien.perceive.engines import choose_engine

Say = Callable[[str], None]

NAMES = ("paper",)
WHISPER = "Systran/faster-whisper-tiny"
"""openai/whisper-tiny in CTranslate2's form."""
TEXT = "j-hartmann/emotion-english-distilroberta-base"
TRAINED_BY = {
    "voice": "mien train voice --recipe paper --data TESS",
    # The paper's own face nets are for its tables: that recipe writes no pack.
    "face": "mien train face --data FER2013",
}
"""The command, but for ``--out``, that trains a part which no hub has."""


@dataclass(frozen=True)
class Paper:
    """Where the parts of the paper's system lie.

    Args:
        asr: as of ``--asr``; a folder in CTranslate2's form as ``whisper:FOLDER``.
        text: hub id, checkpoint or pack of the classifier of words.
        voice: checkpoint or pack; None for where :func:`place` says.
        face: pack; None for where :func:`place` says.
    """

    asr: str = "whisper:tiny"
    text: str = TEXT
    voice: str | Path | None = None
    face: str | Path | None = None


def place(part: str) -> Path:
    """Where the trained ``voice`` and ``face`` of the paper are looked for by themselves."""
    return cache_folder() / "paper" / part


def paper(parts: Paper | None = None, say: Say = print) -> Options:
    """The options of the paper's system; every part is looked for before any work is done.

    Args:
        parts: where the parts lie.
        say: told when a pack is made of a checkpoint, which is done once.

    Raises:
        HubError: naming every part that is not on this machine and how to come by it.
        MissingExtraError: if an extra that a part needs is not installed.
        PackError: if a part is of another kind or damaged.
    """
    where = parts or Paper()
    voice = _trained(where.voice or place("voice"))
    face = where.face or place("face")
    missing = []
    try:
        choose_engine(where.asr)
    except HubError:
        missing.append(f"the transcript engine {where.asr!r} (mien models pull paper)")
    packs: dict[str, str] = {}
    wanted = {
        "text": (where.text, "mien models pull paper"),
        "voice": (voice, f"{TRAINED_BY['voice']} --out {place('voice')}"),
        "face": (face, f"{TRAINED_BY['face']} --out {place('face')}"),
    }
    for kind, (name, how) in wanted.items():
        try:
            packs[kind] = ready_pack(str(name), say, download=False)
        except HubError:
            missing.append(f"the {kind} net {name} ({how})")
    if missing:
        raise HubError(
            f"The paper's system is not whole on this machine; it lacks {', '.join(missing)}; or "
            "give folders: --asr whisper:FOLDER, --text, --voice, --face-pack."
        )
    for kind, folder in packs.items():
        Pack(_folder(folder), kind)
    return Options(
        speech=SpeechOptions(asr=where.asr),
        # The paper's labels are those of FER-2013; the shipped pack gives them on request.
        faces=FaceOptions(person="primary", policy="peak", convention="fer2013"),
        fusion=FusionOptions(rule="length"),
        branches={kind: {"pack": pack} for kind, pack in packs.items()},
    )


def pull(preset: str, say: Say = print) -> None:
    """Bring what a hub has of a preset; complete files are kept, and all are checked.

    Raises:
        HubError: if the hub cannot be reached or gives other files than it describes.
        MissingExtraError: if the extra 'hub' is not installed.
        OptionError: if there is no such preset.
    """
    if preset not in NAMES:
        raise OptionError.choice("preset", preset, NAMES)
    for name in (WHISPER, TEXT):
        say(f"{name} is complete in {fetch(name)}")
    ready_pack(TEXT, say, download=False)
    for part, command in TRAINED_BY.items():
        if not place(part).is_dir():
            say(f"the {part} net is yours to train: {command} --out {place(part)}")


def ready_pack(name: str, say: Say, *, download: bool) -> str:
    """A pack's folder, or the hub id of a cached one; a checkpoint is made into a pack once.

    Args:
        name: a pack, a checkpoint's folder, or a hub id.
        say: told of the conversion.
        download: fetch a hub id that is not on this machine.

    Raises:
        HubError: if it is not here, or cannot be fetched.
        MissingExtraError: if a pack has to be made and the extra 'hub' is not installed.
    """
    here = Path(name).expanduser()
    if is_hub_id(name) and cached_pack(name).exists():
        return name
    if not is_hub_id(name) and not (here / "config.json").exists():
        if not here.exists():
            raise HubError(f"There is nothing at {name}; give the folder of a pack or checkpoint.")
        return str(here)
    try:
        from mien.convert.pack import pack_of
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mien"):
            raise
        raise MissingExtraError(f"A pack of {name!r}", "hub") from None
    return str(pack_of(name, say, download=download))


def _trained(where: str | Path) -> Path | str:
    """The recipe leaves a folder a split; the paper's is the random one."""
    inside = Path(where) / "random"
    return inside if (inside / "config.json").exists() else where


def _folder(name: str) -> Path:
    folder = cached_pack(name) if is_hub_id(name) else Path(name)
    if not (folder / "pack.json").exists():
        raise PackError(f"{folder} is neither a pack nor a checkpoint: it holds no pack.json.")
    return folder
