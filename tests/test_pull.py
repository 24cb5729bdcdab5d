"""``mien models pull`` against hubs that break off, lie, stall or cannot be reached."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import mien.hub
from mien.errors import HubError
from mien.hub import local_folder
from mien.hub.requests import RemoteFile
from tests.tiny_checkpoints import tiny_text
from tests.tiny_hub import Hub, serving
from tests.waiting import until

pytest.importorskip("huggingface_hub", reason="the extra 'hub' is not installed")
pytestmark = [pytest.mark.hub, pytest.mark.slow]

NAME = "owner/model"
BIG = bytes(range(256)) * 24_000  # 6 MB
OTHER = BIG[::-1]
FILES = {"config.json": b"{}", "model.safetensors": BIG}


def big_hub(**more):
    return Hub(NAME, dict(FILES), large=("model.safetensors",), **more)


def started(endpoint, home, most=None, **env):
    given = {"PATH": "/usr/bin:/bin", "HOME": str(home), "HF_ENDPOINT": endpoint}
    given |= {"PYTHONPATH": os.environ.get("PYTHONPATH", "")} | env
    limit = f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({most}, {most})); " if most else ""
    code = f"{limit}from mien.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "models", "pull", NAME],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=given,
    )  # fmt: skip


def pull(endpoint, home, **more):
    run = started(endpoint, home, **more)
    out, err = run.communicate(timeout=120)
    return subprocess.CompletedProcess(run.args, run.returncode, out, err)


def place(run):
    assert run.returncode == 0, run.stderr
    return Path(run.stdout.split(" is complete in ")[1].strip())


def sentence(run):
    """The error: one line beside those of the progress."""
    assert run.returncode == 2, run.stderr
    lines = [line for line in run.stderr.splitlines() if "receiving" not in line]
    assert len(lines) == 1, run.stderr
    return lines[0]


def root(home):
    return home / ".cache" / "huggingface" / "hub" / "models--owner--model"


def parts(home):
    return list(root(home).rglob("*.mien-part"))


def here(home, monkeypatch):
    """The folder of the model if it counts as downloaded, without network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root(home).parent))
    try:
        return local_folder(NAME, download=False)
    except HubError:
        return None


# --- a transfer that ends early ----------------------------------------------------------------


