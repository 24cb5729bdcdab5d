"""The threads of the service when something goes wrong in between."""

import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi", reason="the extra 'server' is not installed")

from mien.batch.pool import Crew, News, Outcome
from mien.server import work
from mien.server.clerk import Clerk, ClerkError
from mien.server.settings import Settings
from tests.batches import fault
from tests.waiting import until


class Waiting:
    """A store whose jobs wait; it cannot write how one goes on, as on a full disk."""

    def __init__(self, folder, *names):
        self.folder, self.ended = folder, []
        self.jobs = [SimpleNamespace(id=name, attempt=1, options="{}") for name in names]

    def claim(self):
        return self.jobs.pop(0) if self.jobs else None

    def folder_of(self, name):
        return self.folder / name

    def media_of(self, job):
        return self.folder / job.id / "media"

    def progress(self, job, stage, share):
        raise OSError("no space left")

    def end(self, job, state, *error, **more):
        self.ended.append((job, state))


class Planted:
    """A crew of one process that says what a test plants."""

    def __init__(self):
        self.given, self.says, self.refusals, self.busy = [], [], 0, False

    def give(self, job, args):
        self.given.append(job)
        if self.refusals:
            self.refusals -= 1
            raise BlockingIOError("no more processes")
        self.busy = True

    def collect(self, most=0.0):
        time.sleep(0.01)
        says, self.says = self.says, []
        self.busy = self.busy and not says
        return says


@pytest.fixture
def planted(monkeypatch):
    crew = Planted()
    monkeypatch.setattr(Crew, "give", crew.give)
    monkeypatch.setattr(Crew, "collect", crew.collect)
    monkeypatch.setattr(Crew, "free", property(lambda _: not crew.busy))
    monkeypatch.setattr(work, "TROUBLE", 0.01)
    return crew


@contextmanager
def working(store):
    workers = work.Workers(store, Settings(folder=store.folder, workers=1))
    workers.start()
    yield workers
    workers.stop()


def test_what_was_said_of_a_job_that_is_dropped_is_never_written(tmp_path, planted):
    store = Waiting(tmp_path, "a", "b")
    planted.says = [News("a", ("reading", 0.5)), Outcome("a", {"duration": 1.0}, "", 1.0)]
    with working(store) as workers:
        until(lambda: planted.given == ["a"] and not planted.says)
        time.sleep(0.1)  # nothing goes on: the first news cannot be written
        assert planted.given == ["a"]
        assert workers.drop("unknown").result(5) is False
        assert workers.drop("a").result(5) is True
        until(lambda: planted.given == ["a", "b"])
        assert workers.drop("a").result(5) is False
    assert store.ended == []


def test_a_job_whose_process_could_not_be_started_is_tried_again(tmp_path, planted):
    planted.refusals = 2
    with working(Waiting(tmp_path, "a", "b")) as workers:
        until(lambda: planted.given == ["a", "a", "a"])
        assert workers.drop("a").result(5) is True


def test_a_job_that_could_not_be_started_may_be_dropped(tmp_path, planted):
    planted.refusals = 10**6
    with working(Waiting(tmp_path, "a")) as workers:
        until(lambda: len(planted.given) > 2)
        assert workers.drop("a").result(5) is True
        tried = len(planted.given)
        time.sleep(0.1)
        assert len(planted.given) == tried


def test_a_clerk_goes_on_after_an_error(monkeypatch):
    clerk = Clerk(fault, 10**10, 60.0)
    real = Crew.give
    monkeypatch.setattr(Crew, "give", lambda *_: 1 / 0)
    with pytest.raises(ClerkError, match="ZeroDivisionError"):
        clerk.ask("none").result(10)
    monkeypatch.setattr(Crew, "give", real)
    for _ in range(2):
        with pytest.raises(ClerkError, match="planted pack"):
            clerk.ask("pack").result(60)
    assert clerk.ask("none").result(60) is None
    clerk.close()
