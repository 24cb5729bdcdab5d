"""Error rates of language detection: English taken for another language, and the reverse.

    python benchmarks/language.py --data TEXTS --out benchmarks/results

``TEXTS`` contains GoEmotions and MELD, written and spoken English; each text is tested alone. The
sentences in other languages were written for this test, short as in speech. Writes ``language.md``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mien.convert.provenance import commit, machine
from mien.datasets import load_texts
from mien.language import foreign

OTHERS = {
    "de": (
        "Ich freue mich so, dich zu sehen!",
        "Das ist mir völlig egal.",
        "Warum hast du mir das nicht gesagt?",
        "Ich habe Angst vor morgen.",
        "Du bist der beste Freund, den man haben kann.",
        "Lass mich in Ruhe!",
        "Das darf doch nicht wahr sein.",
        "Mir ist schlecht.",
        "Na gut, dann eben nicht.",
        "Gestern ist meine Oma gestorben.",
        "So ein Mist!",
        "Wir haben gewonnen!",
        "Der Zug fährt um acht Uhr ab.",
        "Igitt, das stinkt ja furchtbar.",
        "Vielen Dank für alles.",
        "Das hätte ich nie gedacht.",
        "Ja.",
        "Komm jetzt endlich her.",
        "Ich weiß nicht, was ich sagen soll.",
        "Wo warst du die ganze Nacht?",
    ),
    "fr": (
        "Je suis tellement contente de te voir !",
        "Ça m'est complètement égal.",
        "Pourquoi tu ne m'as rien dit ?",
        "J'ai peur du noir.",
        "Tu es mon meilleur ami.",
        "Laisse-moi tranquille !",
        "Ce n'est pas possible.",
        "J'en ai marre de toi.",
        "D'accord, on y va.",
        "Ma grand-mère est morte hier.",
        "Quelle horreur !",
        "On a gagné !",
        "Le train part à huit heures.",
        "Beurk, ça sent mauvais.",
        "Merci beaucoup pour tout.",
        "Je ne m'y attendais pas du tout.",
        "Oui.",
        "Viens ici tout de suite.",
        "Je ne sais pas quoi dire.",
        "Où étais-tu toute la nuit ?",
    ),
    "es": (
        "¡Estoy tan feliz de verte!",
        "Me da completamente igual.",
        "¿Por qué no me lo dijiste?",
        "Tengo miedo de la oscuridad.",
        "Eres mi mejor amigo.",
        "¡Déjame en paz!",
        "No puede ser verdad.",
        "Estoy harto de ti.",
        "Está bien, vamos.",
        "Mi abuela murió ayer.",
        "¡Qué horror!",
        "¡Hemos ganado!",
        "El tren sale a las ocho.",
        "Qué asco, huele muy mal.",
        "Muchas gracias por todo.",
        "No me lo esperaba para nada.",
        "Sí.",
        "Ven aquí ahora mismo.",
        "No sé qué decir.",
        "¿Dónde estuviste toda la noche?",
    ),
    "it": (
        "Sono così felice di vederti!",
        "Lasciami in pace!",
        "Non me l'aspettavo.",
        "Che schifo!",
    ),
    "pt": ("Estou tão feliz em te ver!", "Me deixa em paz!", "Eu não esperava isso.", "Que nojo!"),
    "nl": (
        "Ik ben zo blij je te zien!",
        "Laat me met rust!",
        "Dat had ik niet gedacht.",
        "Wat vies!",
    ),
    "sv": (
        "Jag är så glad att se dig!",
        "Lämna mig ifred!",
        "Det hade jag inte väntat mig.",
        "Usch!",
    ),
    "pl": ("Tak się cieszę, że cię widzę!", "Zostaw mnie w spokoju!", "Boję się.", "Ale ohyda!"),
    "tr": ("Seni gördüğüme çok sevindim!", "Beni rahat bırak!", "Çok korkuyorum.", "İğrenç!"),  # noqa: RUF001
    "ru": ("Я так рада тебя видеть!", "Оставь меня в покое!", "Мне страшно.", "Какая гадость!"),
    "ar": ("أنا سعيد جدا برؤيتك", "اتركني وشأني", "أنا خائف", "هذا مقرف"),
    "hi": ("तुमसे मिलकर बहुत खुशी हुई", "मुझे अकेला छोड़ दो", "मुझे डर लग रहा है", "यह घिनौना है"),
    "zh": ("见到你我真高兴", "别烦我", "我很害怕", "真恶心"),
    "ja": ("会えてとても嬉しい", "ほっといて", "怖いよ", "気持ち悪い"),
}


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of GoEmotions and MELD")
    parser.add_argument("--out", type=Path, required=True, help="folder for the result")
    given = parser.parse_args()
    foreign("to load the model")
    lines = ["# Is it English?", "", f"* commit: {commit()}", f"* machine: {machine()}", ""]
    lines += [
        "| texts | language | n | rejected | share | examples | ms per text |",
        "|---" * 7 + "|",
    ]
    for name in (
        "goemotions/dev.tsv",
        "goemotions/train.tsv",
        "meld/dev_sent_emo.csv",
        "meld/train_sent_emo.csv",
    ):
        lines.append(_row(name, "en", [str(t) for t in load_texts(given.data / name).items]))
    for code, sentences in OTHERS.items():
        lines.append(_row("made up", code, sentences))
    page = "\n".join(lines) + "\n"
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "language.md").write_text(page, encoding="utf-8")
    print(page)
    return 0


def _row(name: str, code: str, texts: Sequence[str]) -> str:
    """The rejected texts of a language; the examples are errors."""
    started = time.process_time()
    found = [foreign(text) for text in texts]
    spent = (time.process_time() - started) / len(texts) * 1e3
    refused = sum(one is not None for one in found)
    wrong = [t for t, one in zip(texts, found, strict=True) if (one is not None) == (code == "en")]
    shown = "; ".join(text.replace("|", "/")[:40] for text in wrong[:4])
    return (
        f"| {name} | {code} | {len(texts)} | {refused} | {refused / len(texts):.2%} | {shown} | "
        f"{spent:.2f} |"
    )


if __name__ == "__main__":
    sys.exit(main())
