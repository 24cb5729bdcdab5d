"""What a column or a channel holds, by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PATTERNS = (
    ("marker", r"marker|markers|event|events|trigger|annotation|label|tag"),
    ("rr", r"rr|rri|ibi|nn|rr intervals?|interbeat intervals?|inter beat intervals?"),
    ("hr", r"hr|heart ?rate|bpm|pulse|pulse rate|heartrate"),
    ("ecg", r"ecg.*|ekg.*|electrocardiogram.*|lead i|lead ii"),
    ("ppg", r"ppg.*|bvp.*|pleth.*|blood volume pulse.*|photopleth.*|pulse wave"),
    ("eda", r"eda.*|gsr.*|scl|sc|skin conductance.*|electrodermal.*|galvanic.*|.*\bgsr|.*\beda"),
    ("resp", r"resp.*|rsp.*|breath.*|thorax.*|thoracic.*|abdom.*|chest belt|airflow|flow"),
    ("acc_x", r"acc(el\w*)? ?x|x( mg| g)?|acceleration x"),
    ("acc_y", r"acc(el\w*)? ?y|y( mg| g)?|acceleration y"),
    ("acc_z", r"acc(el\w*)? ?z|z( mg| g)?|acceleration z"),
    ("time", r"(phone |sensor |unix |device )?(time|timestamps?|timer|seconds|secs?|date ?time|t)"),
)
_UNIT = re.compile(r"[\[(]([^\])]*)[\])]|_(ms|us|ns|s|uv|mv|us)$", re.IGNORECASE)


def unit_of(name: str) -> str:
    """The unit in a name, lower case: ``RR-interval [ms]`` is ``ms``."""
    found = _UNIT.search(name.strip())
    return "" if found is None else (found[1] or found[2] or "").strip().lower()


def kind_of(name: str, given: Mapping[str, str]) -> str | None:
    """What a column holds: as the user says, else by its name; None if neither tells."""
    if name.strip() in given:
        return given[name.strip()]
    bare = _UNIT.sub(" ", name)
    plain = " ".join(re.sub(r"[^a-z0-9]+", " ", bare.lower()).split())
    return next((kind for kind, p in _PATTERNS if re.fullmatch(p, plain)), None)
