"""A service with its page, a browser, and a recording with planted answers."""

import pytest

pytest.importorskip("fastapi", reason="the extra 'server' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed (extra 'dev')")

from tests.page_service import browsing, done, forget, service, short_clip, submitted


@pytest.fixture(scope="module")
def browser():
    with browsing() as running:
        yield running


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with service(tmp_path_factory.mktemp("page") / "state", "--workers", "2") as running:
        yield running.url


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return short_clip(tmp_path_factory.mktemp("film") / "a film.mp4")


@pytest.fixture(scope="module")
def recording(url, film):
    """A recording that a browser plays, with planted answers."""
    made = submitted(url, "a film.mp4", film.read_bytes())
    assert done(url, made)["state"] == "completed"
    return made


@pytest.fixture
def job(url, recording):
    """The recording, without the labels that an earlier test gave."""
    yield recording
    forget(url, recording)