def test_a_pull_that_was_killed_goes_on_where_it_was(tmp_path, monkeypatch):
    hub = big_hub(pause=0.01)
    with serving(hub) as endpoint:
        run = started(endpoint, tmp_path)
        until(lambda: hub.sent > len(BIG) // 2)
        run.kill()
        run.communicate()
        kept = parts(tmp_path)[0].stat().st_size
        assert kept > len(BIG) // 4
        assert here(tmp_path, monkeypatch) is None
        hub.sent, hub.pause = 0, 0.0
        folder = place(pull(endpoint, tmp_path))
    # The hub may not have noticed yet that the first transfer is gone, and send a block of it.
    assert 0 <= hub.sent - (len(BIG) - kept) <= 2 * 65536
    assert (folder / "model.safetensors").read_bytes() == BIG
    assert parts(tmp_path) == []
    assert here(tmp_path, monkeypatch) == folder


def test_a_pull_killed_many_times_brings_every_byte_about_once(tmp_path, monkeypatch):
    hub = big_hub(pause=0.004)
    with serving(hub) as endpoint:
        for share in (0.1, 0.3, 0.5, 0.7):
            run = started(endpoint, tmp_path)
            until(lambda share=share: hub.sent > share * len(BIG))
            run.kill()
            run.communicate()
            assert here(tmp_path, monkeypatch) is None
        folder = place(pull(endpoint, tmp_path))
    assert (folder / "model.safetensors").read_bytes() == BIG
    # What was on its way when the process was killed comes again: the buffers of a socket.
    assert hub.sent < 1.0 * len(BIG) + 4 * 4_000_000
    ranges = [given for command, _, given in hub.asked if given]
    assert len(ranges) >= 3


@pytest.mark.parametrize("cut", [300_000, 1_000_000])
def test_connections_that_break_off_again_and_again_are_continued(tmp_path, cut):
    hub = big_hub(cut=cut)
    with serving(hub) as endpoint:
        folder = place(pull(endpoint, tmp_path))
    assert (folder / "model.safetensors").read_bytes() == BIG
    assert hub.sent == len(BIG) + len(FILES["config.json"])


def test_a_hub_that_breaks_off_without_a_byte_is_given_up_and_what_came_is_kept(tmp_path):
    hub = big_hub(cut=1_000_000)
    with serving(hub) as endpoint:
        run = started(endpoint, tmp_path)
        until(lambda: hub.sent > 3_000_000)
        hub.cut = 0
        out, err = run.communicate(timeout=60)
    run = subprocess.CompletedProcess(run.args, run.returncode, out, err)
    assert "what was received is kept" in sentence(run)
    assert parts(tmp_path)[0].stat().st_size >= 2_900_000


def test_a_hub_that_stalls_half_way_is_given_up_and_what_came_is_kept(tmp_path):
    hub = big_hub(cut=2_000_000, stalls=True)
    with serving(hub) as endpoint:
        begun = time.monotonic()
        run = pull(endpoint, tmp_path, HF_HUB_DOWNLOAD_TIMEOUT="1")
        assert time.monotonic() - begun < 30
        hub.over.set()
        assert "did not answer in time" in sentence(run)
        kept = parts(tmp_path)[0].stat().st_size
        assert kept >= 1_900_000
        hub.cut, hub.stalls, hub.sent = None, False, 0
        place(pull(endpoint, tmp_path))
    assert hub.sent == len(BIG) - kept


def test_a_hub_that_sends_whole_files_only_is_understood(tmp_path):
    hub = big_hub(cut=2_000_000)
    with serving(hub) as endpoint:
        run = started(endpoint, tmp_path)
        until(lambda: hub.sent > 1_500_000)
        hub.whole_only, hub.cut = True, None
        out, err = run.communicate(timeout=60)
    folder = place(subprocess.CompletedProcess(run.args, run.returncode, out, err))
    assert (folder / "model.safetensors").read_bytes() == BIG


# --- what came is not what was described -------------------------------------------------------


@pytest.mark.parametrize("large", [True, False])
def test_a_file_with_another_checksum_is_never_taken(tmp_path, monkeypatch, large):
    hub = big_hub(damaged="model.safetensors")
    hub.large = hub.large if large else ()
    with serving(hub) as endpoint:
        run = pull(endpoint, tmp_path)
        assert "model.safetensors of 'owner/model' do not match the hub's checksums" in sentence(
            run
        )
        assert here(tmp_path, monkeypatch) is None
        assert parts(tmp_path) == []
        hub.damaged = None
        folder = place(pull(endpoint, tmp_path))
    assert (folder / "model.safetensors").read_bytes() == BIG


def test_a_hub_that_lies_about_a_checksum_is_refused(tmp_path, monkeypatch):
    hub = big_hub(listing={"model.safetensors": "0" * 64})
    with serving(hub) as endpoint:
        assert "do not match the hub's checksums" in sentence(pull(endpoint, tmp_path))
    assert here(tmp_path, monkeypatch) is None


@pytest.mark.parametrize("size", [len(BIG) - 1000, len(BIG) + 1000, 0])
def test_a_file_of_another_size_than_described_is_never_taken(tmp_path, monkeypatch, size):
    hub = big_hub(sizes={"model.safetensors": size})
    with serving(hub) as endpoint:
        assert "do not match the hub's checksums" in sentence(pull(endpoint, tmp_path))
    assert here(tmp_path, monkeypatch) is None
    assert parts(tmp_path) == []


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_file_that_is_refused_after_the_list_is_one_sentence(tmp_path, status):
    def instead(handler):
        if "resolve" in handler.path:
            handler.answer(b"{}", status)
        else:
            hub.instead = None
            handler.do_GET()
            hub.instead = instead

    hub = big_hub(instead=instead)
    with serving(hub) as endpoint:
        assert f"({status})" in sentence(pull(endpoint, tmp_path)).replace("status ", "")


def test_an_empty_file_and_names_with_odd_letters_come(tmp_path):
    files = {"model.safetensors": b"x", "empty.txt": b"", "a b/100% #1?.json": b"{}"}
    with serving(Hub(NAME, files)) as endpoint:
        folder = place(pull(endpoint, tmp_path))
    assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*")
            if p.is_file()} == files  # fmt: skip


