"""The WebSocket of live analysis: what it takes, what it refuses, and with which code."""

import contextlib
import json
import struct
import threading
import time

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi")

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from mien.demo import portrait_pictures
from mien.server import live as module
from mien.server.app import create_app
from mien.server.keys import Keys
from mien.server.settings import Settings

OPEN = []
"""Sockets that a test has opened."""
HELLO = {"type": "hello", "rate": 16_000, "format": "int16"}
ORIGIN = {"origin": "http://127.0.0.1", "host": "127.0.0.1"}


class Echo:
    """In place of the process: it is ready, counts what comes, and ends when it is told to."""

    made: list["Echo"] = []  # noqa: RUF012
    full = False

    def __init__(self, options, rate, form):
        import asyncio

        self.answers, self.dropped, self.closed = asyncio.Queue(), 0, False
        self.options, self.rate, self.form = options, rate, form
        self.sounds, self.pictures = [], []
        self.answers.put_nowait(b'{"kind": "ready"}')
        Echo.made.append(self)

    def sound(self, at, content):
        self.sounds.append((at, content))
        return not Echo.full

    def picture(self, at, content):
        self.pictures.append((at, content))

    def finish(self):
        counts = {"kind": "ended", "dropped": 0, "sounds": len(self.sounds)}
        self.answers.put_nowait(json.dumps(counts).encode())

    async def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with TestClient(create_app(Settings(folder)), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def echo(monkeypatch):
    monkeypatch.setattr(module, "Link", Echo)
    Echo.made, Echo.full = [], False
    yield Echo
    close_all()
    deadline = time.monotonic() + 5
    while not all(one.closed for one in Echo.made) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert all(one.closed for one in Echo.made)


def close_all():
    """Close what is open; a client waits for its sockets."""
    while OPEN:
        with contextlib.suppress(Exception):
            OPEN.pop().__exit__(None, None, None)


def closed(socket):
    """Code and reason with which a session is closed."""
    told = ""
    with pytest.raises(WebSocketDisconnect) as raised:  # noqa: PT012
        while True:
            value = json.loads(socket.receive_text())
            if value["kind"] == "closed":
                told = value["reason"]
    assert len((raised.value.reason or "").encode()) <= 123
    return raised.value.code, told


def started(client, hello=HELLO):
    socket = client.websocket_connect("/v1/live", headers=ORIGIN)
    socket.__enter__()
    OPEN.append(socket)
    socket.send_text(json.dumps(hello))
    return socket


def ready(client):
    socket = started(client)
    assert json.loads(socket.receive_text())["kind"] == "ready"
    return socket


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("not JSON", "first message"),
        ("[" * 5000, "first message"),
        ("[]", "first message"),
        ('{"type": "bye"}', "first message"),
        (json.dumps({**HELLO, "rate": 7}), "rate"),
        (json.dumps({**HELLO, "rate": True}), "rate"),
        (json.dumps({**HELLO, "format": "mp3"}), "format"),
        (json.dumps({**HELLO, "options": 3}), "options"),
        (json.dumps({**HELLO, "options": {"nothing": 1}}), "nothing"),
        (json.dumps({**HELLO, "options": {"start": 3}}), "push that part"),
        (json.dumps({**HELLO, "options": {"speech": {"words": "/etc/passwd"}}}), "names a file"),
        (json.dumps({**HELLO, "options": {"faces": {"person": "2"}}}), "primary or all"),
        (json.dumps({**HELLO, "options": {"media": {"sandbox": False}}}), "sandbox"),
    ],
)
def test_a_bad_first_message_is_refused(client, echo, first, said):
    with client.websocket_connect("/v1/live", headers=ORIGIN) as socket:
        socket.send_text(first)
        code, reason = closed(socket)
    assert code == 4400
    assert said in reason
    assert not echo.made


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", 4400),
        (b"\x01", 4400),
        (struct.pack("<Bd", 3, 0.0) + b"ab", 4400),
        (struct.pack("<Bd", 1, float("nan")) + b"ab", 4400),
        (struct.pack("<Bd", 1, -1.0) + b"ab", 4400),
        (struct.pack("<Bd", 1, 1e9) + b"ab", 4400),
        (struct.pack("<Bd", 1, 0.0) + b"abc", 4400),
        (struct.pack("<Bd", 1, 0.0), 4400),
        (struct.pack("<Bd", 1, 0.0) + bytes(16_000 * 2 * 30), 4400),
        (struct.pack("<Bd", 2, 0.0) + bytes(4_000_001), 1009),
        ("{}", 4400),
        ("x" * 30_000, 1009),
    ],
)
def test_a_bad_message_closes_the_session(client, echo, message, code):
    socket = ready(client)
    (socket.send_text if isinstance(message, str) else socket.send_bytes)(message)
    assert closed(socket)[0] == code


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_whatever_comes_is_taken_or_refused(messages):
    """Bytes of any kind are sound or a picture, or refused with a code and a reason."""
    for message in messages:
        code, why = 0, ""
        try:
            kind, at, content = module.binary_of(message)
        except module.CloseError as error:
            code, why = error.code, str(error)
        if code:
            assert (code, bool(why)) == (4400, True)
        else:
            assert kind in (1, 2)
            assert 0 <= at < 1e6
            assert content == message[9:]


