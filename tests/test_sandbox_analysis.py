"""An analysis in the sandbox: the same answer, the same errors, and nothing left behind."""

import contextlib
import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

import mien
from mien.errors import MediaError, MienError, OptionError, SandboxError
from mien.media import open_clip
from mien.options import MediaOptions
from mien.perceive.source import ClipSource
from mien.perceive.watch import WatchOptions
from mien.sandbox import check_platform, open_confined
from mien.sandbox.process import Server, shared_server
from mien.scene import AUDIO, FACES, SHOTS, Frame
from mien.timebase import Segment
from tests.batches import finished, tone
from tests.guarded import strace
from tests.media.make import RED, beeps, steps, write
from tests.media.make import plain as plain_picture
from tests.test_sandbox import children, never, told

ALL = {AUDIO, SHOTS, FACES}
CONTAINERS = {
    "mp4": {}, "mkv": {}, "mov": {}, "webm": {"vcodec": "libvpx", "acodec": "libopus"},
    "avi": {"acodec": "pcm_s16le"}, "ts": {}, "flv": {"vcodec": "flv", "rate": 44_100},
    "mpg": {"vcodec": "mpeg2video", "acodec": "mp2", "times": steps(3, 25), "clock": 25},
    "wav": {"times": None, "acodec": "pcm_s16le"}, "flac": {"times": None, "acodec": "flac"},
    "mp3": {"times": None, "acodec": "libmp3lame"}, "ogg": {"times": None, "acodec": "libopus"},
    "aac": {"times": None}, "gif": {"sound": None, "vcodec": "gif", "pixels": "rgb8"},
}  # fmt: skip


SUBTITLED = {"subrip": "mkv", "ass": "mkv", "webvtt": "webm", "mov_text": "mp4"}


@pytest.mark.parametrize("codec", SUBTITLED)
def test_subtitle_tracks_are_read_in_it(tmp_path, codec):
    said = r"0,0,Default,,0,0,0,,I am so glad." if codec == "ass" else "I am so glad."
    clip = write(
        tmp_path / f"a.{SUBTITLED[codec]}", sound=beeps(3, [1]), scodec=codec,
        acodec="libopus" if codec == "webvtt" else "aac", captions=[(0.5, 1.2, said)],
    )  # fmt: skip
    found = mien.analyze(clip, mien.Options(media=MediaOptions(sandbox=True)))
    assert [line.text for line in found.transcript.lines] == ["I am so glad."]


