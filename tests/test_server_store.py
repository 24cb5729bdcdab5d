"""The store of the service: what is acknowledged stays, what is deleted is gone."""

import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mien.errors import OptionError

pytest.importorskip("fastapi")

from mien.server.keys import Keys
from mien.server.names import MOST_BYTES, file_name, shown_name
from mien.server.safe import safe
from mien.server.store import FullError, Store
from mien.server.tickets import Tickets

ROOM = {"most_queued": 100, "most_owned": 100}


def fields(**more):
    return {
        "owner": "", "name": "a.wav", "file": "a.wav", "bytes": 5, "options": "{}", "digest": "d",
        "idempotency": None, "duration": None,
    } | more  # fmt: skip


def added(store, content=b"words", **more):
    path = store.incoming()
    path.write_bytes(content)
    return store.add(path, fields(**more), **ROOM)[0]


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "state")
    made.recover()
    yield made
    made.close()


def again(store):
    """The store after a kill: opened anew."""
    folder = store.folder
    store.close()
    made = Store(folder)
    made.recover()
    return made


def test_a_job_that_was_running_is_queued_again_and_what_no_job_has_is_removed(store):
    first, second = added(store), added(store)
    assert store.claim().id == first.id
    (store.folder_of(first.id) / "run-1").mkdir()
    (store.folder_of(first.id) / "run-1" / "analysis.json").write_text("half")
    (store.folder / "jobs" / "orphan" / "upload").mkdir(parents=True)
    (store.folder / "incoming" / "half").write_bytes(b"half")
    store.progress(first.id, "transcribing", 0.5)
    later = again(store)
    try:
        jobs = {job.id: job for job in later.page("", None, 10, None)[0]}
        assert {jobs[one.id].state for one in (first, second)} == {"queued"}
        assert jobs[first.id].stage == ""
        left = {str(p.relative_to(later.folder)) for p in later.folder.rglob("*") if p.is_file()}
        uploads = {f"jobs/{one.id}/upload/a.wav" for one in (first, second)}
        assert left - {"mien.sqlite", "mien.sqlite-wal", "mien.sqlite-shm", "lock"} == uploads
        assert not (later.folder_of(first.id) / "run-1").exists()
        assert later.claim().attempt == 2
    finally:
        later.close()


def test_jobs_are_claimed_in_their_order_and_each_once(store):
    ids = [added(store).id for _ in range(8)]
    with ThreadPoolExecutor(4) as crew:
        claimed = [job.id for job in crew.map(lambda _: store.claim(), range(8))]
    assert sorted(claimed) == sorted(ids)
    assert store.claim() is None
    assert store.count("running") == 8


def test_a_state_that_is_final_stays(store):
    job = added(store)
    store.claim()
    assert store.end(job.id, "completed", duration=2.0)
    assert not store.end(job.id, "failed", ("E", "m"))
    assert not store.end(job.id, "cancelled", of=("queued",))
    store.progress(job.id, "late", 0.1)
    found = store.get(job.id)
    assert (found.state, found.share, found.duration, found.stage) == ("completed", 1.0, 2.0, "")
    kinds = [json.loads(event.data).get("state") for event in store.events(job.id, 0)]
    assert kinds == ["queued", "running", "completed"]


def test_an_idempotency_key_makes_one_job_also_at_the_same_time(store):
    barrier = threading.Barrier(6)

    def send(number):
        path = store.incoming()
        path.write_bytes(b"x")
        barrier.wait()
        return store.add(path, fields(idempotency="once"), **ROOM)

    with ThreadPoolExecutor(6) as crew:
        found = list(crew.map(send, range(6)))
    assert len({job.id for job, _ in found}) == 1
    assert sum(new for _, new in found) == 1
    assert store.count() == 1
    assert len(list((store.folder / "jobs").iterdir())) == 1
    assert added(store, owner="other", idempotency="once").id != found[0][0].id


def test_limits_hold_in_the_transaction_and_leave_nothing(store):
    added(store)
    for limits, queue in (({"most_queued": 1, "most_owned": 9}, True),
                          ({"most_queued": 9, "most_owned": 1}, False)):  # fmt: skip
        path = store.incoming()
        path.write_bytes(b"x")
        with pytest.raises(FullError) as caught:
            store.add(path, fields(), **limits)
        assert caught.value.queue is queue
    assert len(list((store.folder / "jobs").iterdir())) == 1


def test_what_is_deleted_is_nowhere_on_the_disk(store):
    secret = "Quetzalcoatl-interview"
    job = added(store, secret.encode(), name=secret, file=f"{secret}.wav", options=f'"{secret}"')
    kept = added(store)
    store.claim()
    store.progress(job.id, secret, 0.5)
    store.end(job.id, "failed", ("E", secret))
    held = [p for p in store.folder.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]
    assert held, "the words are looked for where they are before"
    store.delete(job.id)
    for path in store.folder.rglob("*"):
        assert secret not in path.name
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    assert store.get(job.id) is None
    assert store.events(job.id, 0) == []
    assert store.get(kept.id) is not None