@pytest.mark.parametrize("told", [True, False])
def test_a_file_that_changes_between_two_tries_is_one_of_them_and_no_mixture(tmp_path, told):
    """Told: a new version with a new checksum. Otherwise the part that was kept is of no use."""
    hub = big_hub(cut=2_000_000, stalls=True)
    if not told:
        hub.files["model.safetensors"] = OTHER
        hub.listing["model.safetensors"] = hub_digest(BIG)
    with serving(hub) as endpoint:
        assert pull(endpoint, tmp_path, HF_HUB_DOWNLOAD_TIMEOUT="1").returncode == 2
        hub.over.set()
        hub.cut, hub.stalls = None, False
        hub.files["model.safetensors"] = OTHER if told else BIG
        hub.commit = "b" * 40 if told else hub.commit
        folder = place(pull(endpoint, tmp_path))
    assert (folder / "model.safetensors").read_bytes() == (OTHER if told else BIG)


def hub_digest(data):
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_a_cache_that_was_damaged_is_mended(tmp_path):
    hub = big_hub()
    with serving(hub) as endpoint:
        folder = place(pull(endpoint, tmp_path))
        (folder / "model.safetensors").write_bytes(OTHER)
        hub.sent = 0
        assert place(pull(endpoint, tmp_path)) == folder
        assert hub.sent == len(BIG)
    assert (folder / "model.safetensors").read_bytes() == BIG


@pytest.mark.parametrize("path", ["../../../../stolen", "/stolen", "a/../../../stolen"])
def test_a_hub_that_names_files_elsewhere_is_refused(tmp_path, path):
    with serving(Hub(NAME, {path: b"x", "model.safetensors": b"y"})) as endpoint:
        assert "not as a hub does" in sentence(pull(endpoint, tmp_path))
    assert not list(tmp_path.rglob("stolen"))


def test_an_update_that_is_killed_leaves_the_earlier_version_in_use(tmp_path, monkeypatch):
    hub = big_hub()
    with serving(hub) as endpoint:
        before = place(pull(endpoint, tmp_path))
        hub.commit, hub.pause = "b" * 40, 0.01
        hub.files["model.safetensors"] = OTHER
        hub.sent = 0
        run = started(endpoint, tmp_path)
        until(lambda: hub.sent > 2_000_000)
        run.kill()
        run.communicate()
    assert here(tmp_path, monkeypatch) == before
    assert (before / "model.safetensors").read_bytes() == BIG


def test_what_another_program_left_half_is_not_taken_for_whole(tmp_path, monkeypatch):
    """``refs/main`` of a version of which only some files came, as a killed download leaves it."""
    folder = root(tmp_path) / "snapshots" / ("c" * 40)
    folder.mkdir(parents=True)
    (root(tmp_path) / "refs").mkdir()
    (root(tmp_path) / "refs" / "main").write_text("c" * 40)
    (folder / "config.json").write_text("{}")
    assert here(tmp_path, monkeypatch) is None
    index = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model-1-of-2.safetensors").write_bytes(b"x")
    assert here(tmp_path, monkeypatch) is None
    (folder / "model-2-of-2.safetensors").symlink_to("../../blobs/none")
    assert here(tmp_path, monkeypatch) is None
    (folder / "model-2-of-2.safetensors").unlink()
    (folder / "model-2-of-2.safetensors").write_bytes(b"x")
    assert here(tmp_path, monkeypatch) == folder


# --- two at a time, and a real checkpoint ------------------------------------------------------


def test_two_pulls_at_the_same_time_fetch_once_and_both_end_well(tmp_path):
    hub = big_hub(pause=0.005)
    with serving(hub) as endpoint:
        runs = [started(endpoint, tmp_path) for _ in range(2)]
        told = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    folder = Path(told[0][0].split(" is complete in ")[1].strip())
    assert (folder / "model.safetensors").read_bytes() == BIG
    assert hub.sent == len(BIG) + len(FILES["config.json"])