def plain(value):
    """A value of any depth as something that compares by every bit."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.strides if value.size else 0, value.tobytes()
    if hasattr(value, "index") and hasattr(value, "stretches"):
        whole = value.read(Segment(0.0, 1e5)) if value.duration < 1e4 else np.zeros(0)
        return value.index[:2], bytes(value.index[2]), bytes(value.index[3]), whole.tobytes()
    if hasattr(value, "take"):
        return value.take(range(len(value))).tobytes()
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return [plain(one) for one in value] if isinstance(value, tuple) else value


def both(path, options=None, media=None, wanted=ALL):
    """What is watched here and in the sandbox; the errors if there are some."""
    out, media = [], media or MediaOptions()
    ways = (lambda: ClipSource(open_clip(path, media)), lambda: open_confined(path, media))
    for way in ways:
        try:
            with closing(way()) as source:
                before = source.facts
                watched = source.watch(wanted, options or WatchOptions(), told, never)
                out.append((plain(before), plain(watched)))
        except MienError as error:
            out.append((type(error), str(error)))
    return out


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_each_container_is_watched_to_the_same_bit(tmp_path, suffix):
    recipe = {
        "sound": beeps(3, [0.5, 1.7], CONTAINERS[suffix].get("rate", 48_000)),
        "times": steps(3, 10),
    } | CONTAINERS[suffix]
    path = write(tmp_path / f"a.{suffix}", **{k: v for k, v in recipe.items() if v is not None})
    here, there = both(path)
    assert here == there
    here, there = both(path, WatchOptions(part=Segment(0.5, 1.5), frame_rate=2.0))
    assert here == there


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files_give_the_same_answer_or_the_same_error(tmp_path, seed):
    suffix = ("mp4", "mkv", "avi", "ts")[seed % 4]
    path = write(tmp_path / f"a.{suffix}", sound=beeps(3, [0.5]), times=steps(3, 10))
    content, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for at in rng.integers(0, len(content), 40):
        content[at] = rng.integers(256)
    path.write_bytes(content[: int(len(content) * rng.uniform(0.3, 1))])
    here, there = both(path)
    assert here == there


def write_picture(path, clip):
    """The first picture of a clip as a file."""
    with closing(open_clip(clip)) as opened:
        frame = next(m for m in opened.play(1) if isinstance(m, Frame))
    cv2.imwrite(str(path), frame.image)
    return path


def test_faces_shots_and_a_picture(demo_clip, tmp_path):
    here, there = both(demo_clip)
    assert here == there
    assert len(here[1]["faces"]["every"]["times"][3]) > 100
    still = write_picture(tmp_path / "a.png", demo_clip)
    here, there = both(still)
    assert here == there


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#EXTM3U\nhttp://a/b.ts",
        b"\x7fELF" + bytes(100),
        b"\xff\xd8\xff damaged",
        b"PK\3\4" * 9,
    ],
)
@pytest.mark.parametrize("suffix", ["mp4", "wav", "png", "srt"])
def test_what_is_refused_is_refused_in_the_same_words(tmp_path, content, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    here, there = both(path)
    assert here == there
    assert issubclass(here[0], MediaError)


def test_what_is_no_file_is_refused_without_a_process(tmp_path):
    os.mkfifo(tmp_path / "fifo.wav")
    for path in (
        tmp_path / "fifo.wav",
        tmp_path,
        tmp_path / "none.wav",
        Path("/dev/zero"),
        None,
        3,
    ):
        here, there = both(path)
        assert here == there


def test_tracks_and_channels(tmp_path):
    path = write(tmp_path / "a.mkv", sound=beeps(1, [0.5]))
    for media in (MediaOptions(audio_track=1), MediaOptions(7), MediaOptions(audio_channel=5)):
        here, there = both(path, media=media)
        assert here == there
    assert here[0] is OptionError


def test_names_of_any_bytes(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff\n.wav"))
    shutil.copy(write(tmp_path / "a.wav", sound=beeps(1, [0.5])), path)
    here, there = both(path)
    assert here == there


def answer(path, sandbox):
    found = mien.analyze(path, mien.Options(media=MediaOptions(sandbox=sandbox))).to_dict()
    found["provenance"].pop("seconds")
    found["provenance"]["options"].pop("media")
    return json.dumps(found, sort_keys=True)


def test_an_analysis_is_the_same_to_the_last_digit(demo_clip, tmp_path):
    assert answer(demo_clip, True) == answer(demo_clip, False)
    text = tmp_path / "a.txt"
    text.write_text("I am so happy!")
    assert answer(text, True) == answer(text, False)


@pytest.mark.slow
@pytest.mark.data
def test_real_recordings_are_the_same_to_the_last_digit(shared):
    clips = sorted(p for p in (shared / "clips").iterdir() if p.stat().st_size < 8_000_000)
    assert clips
    for path in clips:
        here, there = both(path)
        assert here == there, path


@pytest.mark.parametrize("gigabytes", [0.02, 0.04, 0.06, 0.1, 0.5])
def test_too_little_memory_is_said_and_never_taken_for_damage(demo_clip, gigabytes):
    whole = both(demo_clip)[0]
    try:
        with closing(open_confined(demo_clip, MediaOptions(sandbox_memory=gigabytes))) as source:
            assert plain(source.watch(ALL, WatchOptions(), told, never)) == whole[1]
    except SandboxError as error:
        assert f"more than {gigabytes:g} GB of memory" in str(error)  # noqa: PT017
        assert gigabytes < 0.5


@pytest.mark.data
def test_a_yunet_is_loaded_before_the_process_is_confined(demo_clip, shared):
    model = next((shared / "yunet").glob("*.onnx"))
    detector = f"yunet:{model}"
    options = WatchOptions(detector=detector, frame_rate=2.0)
    found = []
    for source in (
        ClipSource(open_clip(demo_clip)),
        open_confined(demo_clip, MediaOptions(), detector),
    ):
        with closing(source):
            found.append(plain(source.watch(ALL, options, told, never)))
    assert found[0] == found[1]
    assert found[0]["faces"]["every"]["times"][1] > (5,)


def test_progress_and_stop(demo_clip):
    shares = []
    with closing(open_confined(demo_clip, MediaOptions())) as source:
        watched = source.watch(
            ALL,
            WatchOptions(frame_rate=30.0),
            lambda doing, share: shares.append(share),
            lambda: any(share > 0.1 for share in shares),
        )
    assert shares
    assert watched.stopped
    assert 0 < watched.extent.end < watched.facts.duration
    assert watched.sound.read(watched.extent).any()


def test_an_interrupt_ends_the_process(demo_clip):
    def interrupt(doing, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), closing(open_confined(demo_clip, MediaOptions())) as one:
        one.watch(ALL, WatchOptions(), interrupt, never)
    assert children(shared_server().pid) == []


@pytest.mark.slow
def test_nothing_is_left_after_200_files(tmp_path):
    path = write(tmp_path / "a.wav", sound=beeps(0.2, [0.1]))
    bad = tmp_path / "b.wav"
    bad.write_bytes(b"RIFFbad")
    before = None
    for i in range(200):
        with (
            contextlib.suppress(MediaError),
            closing(open_confined(bad if i % 4 == 0 else path, MediaOptions())) as source,
        ):
            if i % 3:
                source.watch({AUDIO}, WatchOptions(), told, never)
        if i == 10:
            before = descriptors()
    gc.collect()
    assert descriptors() == before
    assert children(shared_server().pid) == []
    assert len(descriptors(shared_server().pid)) < 12
    assert len(list(Path(f"/proc/{shared_server().pid}/task").iterdir())) == 1


def descriptors(pid="self"):
    """What the descriptors of a process lead to."""
    gc.collect()
    links = [p for p in Path(f"/proc/{pid}/fd").iterdir() if p.is_symlink()]
    return sorted(str(p.readlink()).split(":")[0] for p in links)


def test_a_server_that_was_killed_is_started_again(tmp_path):
    path = write(tmp_path / "a.wav", sound=beeps(0.2, [0.1]))
    open_confined(path, MediaOptions()).close()
    first = shared_server()
    os.kill(first.pid, signal.SIGKILL)
    for _ in range(100):
        if not first.alive:
            break
        time.sleep(0.02)
    open_confined(path, MediaOptions()).close()
    assert shared_server().pid != first.pid


def test_the_server_has_one_thread_and_ends_when_it_is_closed():
    server = Server()
    path = Path(f"/proc/{server.pid}")
    server.close()
    assert not path.exists()


PARENT = """
import signal, sys, time
from mien.media import open_clip
from mien.options import MediaOptions
from mien.perceive.watch import WatchOptions
from mien.sandbox import open_confined
from mien.sandbox.process import Server, shared_server
from mien.scene import AUDIO
if __name__ == "__main__":
    # A shell that starts it in the background has it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server = Server("tests.hostile_clips:open_clip")
    source = open_confined(sys.argv[1], MediaOptions(), server=server)
    print(server.pid, *open(f"/proc/{server.pid}/task/{server.pid}/children").read().split())
    sys.stdout.flush()
    source.watch({AUDIO}, WatchOptions(), lambda *a: None, lambda: False)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_that_was_killed_leaves_no_process(tmp_path, how):
    path = tmp_path / "playing-hang.wav"
    path.write_bytes(b"x")
    env = os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))}
    words = [sys.executable, "-c", PARENT, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env) as one:
        pids = one.stdout.readline().split()
        assert len(pids) == 2
        time.sleep(0.3)
        one.send_signal(how)
        one.wait(60)
    for _ in range(1000):
        if not any(running(pid) for pid in pids):
            break
        time.sleep(0.02)
    assert not any(running(pid) for pid in pids)


