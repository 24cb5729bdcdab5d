"""Each reader on files of its kind with planted content, and on what is wrong with them."""

import tracemalloc
from datetime import UTC, datetime
from zipfile import ZipFile

import numpy as np
import pytest

from mien.errors import InputError
from mien_body.measured import evenly
from mien_body.options import BodyOptions
from mien_body.readers import read_body
from mien_body.readers.names import kind_of, unit_of

RNG = np.random.default_rng(0)
WAVE = np.round(np.sin(np.arange(3000) / 15), 4)


def table(path, rows, head="time,ecg", sep=","):
    lines = [head, *(sep.join(str(cell) for cell in row) for row in rows)]
    path.write_text("\n".join(line for line in lines if line) + "\n")
    return path


def read(path, **options):
    return read_body(path, BodyOptions(**options))


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ECG", "ecg"), ("EKG1", "ecg"), ("ecg [uV]", "ecg"), ("BVP", "ppg"), ("PPG_Raw", "ppg"),
        ("Pleth", "ppg"), ("EDA", "eda"), ("GSR", "eda"), ("Skin Conductance", "eda"),
        ("EDA (uS)", "eda"), ("Resp", "resp"), ("RSP", "resp"), ("Resp oro-nasal", "resp"),
        ("Heart Rate", "hr"), ("HR (bpm)", "hr"), ("bpm", "hr"), ("RR-interval [ms]", "rr"),
        ("IBI", "rr"), ("time", "time"), ("Phone timestamp", "time"), ("Time (s)", "time"),
        ("timestamp [ms]", "time"), ("ACC_X", "acc_x"), ("Y [mG]", "acc_y"), ("event", "marker"),
        ("temperature", None), ("speed", None), ("electrode", None), ("hrv", None),
    ],
)  # fmt: skip
def test_a_name_tells_what_a_column_holds(name, kind):
    assert kind_of(name, {}) == kind


def test_what_the_user_says_counts_more_than_the_name():
    assert kind_of("hr", {"hr": "ppg"}) == "ppg"


@pytest.mark.parametrize(
    ("name", "unit"), [("RR [ms]", "ms"), ("EDA (uS)", "us"), ("t_ms", "ms"), ("ecg", "")]
)
def test_the_unit_of_a_name(name, unit):
    assert unit_of(name) == unit


# --- tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sep", [",", ";", "\t"])
@pytest.mark.parametrize("head", ["time{}ecg", "Timestamp{}EKG"])
def test_a_table_with_times_gives_the_samples_and_their_rate(tmp_path, sep, head):
    rows = [(f"{i / 250:.3f}", value) for i, value in enumerate(WAVE)]
    found = read(table(tmp_path / "a.csv", rows, head.format(sep), sep))
    (wave,) = found.waves
    assert (wave.kind, wave.start, found.began) == ("ecg", 0.0, None)
    assert wave.rate == pytest.approx(250, rel=1e-3)
    assert np.allclose(wave.samples[:2900], WAVE[:2900], atol=0.02)


def test_decimal_commas_are_read(tmp_path):
    rows = [(f"{i / 100:.2f}".replace(".", ","), f"{v:.4f}".replace(".", ","))
            for i, v in enumerate(WAVE)]  # fmt: skip
    (wave,) = read(table(tmp_path / "a.csv", rows, "t;ppg", ";")).waves
    assert wave.rate == pytest.approx(100, rel=1e-3)
    assert np.allclose(wave.samples, WAVE, atol=0.02)


@pytest.mark.parametrize(
    ("head", "scale", "options"),
    [("time_ms,ecg", 1000, {}), ("timestamp [ms],ecg", 1000, {}),
     ("time,ecg", 1000, {"time_unit": "ms"}), ("time,ecg", 1, {}), ("time (sec),ecg", 1, {}),
     ("time [min],ecg", 1 / 60, {}), ("time [hours],ecg", 1 / 3600, {})],
)  # fmt: skip
def test_times_are_in_the_unit_that_the_name_or_the_user_says(tmp_path, head, scale, options):
    rows = [(round(scale * i / 200, 9), v) for i, v in enumerate(WAVE)]
    (wave,) = read(table(tmp_path / "a.csv", rows, head), **options).waves
    assert wave.rate == pytest.approx(200, rel=1e-3)


def test_a_unit_of_time_that_is_not_known_is_refused(tmp_path):
    rows = [(i, v) for i, v in enumerate(WAVE)]
    with pytest.raises(InputError, match=r"counts in 'frames'.* min or h"):
        read(table(tmp_path / "a.csv", rows, "time [frames],ecg"))