def test_pages_of_jobs_go_on_where_they_ended_while_jobs_arrive(store):
    ids = [added(store).id for _ in range(5)]
    first, after = store.page("", None, 2, None)
    added(store)
    second, after = store.page("", None, 2, after)
    third, end = store.page("", None, 2, after)
    assert [job.id for job in (*first, *second, *third)] == ids[::-1]
    assert end is None
    assert store.page("someone", None, 9, None) == ([], None)
    assert [job.id for job in store.page("", "queued", 9, None)[0]][1:] == ids[::-1]


def test_one_service_has_the_folder_and_keys_may_be_made_beside_it(store):
    other = Store(store.folder)
    with pytest.raises(OptionError, match="Another service"):
        other.recover()
    key = Keys(other).add("ann")
    assert Keys(store).owner(key) is not None
    other.close()


def test_keys_are_kept_as_digests_and_can_be_taken_back(store):
    keys, job = Keys(store), added(store)
    assert not keys.any()
    ann, bob = keys.add("ann"), keys.add("bob")
    assert keys.owner(ann) != keys.owner(bob)
    assert keys.owner(ann) is not None
    assert keys.owner(ann[:-1]) is None
    assert keys.owner("") is None
    assert store.get(job.id, keys.owner(ann)) is not None, "the first key takes over"
    held = b"".join(p.read_bytes() for p in store.folder.glob("mien.sqlite*"))
    assert ann.encode() not in held
    assert keys.names() == ["ann", "bob"]
    for wrong in ("ann", "", "x" * 101):
        with pytest.raises(OptionError):
            keys.add(wrong)
    before = keys.owner(ann)
    keys.remove("ann")
    assert keys.owner(ann) is None
    anew = keys.add("ann")
    assert anew != ann
    assert keys.owner(anew) == before, "a key that replaces another has its jobs"
    keys.remove("ann")
    with pytest.raises(OptionError, match="no key"):
        keys.remove("ann")


def test_the_folder_is_readable_by_its_user_alone(store):
    assert store.folder.stat().st_mode & 0o077 == 0
    assert (store.folder / "mien.sqlite").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="--folder"):
        Store(tmp_path / "file")
    (tmp_path / "no" / "mien.sqlite").mkdir(parents=True)
    with pytest.raises(OptionError, match="--folder"):
        Store(tmp_path / "no")


def test_a_transaction_that_fails_leaves_nothing(store):
    def twice():
        with store.writing() as db:
            db.execute("INSERT INTO facts VALUES ('a', '1')")
            db.execute("INSERT INTO facts VALUES ('a', '2')")

    with pytest.raises(sqlite3.IntegrityError):
        twice()
    assert store.reader.execute("SELECT * FROM facts").fetchall() == []


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("a.mp4", "a.mp4"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("..", "upload"),
        ("", "upload"),
        ("a/", "upload"),
        ("\x00\n\x1b[1m.wav", "[1m.wav"),
        ("a\u202egpj.wav", "agpj.wav"),
        (" .hidden.wav ", "hidden.wav"),
        ("bad\udcff.wav", "bad\\xff.wav".rpartition("\\")[2]),
        ("\u00fcber \U0001f600.wav", "\u00fcber \U0001f600.wav"),
    ],
)
def test_names_are_fit_for_a_file_system(given, made):
    assert file_name(given) == made
    assert "\n" not in shown_name(given)


@pytest.mark.parametrize("letter", ["a", "\u00fc", "\U0001f600"])
def test_long_names_keep_their_suffix_and_fit(letter):
    made = file_name(letter * 300 + ".webm")
    assert made.endswith(".webm")
    assert MOST_BYTES - 4 <= len(made.encode()) <= MOST_BYTES
    assert len(file_name("x." + letter * 300).encode()) <= MOST_BYTES


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("/srv/state/jobs/1/upload/a.wav is damaged; x", "... is damaged; x"),
        ("cannot read '/tmp/a b' (no)", "cannot read '... b' (no)"),
        ("give .mp4 and/or 1/2 of it", "give .mp4 and/or 1/2 of it"),
        ("(/a/b)", "(...)"),
        ("x" * 700, "x" * 597 + "..."),
    ],
)
def test_messages_hold_no_path(message, shown):
    assert safe(message) == shown


def test_a_ticket_opens_one_job_for_a_while(monkeypatch):
    tickets, now = Tickets(), 1_000_000.0
    monkeypatch.setattr("mien.server.tickets.time.time", lambda: now)
    made, until = tickets.make("a")
    assert tickets.opens("a", made)
    assert not tickets.opens("b", made)
    assert not tickets.opens("a", f"{int(until) + 9}.{made.partition('.')[2]}")
    for wrong in ("", ".", "x.y", f"{made}x", "9" * 30 + ".a", "\u0661.a", f"{int(until)}.\u00fc"):
        assert not tickets.opens("a", wrong)
    assert not Tickets().opens("a", made)
    now = until + 1
    assert not tickets.opens("a", made)