def running(pid):
    """Whether there is such a process, but for one that only waits to be counted."""
    try:
        return Path(f"/proc/{int(pid)}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_another_platform_is_told(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OptionError, match="needs Linux, and this is darwin; use --no-sandbox"):
        check_platform()
    with pytest.raises(OptionError, match="needs Linux"):
        mien.Analyzer(mien.Options(media=MediaOptions(sandbox=True)))


# --- what the kernel saw ---------------------------------------------------------------------

TRACED = """
import sys
import mien
from mien.options import MediaOptions
for path in sys.argv[1:]:
    try:
        mien.analyze(path, mien.Options(media=MediaOptions(sandbox=True)))
    except mien.MienError as error:
        print(error)
"""


def test_once_confined_a_process_opens_nothing(demo_clip, tmp_path):
    tracer = strace()
    if tracer is None:
        pytest.skip("strace is not installed or may not trace")
    still = write_picture(tmp_path / "a.png", demo_clip)
    text, bad = tmp_path / "a.txt", tmp_path / "bad.mp4"
    text.write_bytes(b"caf\xe9 au lait")
    bad.write_bytes(demo_clip.read_bytes()[:9000])
    captions = write(tmp_path / "a.mkv", sound=beeps(1, [0.5]), times=steps(1, 5))
    files = [str(p) for p in (demo_clip, still, text, bad, captions)]
    log = tmp_path / "log"
    calls = (
        "prctl,seccomp,landlock_restrict_self,open,openat,openat2,creat,execve,socket,connect,"
        "fork,vfork,clone,clone3"
    )
    env = os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))}
    words = [tracer, "-ff", "-qq", "-e", f"trace={calls}", "-o", str(log)]
    subprocess.run([*words, sys.executable, "-c", TRACED, *files], env=env, check=True, timeout=300)
    confined = 0
    for part in tmp_path.glob("log.*"):
        lines = part.read_text().splitlines()
        marks = [i for i, line in enumerate(lines) if "PR_SET_SECCOMP" in line and "= 0" in line]
        if not marks:
            continue
        confined += 1
        assert any("landlock_restrict_self" in line for line in lines[: marks[0]])
        after = [line for line in lines[marks[0] + 1 :] if not line.startswith(("+++", "---"))]
        allowed = re.compile(r"clone\(.*CLONE_THREAD|clone3\(.*ENOSYS|prctl\(PR_SET_NAME|exit")
        assert [line for line in after if not allowed.match(line)] == []
    assert confined == len(files)