@pytest.mark.parametrize("scale", [1, 1e3, 1e6, 1e9])
def test_times_since_1970_are_absolute(tmp_path, scale):
    began = 1_700_000_000.0
    rows = [(f"{(began + i / 100) * scale:.0f}" if scale > 1 else f"{began + i / 100:.2f}", v)
            for i, v in enumerate(WAVE)]  # fmt: skip
    found = read(table(tmp_path / "a.csv", rows, "timestamp,ppg"))
    assert found.began == datetime.fromtimestamp(began, UTC)
    assert found.waves[0].rate == pytest.approx(100, rel=1e-2)


@pytest.mark.parametrize(("zone", "known"), [("+02:00", True), ("", False)])
def test_dates_are_absolute_and_say_whether_their_zone_is_known(tmp_path, zone, known):
    rows = [(f"2026-05-03T10:00:{i // 50:02d}.{i % 50 * 20:03d}{zone}", v)
            for i, v in enumerate(WAVE[:2500])]  # fmt: skip
    found = read(table(tmp_path / "a.csv", rows, "time,ecg"))
    assert found.zone_known is known
    if known:
        assert found.began == datetime(2026, 5, 3, 8, tzinfo=UTC)
    assert found.waves[0].rate == pytest.approx(50, rel=1e-2)


def test_packets_with_one_time_and_gaps_keep_their_place():
    times = np.repeat(np.arange(0, 20, 0.1), 10)
    times = times[(times < 8) | (times >= 12)]
    values = np.where(times < 8, 1.0, 2.0)
    start, rate, even = evenly(times, values)
    assert start == 0.0
    assert rate == pytest.approx(100, rel=0.03)
    at = np.arange(len(even)) / rate
    assert np.allclose(even[(at > 0.1) & (at < 7.8)], 1.0)
    assert np.isnan(even[(at > 8.2) & (at < 11.8)]).all()
    assert np.allclose(even[(at > 12.2) & (at < 19.7)], 2.0)


def test_a_column_without_a_header_needs_its_kind_and_rate(tmp_path):
    path = table(tmp_path / "a.txt", [(v,) for v in WAVE], "")
    with pytest.raises(InputError, match=r"no column tells .*--body-columns"):
        read(path)
    with pytest.raises(InputError, match="--body-rate"):
        read(path, columns="ppg")
    (wave,) = read(path, columns="ppg", rate=50.0).waves
    assert (wave.kind, wave.rate, len(wave.samples)) == ("ppg", 50.0, len(WAVE))


def test_intervals_need_no_times(tmp_path):
    intervals = [812, 790, 805, 821]
    path = table(tmp_path / "a.txt", [(v,) for v in intervals], "")
    (series,) = read(path, columns="rr").series
    assert np.allclose(series.values, np.array(intervals) / 1000)
    assert np.allclose(series.times, np.cumsum(intervals) / 1000)


def test_a_phone_app_for_polar_straps_is_a_table(tmp_path):
    rows = [(f"2026-05-03T10:00:{i:02d}.000", 800 + i) for i in range(30)]
    found = read(table(tmp_path / "a.txt", rows, "Phone timestamp;RR-interval [ms]", ";"))
    (series,) = found.series
    assert np.allclose(series.values, (800 + np.arange(30)) / 1000)
    assert series.times[-1] == 29


def test_markers_are_where_the_column_changes(tmp_path):
    rows = [(i / 100, v, "clap" if 500 <= i < 510 else "") for i, v in enumerate(WAVE)]
    (marker,) = read(table(tmp_path / "a.csv", rows, "time,ppg,event")).markers
    assert (marker.name, marker.time) == ("clap", 5.0)


GOOD = [(i / 100, v) for i, v in enumerate(WAVE)]