def test_one_of_two_pulls_is_killed_and_the_other_goes_on_with_its_part(tmp_path):
    hub = big_hub(pause=0.01)
    with serving(hub) as endpoint:
        runs = [started(endpoint, tmp_path) for _ in range(2)]
        until(lambda: hub.sent > len(BIG) // 3)
        held = next(run for run in runs if holds(run.pid, ".mien-part"))
        held.kill()
        other = next(run for run in runs if run is not held)
        out, err = other.communicate(timeout=60)
        held.communicate()
    folder = place(subprocess.CompletedProcess(other.args, other.returncode, out, err))
    assert (folder / "model.safetensors").read_bytes() == BIG
    assert hub.sent < len(BIG) + 4_000_000


def holds(pid, suffix):
    return any(os.path.realpath(one).endswith(suffix) for one in Path(f"/proc/{pid}/fd").iterdir())


def test_a_checkpoint_that_came_in_two_halves_loads(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    built = tiny_text(tmp_path / "built")
    files = {p.name: p.read_bytes() for p in Path(built).iterdir() if p.is_file()}
    hub = Hub(NAME, files, large=("model.safetensors",), dropped="model.safetensors")
    with serving(hub) as endpoint:
        folder = place(pull(endpoint, tmp_path))
    load = transformers.AutoModelForSequenceClassification.from_pretrained
    ours, theirs = (load(str(one)).state_dict() for one in (folder, built))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


# --- no room, no leave -------------------------------------------------------------------------


def test_a_full_disk_is_said_and_what_came_is_kept(tmp_path):
    with serving(hub := big_hub()) as endpoint:
        told = sentence(pull(endpoint, tmp_path, most=2_000_000))
        assert "cannot be stored in" in told
        assert "File too large" in told
        assert "set HF_HOME" in told
        hub.sent = 0
        place(pull(endpoint, tmp_path))
    assert hub.sent == len(BIG) - 2_000_000


def test_too_little_room_is_said_before_a_byte_comes(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with serving(hub := big_hub()) as endpoint:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
        with pytest.raises(HubError, match="6 MB are needed and 1 MB are free.*make room"):
            mien.hub.fetch(NAME)
    assert hub.sent <= len(FILES["config.json"])


def test_a_cache_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with serving(big_hub()) as endpoint:
        told = sentence(pull(endpoint, tmp_path, HF_HOME=str(tmp_path / "file")))
    assert "cannot be stored in" in told
    assert "set HF_HOME to a folder that can be written" in told


# --- ways of being offline ---------------------------------------------------------------------


@contextmanager
def silent():
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def closed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def at(address):
    yield address


def saying(status, body=b"{}", kind="application/json", **headers):
    def instead(handler):
        handler.answer(body, status, Content_Type=kind, **headers)

    return serving(big_hub(instead=instead))


def leading_to_a_page():
    def instead(handler):
        if handler.path == "/login":
            handler.answer(b"<html>log in</html>", Content_Type="text/html; charset=utf-8")
        else:
            handler.answer(b"", 302, Location="/login")

    return serving(big_hub(instead=instead))


def dribbling():
    """A server that sends a byte of its answer now and then."""

    def instead(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not handler.server.hub.over.wait(0.3):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    return serving(big_hub(instead=instead))


HANGING = """
import socket, time
def never(*given, **more):
    time.sleep(600)
socket.getaddrinfo = never
"""
KEPT = "(what was received is kept)"
WAYS = {
    "connection refused": (closed, {}, "Connection refused"),
    "no such name": (lambda: at("http://hub.invalid"), {}, "hub.invalid"),
    "name server that never answers": (
        lambda: at("http://hub.invalid"), {"PYTHONPATH": "HANGING"}, "did not answer in time"),
    "no route": (lambda: at("http://255.255.255.255"), {}, "unreachable"),
    "accepts and never answers": (silent, {}, "did not answer in time"),
    "answers a byte now and then": (dribbling, {}, "did not answer in time"),
    "proxy refused": (lambda: at("http://hub.invalid"), {"HTTP_PROXY": "closed"}, "refused"),
    "proxy that refuses": (lambda: at("https://hub.invalid"), {"HTTPS_PROXY": "403"}, "403"),
    "proxy that wants a password": (
        lambda: at("http://hub.invalid"), {"HTTP_PROXY": "407"}, "HTTPS_PROXY"),
    "proxy that never answers": (
        lambda: at("http://hub.invalid"), {"HTTP_PROXY": "silent"}, "did not answer in time"),
    "HF_HUB_OFFLINE=1": (closed, {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE=1 forbids it"),
    "401": (lambda: saying(401), {}, "hf auth login"),
    "403": (lambda: saying(403), {}, "hf auth login"),
    "404": (lambda: saying(404), {}, "has no model 'owner/model'"),
    "429": (lambda: saying(429, Retry_After="60"), {}, "too many requests (429)"),
    "500": (lambda: saying(500), {}, "a fault of its own (500)"),
    "503": (lambda: saying(503), {}, "a fault of its own (503)"),
    "captive portal": (
        lambda: saying(200, b"<html>Welcome to the hotel</html>", "text/html"), {}, "web page"),
    "captive portal that redirects": (leading_to_a_page, {}, "web page"),
    "captive portal that says 511": (
        lambda: saying(511, b"<html>log in</html>", "text/html"), {}, "log in to the network"),
    "text in place of data": (
        lambda: saying(200, b"hello", "text/plain"), {}, "check HF_ENDPOINT"),
    "other data": (lambda: saying(200, b"[1]"), {}, "check HF_ENDPOINT"),
    }  # fmt: skip
NO_REMEDY_OF_ITS_OWN = {"401", "403", "404"}


@contextmanager
def tls():
    with saying(200) as address:
        yield address.replace("http://", "https://")


WAYS["no TLS"] = (tls, {}, "SSL")


@contextmanager
def proxy(kind):
    make = {
        "closed": closed,
        "silent": silent,
        "403": lambda: saying(403),
        "407": lambda: saying(407),
    }
    with make[kind]() as address:
        yield address


@pytest.mark.parametrize("way", WAYS)
def test_offline_it_fails_within_five_seconds_with_the_remedy(tmp_path, way, record_property):
    make, env, expected = WAYS[way]
    env = dict(env)
    if env.get("PYTHONPATH") == "HANGING":
        (tmp_path / "hook").mkdir()
        (tmp_path / "hook" / "sitecustomize.py").write_text(HANGING)
        env["PYTHONPATH"] = f"{tmp_path / 'hook'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    given = next((name for name in env if "PROXY" in name), None)
    with make() as endpoint, proxy(env[given]) if given else at("") as through:
        if given:
            env[given] = through
        for _ in range(3):  # the fastest: the start of Python takes its time on a busy machine
            begun = time.monotonic()
            run = pull(endpoint, tmp_path, **env)
            seconds = time.monotonic() - begun
            if seconds < 5:
                break
    told = sentence(run)
    print(f"| {way} | {seconds:.1f} | {told.removeprefix('mien: ')} |")
    record_property("seconds", seconds)
    assert expected in told
    assert NAME in told
    if way not in NO_REMEDY_OF_ITS_OWN:
        assert "try again" in told
        assert "give its folder" in told
    assert seconds < 5
    assert not list(tmp_path.rglob("*.mien-part"))


def test_a_slow_hub_is_waited_for_where_that_is_asked(tmp_path):
    hub = big_hub()
    late = threading.Event()

    def instead(handler):
        if not late.is_set():
            late.set()
            time.sleep(4)
        hub.instead = None
        handler.do_GET()

    hub.instead = instead
    with serving(hub) as endpoint:
        place(pull(endpoint, tmp_path, HF_HUB_ETAG_TIMEOUT="30"))


def test_a_digest_tells_its_algorithm():
    assert RemoteFile("a", 1, "0" * 64).algorithm == "sha256"
    assert RemoteFile("a", 1, "0" * 40).algorithm == "git"


def test_ctrl_c_keeps_what_came(tmp_path):
    hub = big_hub(pause=0.01)
    with serving(hub) as endpoint:
        run = started(endpoint, tmp_path)
        until(lambda: hub.sent > len(BIG) // 3)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=20)
    assert run.returncode != 0
    assert parts(tmp_path)[0].stat().st_size > len(BIG) // 5