# --- many files ------------------------------------------------------------------------------


def test_two_files_at_a_time(demo_clip, tmp_path):
    other = write(tmp_path / "a.mkv", sound=beeps(2, [0.5]), times=steps(2, 5))
    alone = [both(path)[1] for path in (demo_clip, other)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda path: both(path)[1], (demo_clip, other)))
    assert together == alone


@pytest.mark.slow
def test_a_batch_is_decoded_in_the_sandbox_unless_asked_otherwise(tmp_path):
    clip, out = tone(tmp_path / "a.wav"), tmp_path / "out"
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF")
    words = [sys.executable, "-m", "mien", "batch", str(clip), str(bad), "--out", str(out)]
    words += ["--asr", "none", "--workers", "1"]
    env = os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))}
    for more, expected in (([], True), (["--no-sandbox"], False)):
        done = subprocess.run([*words, *more], env=env, capture_output=True, check=False, text=True)
        assert done.returncode == 2, done.stderr
        found = json.loads(next((out / "clips").glob("*.json")).read_text())
        assert found["provenance"]["options"]["media"]["sandbox"] is expected
        assert "bad.wav is damaged" in done.stderr
        before = finished(out)
        # Where a file is decoded changes no answer, so nothing is repeated.
        subprocess.run([*words, "--resume", "--sandbox"], env=env, capture_output=True, check=False)
        assert finished(out) == before
        shutil.rmtree(out)


LITTLE = """
import resource, sys
import mien, mien.media.choose, mien.perceive.detectors, cv2
mien.analyze(sys.argv[1])
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 30_000_000,) * 2)
try:
    mien.analyze(sys.argv[2])
except mien.MienError as error:
    print(type(error).__name__, error)
"""


def test_without_the_sandbox_too_little_memory_is_said_as_well(demo_clip, tmp_path):
    large = tmp_path / "large.mkv"
    write(
        large,
        times=[0.0, 0.2, 0.4],
        vcodec="ffv1",
        picture=lambda t: plain_picture(RED, 8000, 6000),
    )
    env = os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))}
    words = [sys.executable, "-c", LITTLE, str(demo_clip), str(large)]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert re.match(r"MediaError .*large.mkv needs more memory than there is", done.stdout), done