@pytest.mark.parametrize(
    ("rows", "head", "says"),
    [
        ([], "", "it is empty"),
        ([], "time,ecg", "no rows"),
        ([(0, 1), (0.01,), (0.02, 1)], "time,ppg", "row 3 has 1 columns and not 2"),
        ([*GOOD[:50], (0.3, 1.0), *GOOD[50:]], "time,ppg", "go back at row 52"),
        ([*GOOD[:9], (0.09, "high"), *GOOD[10:]], "time,ppg", "ppg holds what is no number"),
        (GOOD, "seconds,volts", "no column tells what it holds (seconds, volts)"),
        ([(i, v) for i, v in enumerate(WAVE)], "time,ecg", "--body-time-unit ms"),
        ([("", v) for v in WAVE], "time,ppg", "a row has no time"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said_with_the_row_and_a_remedy(tmp_path, rows, head, says):
    with pytest.raises(InputError) as caught:
        read(table(tmp_path / "a.csv", rows, head))
    assert says in str(caught.value)
    assert "a.csv cannot be read as body signals" in str(caught.value)


def test_a_column_that_is_named_must_be_there(tmp_path):
    path = table(tmp_path / "a.csv", GOOD, "time,volts")
    with pytest.raises(InputError, match=r"no column volt, only time, volts"):
        read(path, columns="volt=ecg")
    assert read(path, columns="volts=ppg").waves[0].kind == "ppg"


@pytest.mark.parametrize(
    "content", [b"\x00\x01\x02" * 100, b"PK\x03\x04", b"\x89PNG\r\n\x1a\n\0", b"%PDF-1.4\n%..."]
)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as body signals"):
        read(tmp_path / "a.bin")


def test_a_missing_file_and_a_device_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="no regular file"):
        read_body(__import__("pathlib").Path("/dev/null"), BodyOptions())


# --- EDF --------------------------------------------------------------------------------------


@pytest.fixture
def edf(tmp_path):
    """An EDF of 20 s with two channels and two annotations."""
    pyedflib = pytest.importorskip("pyedflib")

    def make(labels=("ECG II", "GSR"), rates=(200, 10)):
        path = tmp_path / "a.edf"
        with pyedflib.EdfWriter(str(path), len(labels)) as file:
            file.setStartdatetime(datetime(2026, 5, 3, 10, 0, 0))
            heads = [
                {"label": label, "dimension": "uV", "sample_frequency": rate, "physical_max": 2,
                 "physical_min": -2, "digital_max": 32767, "digital_min": -32768,
                 "prefilter": "", "transducer": ""}
                for label, rate in zip(labels, rates, strict=True)
            ]  # fmt: skip
            file.setSignalHeaders(heads)
            file.writeSamples([np.sin(np.arange(20 * rate) / rate) for rate in rates])
            file.writeAnnotation(3.5, -1, "clap")
            file.writeAnnotation(12.0, -1, "end")
        return path

    return make


def test_an_edf_gives_channels_by_label_and_annotations(edf):
    found = read(edf())
    assert [(w.kind, w.rate, len(w.samples)) for w in found.waves] == [
        ("ecg", 200.0, 4000), ("eda", 10.0, 200),
    ]  # fmt: skip
    assert np.allclose(found.waves[0].samples, np.sin(np.arange(4000) / 200), atol=1e-3)
    assert [(m.time, m.name) for m in found.markers] == [(3.5, "clap"), (12.0, "end")]
    assert found.zone_known is False
    assert found.began.replace(tzinfo=None) == datetime(2026, 5, 3, 10)


def test_an_edf_without_a_known_label_lists_its_labels(edf):
    path = edf(("A1", "B2"))
    with pytest.raises(InputError, match=r"no channel tells what it holds \(A1, B2\)"):
        read(path)
    assert read(path, columns="A1=ecg").waves[0].kind == "ecg"


def test_a_cut_edf_is_refused(edf, tmp_path):
    whole = edf().read_bytes()
    (tmp_path / "cut.edf").write_bytes(whole[:700])
    with pytest.raises(InputError, match="cannot be read as body signals"):
        read(tmp_path / "cut.edf")


# --- Empatica ---------------------------------------------------------------------------------

BEGAN = 1_600_000_000.0


@pytest.fixture
def e4(tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    (folder / "BVP.csv").write_text("\n".join([f"{BEGAN}", "64.0", *map(str, WAVE)]))
    (folder / "EDA.csv").write_text("\n".join([f"{BEGAN + 2}", "4.0", *["0.5"] * 160]))
    acc = [f"{BEGAN}, {BEGAN}, {BEGAN}", "32.0, 32.0, 32.0", *["0,0,64"] * 1000]
    (folder / "ACC.csv").write_text("\n".join(acc))
    (folder / "HR.csv").write_text("\n".join([f"{BEGAN + 10}", "1.0", *["70.0"] * 30]))
    (folder / "IBI.csv").write_text(f"{BEGAN}, IBI\n5.5,0.8\n6.3,0.8\n")
    (folder / "TEMP.csv").write_text("\n".join([f"{BEGAN}", "4.0", *["33.1"] * 100]))
    (folder / "tags.csv").write_text(f"{BEGAN + 7.25}\n{BEGAN + 20}\n")
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_a_session_of_e4_lies_on_one_clock(e4, tmp_path, packed):
    path = e4
    if packed:
        path = tmp_path / "session.zip"
        with ZipFile(path, "w") as file:
            for one in e4.iterdir():
                file.write(one, one.name)
    found = read(path)
    assert found.began == datetime.fromtimestamp(BEGAN, UTC)
    assert [(w.kind, w.start, w.rate) for w in found.waves] == [
        ("ppg", 0.0, 64.0), ("eda", 2.0, 4.0), ("acc", 0.0, 32.0),
    ]  # fmt: skip
    assert np.allclose(found.wave("acc").samples[0], [0, 0, 1])
    assert found.of("rr").times.tolist() == [5.5, 6.3]
    assert found.of("hr").times[0] == 10
    assert [(m.name, m.time) for m in found.markers] == [("tag 1", 7.25), ("tag 2", 20.0)]


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [("BVP.csv", "1\n2\n3\n", "BVP.csv does not begin with its start"),
     ("EDA.csv", "time,eda\n", "EDA.csv does not begin"),
     ("tags.csv", "noon\n", "tags.csv is damaged"), ("IBI.csv", "x, IBI\n1,2\n", "IBI.csv is")],
)  # fmt: skip
def test_a_damaged_session_names_the_file(e4, file, content, says):
    (e4 / file).write_text(content)
    with pytest.raises(InputError, match=says):
        read(e4)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="none of BVP.csv"):
        read(tmp_path)


# --- Polar and Apple --------------------------------------------------------------------------


def test_a_session_of_polar_flow(tmp_path):
    path = tmp_path / "flow.csv"
    path.write_text(
        "Name,Sport,Date,Start time,Duration,\nA,RUNNING,03-05-2026,10:12:00,00:00:03,\n"
        "Sample rate,Time,HR (bpm),Speed (km/h),\n1,00:00:00,71,,\n,00:00:01,,,\n,00:01:02,75,,\n"
    )
    found = read(path)
    assert found.of("hr").times.tolist() == [0.0, 62.0]
    assert found.of("hr").values.tolist() == [71.0, 75.0]
    assert found.began.replace(tzinfo=None) == datetime(2026, 5, 3, 10, 12)
    path.write_text("Name,Sport,Date,Start time,\nA,B,C,D\nSample rate,Time\n1,2\n")
    with pytest.raises(InputError, match="table of heart rates is damaged"):
        read(path)


HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!ELEMENT HealthData (ExportDate,Me,(Record)*)>
<!ATTLIST HealthData locale CDATA #REQUIRED>
]>
<HealthData locale="de_DE"><ExportDate value="2026-01-01 00:00:00 +0100"/>
"""
RATE = (
    '<Record type="HKQuantityTypeIdentifierHeartRate" unit="count/min" value="{}" '
    'startDate="2026-05-03 10:{:02d}:{:02d} +0200"><MetadataEntry key="a" value="1"/></Record>\n'
)
STEPS = '<Record type="HKQuantityTypeIdentifierStepCount" value="7" startDate="x"/>\n'


def test_an_export_of_apple_gives_the_heart_rates_in_order(tmp_path):
    path = tmp_path / "export.xml"
    path.write_text(HEAD + RATE.format(80, 1, 0) + STEPS + RATE.format(70, 0, 0) + "</HealthData>")
    found = read(path)
    assert found.of("hr").times.tolist() == [0.0, 60.0]
    assert found.of("hr").values.tolist() == [70.0, 80.0]
    assert found.began == datetime(2026, 5, 3, 8, tzinfo=UTC)


def test_a_large_export_is_read_as_a_stream(tmp_path):
    path = tmp_path / "export.xml"
    with path.open("w") as file:
        file.write(HEAD)
        for i in range(40_000):
            file.write(RATE.format(60, i // 60 % 60, i % 60) if i % 10 == 0 else STEPS)
        file.write("</HealthData>")
    tracemalloc.start()
    found = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.of("hr").values) == 4000
    assert peak < 2_000_000 < path.stat().st_size


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>',
         "declares entities"),
        ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
         "declares entities"),
        (HEAD + RATE.format(70, 0, 0), "it is damaged"),
        (HEAD + RATE.format("fast", 0, 0) + "</HealthData>", "it is damaged"),
        (HEAD + STEPS + "</HealthData>", "no heart rates"),
    ],
)  # fmt: skip
def test_bombs_and_damaged_exports_are_refused(tmp_path, content, says):
    path = tmp_path / "export.xml"
    path.write_text(content)
    with pytest.raises(InputError, match=says):
        read(path)
