"""The options of the branch ``body``; imported for the help of the command line, so kept light."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from mien.errors import MienError, OptionError
from mien.options import Group, option

NAME = "{}"
"""Stands for the name of the recording without its suffix, as in the outputs of mien."""
NOTHING = "none"
KINDS = ("ecg", "ppg", "eda", "resp", "acc_x", "acc_y", "acc_z", "hr", "rr", "time", "marker")
"""What a column can hold."""
TIME_UNITS = ("auto", "s", "ms")
MOST_WEIGHT = 0.5


@dataclass(frozen=True)
class BodyOptions(Group):
    """Which file holds the body signals, how it lies on the recording's clock, and what is made.

    Args:
        file: a file or folder; ``{}`` in it stands for the name of the recording; ``none`` reads
            nothing. By default the one beside the recording is read: ``talk.body.csv``,
            ``talk.body.edf``, ``talk.body`` ... beside ``talk.mp4``.
        table: a CSV with a row a recording and the columns ``recording``, ``file``, ``offset``,
            ``marker`` and ``recorded``, of which all but the first may be missing.
        offset: seconds of the recording at which the file begins; may be negative.
        marker: ``NAME=SECONDS``: the marker NAME of the file lies at SECONDS of the recording.
        recorded: when the recording began, ISO 8601 with a time zone, for files with absolute
            times.
        columns: ``NAME=KIND,...`` for columns or channels whose names do not tell what they hold;
            of a file without a header the kinds in order (``ecg,eda``).
        rate: samples a second of a file without times.
        time_unit: of the column of times: ``s``, ``ms``, or ``auto`` (what its name and size say).
        baseline: ``START:END`` in seconds of the recording, may be negative: what the arousal is
            compared with; by default all of the file that lies within the recording.
        hrv_window: seconds over which the heart rate variability is computed.
        fusion: weight in [0, 0.5] with which the arousal takes part in the fusion; 0 leaves it out.
        remote_pulse: whether the heart rate is measured from the skin of the face if no file is
            there.

    Raises:
        OptionError: if one of them has a value it cannot have.
    """

    group: ClassVar[str] = "body"
    file: Path | str | None = option(
        None,
        "--body",
        "Body signals (CSV, EDF, BDF, Empatica E4, Polar, Apple); {} stands for the recording's "
        "name. Default: NAME.body.* beside it; none: nothing is read.",
        "FILE",
    )
    table: Path | str | None = option(
        None,
        "--body-table",
        "CSV with the columns recording, file, offset, marker, recorded; a row a recording.",
        "CSV",
    )
    offset: float | None = option(
        None, "--body-offset", "Second of the recording at which the file begins.", "SECONDS"
    )
    marker: str | None = option(
        None,
        "--body-marker",
        "A marker of the file and the second of the recording at which it lies.",
        "NAME=SECONDS",
    )
    recorded: str | None = option(
        None,
        "--body-recorded",
        "When the recording began, such as 2026-05-03T10:12:00+02:00. Default: what its file says.",
        "TIME",
    )
    columns: str | None = option(
        None,
        "--body-columns",
        "What columns hold: NAME=KIND,...; without a header the kinds in order (ecg,eda).",
        "LIST",
    )
    rate: float | None = option(
        None, "--body-rate", "Samples a second of a file without times.", "HZ"
    )
    time_unit: str = option(
        "auto", "--body-time-unit", "Unit of the column of times: s, ms or auto."
    )
    baseline: str | None = option(
        None,
        "--body-baseline",
        "Seconds of the recording with which arousal is compared. Default: all of it.",
        "START:END",
    )
    hrv_window: float = option(
        60.0, "--hrv-window", "Window of the heart rate variability, 30 to 300 s.", "SECONDS"
    )
    fusion: float = option(
        0.0,
        "--body-fusion",
        "Weight of the arousal in the fusion, 0 to 0.5; 0 leaves it out.",
        "WEIGHT",
    )
    remote_pulse: bool = option(
        False,
        "--remote-pulse",
        "Measure the pulse from the skin of the face; looks at 15 pictures a second.",
    )

    def __post_init__(self) -> None:
        self._file("file")
        self._file("table")
        for name, remedy in (("offset", "seconds"), ("rate", "samples a second above 0")):
            if getattr(self, name) is not None:
                self._number(name, f"give a number of {remedy}")
        if self.rate is not None and self.rate <= 0:
            raise self._refuse("rate", "give a number of samples a second above 0")
        for name in ("marker", "recorded", "columns", "baseline"):
            if getattr(self, name) is not None:
                self._text(name, "give a text")
        self._choice("time_unit", TIME_UNITS)
        if not 30 <= self._number("hrv_window", "give seconds from 30 to 300") <= 300:
            raise self._refuse("hrv_window", "give seconds from 30 to 300")
        if not 0 <= self._number("fusion", "give a number from 0 to 0.5") <= MOST_WEIGHT:
            raise self._refuse("fusion", "give a number from 0 to 0.5")
        if not isinstance(self.remote_pulse, bool):
            raise self._refuse("remote_pulse", "give True or False")
        # Found wrong here and not at the first recording.
        _ = self.marker_at, self.baseline_span, self.began, self.column_kinds
        given = [n for n in ("offset", "marker") if getattr(self, n) is not None]
        if len(given) == 2:
            raise OptionError(
                f"{self._name('offset')} and {self._name('marker')} both say where the file lies; "
                "give one."
            )

    @property
    def marker_at(self) -> tuple[str, float] | None:
        """Name of the marker and its second of the recording."""
        if self.marker is None:
            return None
        name, equals, seconds = self.marker.rpartition("=")
        try:
            if equals and name:
                return name, float(seconds)
        except ValueError:
            pass
        raise self._refuse("marker", "give NAME=SECONDS, such as clap=12.5")

    @property
    def baseline_span(self) -> tuple[float, float] | None:
        """Start and end of the baseline, seconds of the recording."""
        if self.baseline is None:
            return None
        start, colon, end = self.baseline.partition(":")
        try:
            if colon and float(start) < float(end):
                return float(start), float(end)
        except ValueError:
            pass
        raise self._refuse("baseline", "give START:END in seconds, such as 0:60 or -120:0")

    @property
    def began(self) -> datetime | None:
        """When the recording began, with a time zone."""
        if self.recorded is None:
            return None
        try:
            found = datetime.fromisoformat(self.recorded)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            raise self._refuse("recorded", "give a time such as 2026-05-03T10:12:00+02:00")
        return found

    @property
    def column_kinds(self) -> dict[str, str] | tuple[str, ...]:
        """By name what a column holds, or the kinds in order."""
        entries = [one.strip() for one in (self.columns or "").split(",") if one.strip()]
        named = dict(one.rpartition("=")[::2] for one in entries if "=" in one)
        kinds = tuple(named.values()) if named else tuple(entries)
        wrong = [kind for kind in kinds if kind not in (*KINDS, NOTHING)]
        if wrong or (named and len(named) != len(entries)):
            raise self._refuse(
                "columns", f"give NAME=KIND,... or kinds in order, of {', '.join(KINDS)} and none"
            )
        return named or kinds

    def read_with(self, recording: Path) -> tuple[Path, ...]:
        """The table, and the file of body signals of a recording."""
        from mien_body.locate import body_file

        table = () if self.table is None else (Path(self.table),)
        try:
            found = body_file(str(recording), self).path
        except MienError:  # told as the reason of this recording when it is analysed
            found = None
        return table if found is None else (*table, found)

    def check_several(self) -> None:
        """Refuse a file, an offset or a time that is of one recording."""
        one_file = self.file is not None and str(self.file) != NOTHING
        if one_file and NAME not in str(self.file):
            raise OptionError(
                f"{self._name('file')} is {self.file}, the file of one recording; put {NAME} into "
                "its name, put NAME.body.csv beside each recording, or give --body-table."
            )
        if self.recorded is not None:
            raise OptionError(
                f"{self._name('recorded')} is the time of one recording; give --body-table with "
                "the column 'recorded'."
            )
