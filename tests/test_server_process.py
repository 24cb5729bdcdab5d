"""The service as a process: bytes, kills, slow clients, its log."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fastapi")

from mien.client import Client
from mien.errors import InputError, MienError
from mien.server.keys import Keys
from mien.server.logs import JsonFormatter
from mien.server.store import Store
from tests.console import mien as command
from tests.serving import Serving, open_url

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from server_kills import analysed, plain, trial

OPTIONS = {"segmentation": {"by": "window"}}


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    flags = ("--workers", "2", "--max-upload", "30", "--min-free", "0")
    with Serving(tmp_path_factory.mktemp("service") / "state", *flags) as made:
        yield made


def same_bytes(serving, path):
    client = Client(serving.url)
    job = client.submit(path, OPTIONS)
    client.wait(job["id"], 0.1)
    found = client.result(job["id"])
    assert plain(found) == analysed(path)
    return job["id"], found


@pytest.mark.slow
def test_results_are_those_of_the_command_line(serving, demo_clip, tmp_path):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a demo \u00fc.mp4"
    path.write_bytes(demo_clip.read_bytes())
    job, found = same_bytes(serving, path)
    analysis = tmp_path / "analysis.json"
    analysis.write_bytes(found)
    client = Client(serving.url)
    for kind in ("csv", "eaf", "TextGrid", "srt", "vtt", "rttm", "emotionml", "boris.csv"):
        target = tmp_path / f"{path.stem}.{kind}"
        assert command("export", analysis, target).returncode == 0
        assert client.result(job, kind.lower()) == target.read_bytes(), kind
    page = tmp_path / "in" / "page.html"
    done = command("report", analysis, page, "--media", path)
    assert done.returncode == 0, done.stderr
    assert client.report(job) == page.read_bytes()


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    "name",
    ["churchill.wav", "jfk.flac", "single_face.mp4", "small.mp4", "test_video_audio_5_seconds.mp4"],
)
def test_results_of_real_recordings_are_those_of_the_command_line(serving, shared, name, tmp_path):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / name
    path.write_bytes((shared / "clips" / name).read_bytes())
    same_bytes(serving, path)


@pytest.mark.slow
def test_kills_lose_nothing():
    made, wrong = trial(kills=5, seed=int(time.time()))
    assert wrong == [], made.log
    assert len(made.acked) >= 3


@pytest.mark.slow
def test_a_job_that_needs_too_much_time_fails(tmp_path, demo_clip):
    flags = ("--workers", "1", "--job-minutes", "0.01", "--min-free", "0")
    with Serving(tmp_path / "state", *flags) as service:
        client = Client(service.url)
        job = client.submit(demo_clip, OPTIONS)["id"]
        with pytest.raises(InputError, match="longer than 0.6 s"):
            client.wait(job, 0.1)
        assert client.job(job)["error"]["type"] == "TimeLimitError"


def connected(serving):
    place = urlsplit(serving.url)
    return socket.create_connection((place.hostname, place.port), 60)


def answer_of(opened):
    data = b""
    while block := opened.recv(65_536):
        data += block
    return data


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"", b"408"),
        (b"GET / HTTP/1.1\r\nHost: 127", b"408"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 40_000, b"431"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
def test_heads_that_do_not_come_are_not_waited_for(serving, head, status):
    began = time.monotonic()
    with connected(serving) as opened:
        opened.sendall(head)
        assert answer_of(opened).startswith(b"HTTP/1.1 " + status)
    assert time.monotonic() - began < 20
    assert open_url(f"{serving.url}/health").status == 200


@pytest.mark.slow
def test_an_upload_that_stops_is_given_up_and_leaves_nothing(serving, monkeypatch):
    with connected(serving) as opened:
        opened.sendall(
            b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90000\r\n"
            b"Content-Type: multipart/form-data; boundary=E\r\n\r\n--E\r\n"
            b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\nxxxx'
        )
        assert answer_of(opened).startswith(b"HTTP/1.1 408")
    folder = Path(serving.log.parent / "state" / "incoming")
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_an_upload_that_is_too_large_is_answered_while_it_is_sent(serving, tmp_path):
    big = tmp_path / "big.wav"
    with big.open("wb") as file:
        file.truncate(31_000_000)
    with pytest.raises(MienError, match="30 MB"):
        Client(serving.url).submit(big)
    with big.open("wb") as file:
        file.truncate(29_000_000)
    job = Client(serving.url).submit(big)["id"]
    with pytest.raises(InputError, match="big.wav"):
        Client(serving.url).wait(job, 0.1)
    Client(serving.url).delete(job)


@pytest.mark.slow
def test_the_log_holds_no_name_and_no_word(serving, tmp_path):
    path = tmp_path / "Quetzalcoatl.txt"
    path.write_text("My sister Xochiquetzal is angry with me.")
    client = Client(serving.url)
    job = client.submit(path)["id"]
    client.wait(job, 0.1)
    with pytest.raises(MienError):
        client.job("Quetzalcoatl")
    client.delete(job)
    text = serving.log.read_text()
    assert job in text
    assert "uetzal" not in text
    assert str(tmp_path) not in text
    assert {"time", "level", "logger", "event"} <= set(serving.lines()[-1])


@pytest.mark.slow
def test_a_second_service_in_the_folder_is_refused_and_a_stop_is_clean(tmp_path):
    with Serving(tmp_path / "state") as service:
        done = command("serve", "--folder", tmp_path / "state", "--port", 0)
        assert "Another service" in done.stdout + done.stderr
        assert done.returncode != 0
        assert service.stop() == 0
    assert "listening" in [line["event"] for line in service.lines()]


def test_other_machines_are_let_in_with_a_key_only(tmp_path):
    done = command("serve", "--folder", tmp_path / "state", "--host", "0.0.0.0", "--port", 0)
    assert done.returncode == 2
    assert "mien serve keys add" in done.stderr
    assert done.stderr.count("\n") == 1


def test_keys_and_the_notice_on_the_command_line(tmp_path):
    folder = tmp_path / "state"
    key = command("serve", "keys", "add", "ann", "--folder", folder).stdout.strip()
    assert key.startswith("mien_")
    assert command("serve", "keys", "list", "--folder", folder).stdout.split() == ["ann"]
    with Keys(Store(folder)) as keys:
        assert keys.owner(key) is not None
    assert command("serve", "keys", "remove", "ann", "--folder", folder).returncode == 0
    assert command("serve", "keys", "remove", "ann", "--folder", folder).returncode == 2
    assert "withdraw your consent" in command("serve", "--notice").stdout


def test_the_notice_is_shown_once(tmp_path):
    from mien.server.notice import first_time

    store = Store(tmp_path / "state")
    assert first_time(store)
    assert not first_time(store)
    store.close()
    store = Store(tmp_path / "state")
    assert not first_time(store)
    store.close()


def test_an_exception_in_the_log_has_its_place_and_not_its_words():
    import logging

    try:
        raise ValueError("secret")
    except ValueError:
        record = logging.LogRecord("x", 40, "", 1, "failed\nsecret", (), sys.exc_info())
    line = json.loads(JsonFormatter().format(record))
    assert "secret" not in str(line)
    assert line["error"][0] == "ValueError"


def test_the_other_commands_do_not_load_fastapi():
    code = "import sys, mien, mien.cli; print({'fastapi', 'uvicorn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_the_extra_one_sentence_says_what_to_install():
    code = (
        "import sys; sys.modules['uvicorn'] = None; sys.argv = ['mien', 'serve'];"
        "from mien.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "pip install 'mien[server]'" in done.stderr