def test_sound_and_pictures_reach_the_process(client, echo):
    socket = ready(client)
    socket.send_bytes(struct.pack("<Bd", 1, 0.25) + b"abcd")
    socket.send_bytes(struct.pack("<Bd", 2, 0.5) + b"picture")
    socket.send_text('{"type": "end"}')
    assert json.loads(socket.receive_text()) == {"kind": "ended", "dropped": 0, "sounds": 1}
    assert closed(socket) == (1000, "ended")
    (one,) = echo.made
    assert one.sounds == [(0.25, b"abcd")]
    assert one.pictures == [(0.5, b"picture")]
    assert one.options["media"]["sandbox"] is True


def test_a_session_that_is_too_far_behind_is_closed(client, echo):
    echo.full = True
    socket = ready(client)
    socket.send_bytes(struct.pack("<Bd", 1, 0.0) + b"ab")
    assert closed(socket)[0] == module.TOO_SLOW


def test_who_says_nothing_is_closed(client, echo, monkeypatch):
    monkeypatch.setattr(module, "IDLE", 0.05)
    monkeypatch.setattr(module, "HELLO", 0.05)
    assert closed(ready(client))[0] == module.IDLED
    with client.websocket_connect("/v1/live", headers=ORIGIN) as socket:
        assert closed(socket)[0] == module.IDLED


def test_no_more_sessions_than_allowed(client, echo):
    sockets = [ready(client), ready(client)]
    third = started(client)
    code, reason = closed(third)
    assert code == module.BUSY
    assert "2 live sessions" in reason
    for socket in sockets:
        socket.close()
    deadline = time.monotonic() + 5
    while not all(one.closed for one in echo.made) and time.monotonic() < deadline:
        time.sleep(0.01)
    ready(client).close()


def test_another_site_opens_no_session(client):
    for headers in (
        {"host": "127.0.0.1", "origin": "https://evil.example"},
        {"host": "evil.example", "origin": "http://evil.example"},
    ):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/v1/live", headers=headers) as socket,
        ):
            socket.receive_text()


def test_a_key_is_needed_once_there_is_one(tmp_path, echo):
    with TestClient(create_app(Settings(tmp_path)), base_url="http://127.0.0.1") as client:
        key = Keys(client.app.state.service.store).add("one")
        for given_key in ("", "mien_wrong", 7):
            code, reason = closed(started(client, {**HELLO, "key": given_key}))
            assert code == module.UNAUTHORISED
            assert "mien serve keys add" in reason
        socket = started(client, {**HELLO, "key": key})
        assert json.loads(socket.receive_text())["kind"] == "ready"
        close_all()


def test_the_page_has_a_strict_policy(client):
    answer = client.get("/live")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    text = answer.text
    assert "<script>" not in text
    assert " style=" not in text
    assert " on" not in "".join(part.split(">")[0] for part in text.split("<")[1:] if " on" in part)
    assert "http:" not in text
    assert "https:" not in text


def test_a_session_from_end_to_end(client, sentence):
    """The real process: rows come, the service answers meanwhile, nothing is left in its folder."""
    pictures = [cv2.imencode(".jpg", one)[1].tobytes() for one in portrait_pictures(3)]
    with client.websocket_connect("/v1/live", headers=ORIGIN) as socket:
        socket.send_text(json.dumps(HELLO))
        assert json.loads(socket.receive_text())["kind"] == "ready"
        slowest: list[float] = []
        asker = threading.Thread(target=_ask, args=(client, slowest))
        asker.start()
        samples = (sentence * 32767).astype(np.int16)
        for start in range(0, len(samples), 8000):
            part = samples[start : start + 8000].tobytes()
            socket.send_bytes(struct.pack("<Bd", 1, start / 16_000) + part)
            picture = pictures[start // 8000 % 3]
            socket.send_bytes(struct.pack("<Bd", 2, start / 16_000) + picture)
            time.sleep(0.02)
        socket.send_bytes(struct.pack("<Bd", 2, 5.0) + b"\xff\xd8\xff no picture")
        socket.send_text('{"type": "end"}')
        rows = []
        while not rows or rows[-1]["kind"] != "ended":
            rows.append(json.loads(socket.receive_text()))
        assert closed(socket)[0] == 1000
    asker.join()
    kinds = {row["kind"] for row in rows}
    assert {"picture", "utterance", "window", "ended"} <= kinds
    assert any("happy" in row["text"].lower() for row in rows if row["kind"] == "utterance")
    faces = [row["faces"] for row in rows if row["kind"] == "picture"]
    assert faces[-1][0]["probs"] is not None
    assert rows[-1]["unreadable"] + rows[-1]["dropped"] >= 1
    assert max(slowest) < 2.0


def _ask(client, took):
    for _ in range(10):
        begun = time.monotonic()
        assert client.get("/health").status_code == 200
        took.append(time.monotonic() - begun)
        time.sleep(0.1)
