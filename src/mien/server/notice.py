"""What must be said to the people shown, and what the service must not be used for."""

from __future__ import annotations

from typing import Any

from mien.server.store import Store

SHOWN = "notice"
"""The fact in the store that the notice was shown."""
BANNER = """\
mien recognises emotions from faces, voices and words. Before you use it with recordings of people:

  * Tell the people shown. Article 50(3) of the EU AI Act (Regulation (EU) 2024/1689) requires that
    people who are exposed to an emotion recognition system are informed of it, and that their
    data is processed as the GDPR requires. A template: mien serve --notice
  * Do not use it at work or in education to infer the emotions of a person: article 5(1)(f)
    forbids it, except for medical or safety reasons. Do not use it to decide about people.
  * A label names how an observer would name the expression, not what a person feels.
"""
TEMPLATE = """\
Notice: automatic recognition of emotions

[Name of the operator] analyses recordings of you (picture, voice, words) by the software mien.
It estimates which of seven emotions (anger, disgust, fear, joy, neutral, sadness, surprise) an
observer would name from your face, your voice and your words. The result is an estimate, often
wrong, and says nothing certain about what you feel.

Purpose: [what the analysis is for]
Legal basis: [your consent (article 6(1)(a) and, where it applies, 9(2)(a) of the GDPR), or other]
What is kept: [the recording, the transcript, the results]; where: [place]; until: [date or event]
Who sees it: [persons or groups]
Decisions: no decision about you is made by this analysis alone.

You may refuse without any disadvantage, withdraw your consent at any time, and ask to see your
data or to have it deleted: [name and address of the contact and the data protection officer].
You may complain to the supervisory authority: [name].

I have read this notice and agree to the analysis of my recording.

Name: ____________________    Date: ____________    Signature: ____________________
"""
FORBIDDEN = (
    "To infer the emotions of a person at work or in education, except for medical or safety "
    "reasons (article 5(1)(f) of the EU AI Act).",
    "To decide about a person: employment, credit, insurance, benefits, police, migration.",
    "Secretly: people who are shown must be told (article 50(3) of the EU AI Act).",
)


def plain() -> dict[str, Any]:
    """The notice as JSON."""
    return {"notice": BANNER, "template": TEMPLATE, "forbidden": list(FORBIDDEN)}


def first_time(store: Store) -> bool:
    """Whether the notice was not shown yet for this store; it counts as shown from now on."""
    with store.writing() as db:
        done = db.execute("INSERT OR IGNORE INTO facts VALUES (?, '1')", (SHOWN,))
        return bool(done.rowcount)
