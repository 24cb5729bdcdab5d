"""The threads of the service when something goes wrong in between."""

from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi", reason="the extra 'server' is not installed")

from mien.batch.pool import Crew, News, Outcome
from mien.server.clerk import Clerk, ClerkError
from mien.server.settings import Settings
from mien.server.work import Workers
from tests.batches import fault


def job(name):
    return SimpleNamespace(id=name, attempt=1, options="{}")


class Waiting:
    """A store with one job that waits."""

    def __init__(self, tmp_path):
        self.jobs, self.folder = [job("a")], tmp_path

    def claim(self):
        return self.jobs.pop() if self.jobs else None

    def folder_of(self, name):
        return self.folder / name

    def media_of(self, job):
        return self.folder / job.id / "media"


def test_what_was_said_of_a_job_that_is_dropped_is_never_written(tmp_path):
    workers = Workers(Waiting(tmp_path), Settings(folder=tmp_path))
    workers._running = {"a": job("a"), "b": job("b")}
    other = News("b", ("reading", 0.5))
    workers._said = [News("a", ("reading", 0.5)), other, Outcome("a", {"duration": 1.0}, "", 1.0)]
    dropped, unknown = workers.drop("a"), workers.drop("c")
    workers._drop_asked()
    assert (dropped.result(0), unknown.result(0)) == (True, False)
    assert workers._said == [other]
    assert list(workers._running) == ["b"]


def test_a_job_whose_process_could_not_be_started_is_tried_again(tmp_path, monkeypatch):
    given = []

    def give(self, name, args):
        given.append(name)
        if len(given) < 3:
            raise BlockingIOError("no more processes")

    monkeypatch.setattr(Crew, "give", give)
    workers = Workers(Waiting(tmp_path), Settings(folder=tmp_path, workers=1))
    for _ in range(2):
        with pytest.raises(BlockingIOError):
            workers._step()
    workers._step()
    workers._step()
    assert given == ["a", "a", "a"]
    assert list(workers._running) == ["a"]


def test_a_clerk_goes_on_after_an_error(monkeypatch):
    clerk = Clerk(fault, 10**10, 60.0)
    real = Crew.give
    monkeypatch.setattr(Crew, "give", lambda *_: 1 / 0)
    with pytest.raises(ClerkError, match="ZeroDivisionError"):
        clerk.ask("none").result(10)
    monkeypatch.setattr(Crew, "give", real)
    with pytest.raises(ClerkError):
        clerk.ask("pack").result(60)
    with pytest.raises(ClerkError):
        clerk.ask("pack").result(60)
    clerk.close()
