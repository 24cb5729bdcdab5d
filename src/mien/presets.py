"""Whole systems by name: ``--preset paper``.

The system of the paper consists of Whisper tiny, a text classifier of the RoBERTa family, the
wav2vec 2.0 that ``mien train voice --recipe paper`` fine-tunes, a face pack that judges one face at
its most emotional moment, and fusion weights by the length of the clip. Nothing is downloaded here:
``mien models pull paper`` fetches the parts that a hub has, the other parts are trained, and any
part may be a folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mien.errors import HubError, MissingExtraError, OptionError, PackError
from mien.hub import fetch, is_hub_id
from mien.hub.transfer import Told
from mien.options import FaceOptions, FusionOptions, Options, SpeechOptions
from mien.pack_folders import cache_folder, cached_pack
from mien.packs import Pack
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
"""The command, without ``--out``, that trains a part which no hub has."""


@dataclass(frozen=True)
class Paper:
    """Where the parts of the paper's system are.

    Args:
        asr: as for ``--asr``; a folder in the form of CTranslate2 as ``whisper:FOLDER``.
        text: hub id, checkpoint or pack of the text classifier.
        voice: checkpoint or pack; None for the folder of :func:`place`.
        face: pack; None for the folder of :func:`place`.
    """

    asr: str = "whisper:tiny"
    text: str = TEXT
    voice: str | Path | None = None
    face: str | Path | None = None


def place(part: str) -> Path:
    """The folder in which the trained ``voice`` or ``face`` of the paper is looked for."""
    return cache_folder() / "paper" / part


def paper(parts: Paper | None = None, say: Say = print) -> Options:
    """The options of the paper's system; every part is checked before any work is done.

    Args:
        parts: where the parts are.
        say: told when a checkpoint is converted into a pack, which is done once.

    Raises:
        HubError: naming every part that is not on this machine and the command that provides it.
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
        missing.append(f"the speech recogniser {where.asr!r} (mien models pull paper)")
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
            missing.append(f"the {kind} model {name} ({how})")
    if missing:
        raise HubError(
            f"The system of the paper is not complete on this machine. Missing: "
            f"{', '.join(missing)}. Run these commands, or give the parts by --asr whisper:FOLDER, "
            "--text, --voice and --face."
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


def pull(preset: str, say: Say = print, told: Told = lambda doing, share: None) -> None:
    """Fetch the parts of a preset that a hub has; complete files are kept, and all are verified.

    Args:
        preset: its name.
        say: told of each part that is complete.
        told: as for :func:`mien.hub.fetch`.

    Raises:
        HubError: if the hub cannot be reached or gives other files than it describes.
        MissingExtraError: if the extra 'hub' is not installed.
        OptionError: if there is no such preset.
    """
    if preset not in NAMES:
        raise OptionError.choice("preset", preset, NAMES)
    for name in (WHISPER, TEXT):
        say(f"{name} is complete in {fetch(name, told)}")
    ready_pack(TEXT, say, download=False)
    for part, command in TRAINED_BY.items():
        if not place(part).is_dir():
            say(f"train the {part} model yourself: {command} --out {place(part)}")


def ready_pack(name: str, say: Say, *, download: bool) -> str:
    """The folder of a pack, or the hub id of a cached one; a checkpoint is converted once.

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
    """The folder of the random split, which is the paper's, where the recipe wrote several."""
    inside = Path(where) / "random"
    return inside if (inside / "config.json").exists() else where


def _folder(name: str) -> Path:
    folder = cached_pack(name) if is_hub_id(name) else Path(name)
    if not (folder / "pack.json").exists():
        raise PackError(f"{folder} is neither a pack nor a checkpoint: it contains no pack.json.")
    return folder
