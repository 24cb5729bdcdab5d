"""The API of the service in this process, with planted work in real worker processes."""

import io
import json
import re
import time
import wave

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from mien.options import Options
from mien.server.app import create_app
from mien.server.export import TYPES
from mien.server.gate import HEADERS, Gate
from mien.server.models import ErrorAnswer, JobAnswer, JobsAnswer
from mien.server.settings import Settings
from mien.server.store import FINAL
from tests.serving import planted

LIMITS = {"workers": 2, "max_upload": 300_000, "max_duration": 20.0, "max_queue": 4, "max_jobs": 30}
LIMITS |= {"min_free": 0, "job_seconds": 20.0, "job_memory": 2 * 10**9}


def client_of(folder, **more):
    app = create_app(Settings(folder, **(LIMITS | more)), planted)
    return TestClient(app, base_url="http://localhost")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("service") / "state") as made:
        yield made


@pytest.fixture(autouse=True)
def no_path_in_any_answer(request):
    """Whatever is answered in these tests names no place of this machine."""
    yield
    if "client" in request.fixturenames:
        folder = str(request.getfixturevalue("client").app.state.service.store.folder)
        for answer in SEEN:
            assert folder not in answer
            assert "/tmp/" not in answer
    SEEN.clear()


SEEN = []


def call(client, method, path, **more):
    answer = client.request(method, path, **more)
    SEEN.append(answer.text + str(answer.headers))
    if answer.status_code >= 400:
        ErrorAnswer.model_validate_json(answer.content)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "content-security-policy" in answer.headers
    assert not any(name.startswith("access-control") for name in answer.headers)
    return answer


def send(client, content=b"fine", options=None, headers=None, **more):
    data = {"options": json.dumps(options)} if options is not None else {}
    data |= more.pop("data", {})
    files = {"file": (more.pop("file", "a.wav"), content)}
    return call(client, "POST", "/v1/jobs", files=files, data=data, headers=headers or {})


def refused(answer, status, kind, match=""):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["type"] == kind
    assert re.search(match, error["message"]), error["message"]
    assert error["message"].endswith(".")


def ended(client, job, patience=60):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        now = call(client, "GET", f"/v1/jobs/{job}").json()
        JobAnswer.model_validate(now)
        if now["state"] in FINAL:
            return now
        time.sleep(0.02)
    raise AssertionError(f"still {now}")


def until(client, job, state):
    while client.get(f"/v1/jobs/{job}").json()["state"] != state:
        time.sleep(0.02)


def events_of(client, job, after=None):
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    found, lines = [], {}
    with client.stream("GET", f"/v1/jobs/{job}/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                lines[name] = value
            elif "id" in lines:
                found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
                lines = {}
    return found


def sound(seconds):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(4000)
        file.writeframes(b"\x80" * round(4000 * seconds))
    return out.getvalue()


# --- the way of a job ------------------------------------------------------------------------


def test_a_job_goes_from_its_upload_to_its_results_and_is_deleted(client):
    given = sound(2.5)
    answer = send(client, given, {"segmentation": {"by": "window"}}, data={"name": "My talk"})
    assert answer.status_code == 202
    job = JobAnswer.model_validate_json(answer.content)
    assert answer.headers["location"] == f"/v1/jobs/{job.id}"
    assert (job.name, job.duration) == ("My talk", 2.5)
    # What is decoded is limited too, since a header may claim any length.
    media = {"sandbox": True, "max_hours": LIMITS["max_duration"] / 3600}
    expected = Options.from_dict({"segmentation": {"by": "window"}, "media": media})
    assert job.options == expected.to_dict()
    found = events_of(client, job.id)
    states = [data["state"] for _, kind, data in found if kind == "state"]
    assert states == ["queued", "running", "completed"]
    assert ("progress", {"stage": "begun", "share": 0.25}) in [one[1:] for one in found]
    ids = [number for number, _, _ in found]
    assert ids == sorted(set(ids))
    for place in range(len(ids)):
        assert events_of(client, job.id, ids[place]) == found[place + 1 :]
    now = ended(client, job.id)
    assert now["ended"] >= now["started"] >= now["created"]
    result = call(client, "GET", f"/v1/jobs/{job.id}/result")
    assert result.json() == {"bytes": len(given)}
    report = call(client, "GET", f"/v1/jobs/{job.id}/report")
    assert "planted" in report.text
    assert "frame-ancestors 'self'" in report.headers["content-security-policy"]
    assert call(client, "GET", f"/v1/jobs/{job.id}/media").content == given
    part = call(client, "GET", f"/v1/jobs/{job.id}/media", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, given[4:8])
    assert "sandbox" in part.headers["content-security-policy"]
    beyond = client.get(f"/v1/jobs/{job.id}/media", headers={"Range": "bytes=999999-"})
    assert beyond.status_code == 416
    assert call(client, "DELETE", f"/v1/jobs/{job.id}").status_code == 204
    for path in ("", "/events", "/result", "/report", "/media"):
        refused(call(client, "GET", f"/v1/jobs/{job.id}{path}"), 404, "NotFound", job.id)
    folder = client.app.state.service.store.folder_of(job.id)
    assert not folder.exists()


def test_jobs_are_listed_page_by_page(client):
    ids = [send(client).json()["id"] for _ in range(3)]
    for job in ids:
        ended(client, job)
    first = call(client, "GET", "/v1/jobs?limit=2").json()
    JobsAnswer.model_validate(first)
    second = call(client, "GET", f"/v1/jobs?limit=2&after={first['next']}").json()
    assert [job["id"] for job in first["jobs"] + second["jobs"]][:3] == ids[::-1]
    done = call(client, "GET", "/v1/jobs?state=completed&limit=200").json()
    assert {job["state"] for job in done["jobs"]} == {"completed"}
    for query in ("state=new", "limit=0", "limit=201", "limit=x", "after=-1", "after=x"):
        refused(call(client, "GET", f"/v1/jobs?{query}"), 422, "ValidationError", "query")
    for job in ids:
        call(client, "DELETE", f"/v1/jobs/{job}")


@pytest.mark.parametrize(
    ("content", "kind", "match"),
    [
        (b"crash", "WorkerError", "SIGSEGV"),
        (b"hungry", "MemoryLimitError", "2 GB"),
        (b"bad", "MediaError", r"a.wav in \.\.\. is damaged"),
    ],
)
def test_what_goes_wrong_is_a_failed_job_with_its_type(client, content, kind, match):
    job = send(client, content).json()["id"]
    now = ended(client, job)
    assert (now["state"], now["error"]["type"]) == ("failed", kind)
    assert re.search(match, now["error"]["message"])
    refused(call(client, "GET", f"/v1/jobs/{job}/result"), 409, "NotCompleted", "failed")
    later = send(client).json()["id"]
    assert ended(client, later)["state"] == "completed", "the workers go on"
    for one in (job, later):
        call(client, "DELETE", f"/v1/jobs/{one}")


def test_jobs_that_wait_or_run_are_cancelled_and_the_worker_is_free_again(client):
    ids = [send(client, b"hang").json()["id"] for _ in range(3)]
    until(client, ids[0], "running")
    until(client, ids[1], "running")
    refused(call(client, "GET", f"/v1/jobs/{ids[0]}/report"), 409, "NotCompleted", "running")
    for job in ids[::-1]:
        assert call(client, "POST", f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    assert call(client, "POST", f"/v1/jobs/{ids[0]}/cancel").json()["state"] == "cancelled"
    assert [d["state"] for _, k, d in events_of(client, ids[2]) if k == "state"] == [
        "queued", "cancelled",
    ]  # fmt: skip
    later = send(client).json()["id"]
    assert ended(client, later)["state"] == "completed"
    for job in (*ids, later):
        call(client, "DELETE", f"/v1/jobs/{job}")


def test_a_job_that_runs_can_be_deleted(client):
    job = send(client, b"hang").json()["id"]
    until(client, job, "running")
    assert call(client, "DELETE", f"/v1/jobs/{job}").status_code == 204
    assert not client.app.state.service.store.folder_of(job).exists()
    assert client.get(f"/v1/jobs/{job}").status_code == 404


def test_the_same_key_repeats_nothing(client):
    key = {"Idempotency-Key": "k-1"}
    first = send(client, headers=key).json()
    again = send(client, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    for wrong in ({"content": b"other"}, {"options": {"portraits": 3}}, {"file": "b.wav"}):
        refused(send(client, headers=key, **wrong), 422, "IdempotencyKeyReused", "new key")
    refused(send(client, headers={"Idempotency-Key": ""}), 422, "ValidationError")
    ended(client, first["id"])
    assert send(client, headers=key).json()["state"] == "completed"
    call(client, "DELETE", f"/v1/jobs/{first['id']}")
    later = send(client, headers=key).json()
    assert later["id"] != first["id"]
    ended(client, later["id"])
    call(client, "DELETE", f"/v1/jobs/{later['id']}")


# --- bounds ----------------------------------------------------------------------------------


def test_an_upload_that_is_too_large_is_refused_by_its_claim_and_by_its_bytes(client):
    refused(send(client, b"x" * 500_000), 413, "BodyTooLarge", "0.3 MB")

    def unclaimed():
        yield b'--E\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield b"x" * 10_000

    form = {"Content-Type": "multipart/form-data; boundary=E"}
    refused(
        call(client, "POST", "/v1/jobs", content=unclaimed(), headers=form), 413, "BodyTooLarge"
    )
    left = list((client.app.state.service.store.folder / "incoming").iterdir())
    assert left == []
    refused(send(client, data={"name": "x" * 2000}), 413, "BodyTooLarge", "name")
    refused(send(client, options={"x": "y" * 70_000}), 413, "BodyTooLarge", "options")


def test_a_recording_that_is_too_long_is_refused(client):
    refused(send(client, sound(21)), 413, "RecordingTooLong", "21 s.*20 s")


def test_a_full_queue_says_when_to_try_again(client):
    ids = [send(client, b"hang").json()["id"] for _ in range(2)]
    for job in ids:
        until(client, job, "running")
    ids += [send(client).json()["id"] for _ in range(4)]
    answer = send(client)
    refused(answer, 429, "QueueFull", "4 jobs")
    assert int(answer.headers["retry-after"]) > 0
    for job in ids:
        call(client, "DELETE", f"/v1/jobs/{job}")


def test_a_key_may_have_so_many_jobs_and_the_disk_is_not_filled(tmp_path):
    with client_of(tmp_path / "state", max_jobs=2) as client:
        for _ in range(2):
            ended(client, send(client).json()["id"])
        answer = send(client)
        refused(answer, 429, "TooManyJobs", "2 jobs")
        assert "retry-after" in answer.headers
        service = client.app.state.service
        object.__setattr__(service.settings, "min_free", 10**18)
        refused(send(client), 507, "DiskFull", "disk")
        assert service.store.count() == 2


def test_a_job_that_takes_too_long_fails_with_its_type(tmp_path):
    with client_of(tmp_path / "state", job_seconds=1.0, workers=1) as client:
        job = send(client, b"hang").json()["id"]
        now = ended(client, job)
        assert (now["state"], now["error"]["type"]) == ("failed", "TimeLimitError")
        assert "1 s" in now["error"]["message"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"speech": {"words": "/etc/passwd"}}, "speech.words"),
        ({"fusion": {"blends": "x.toml"}}, "fusion.blends"),
        ({"fusion": {"rule": "/etc"}}, "fusion.rule"),
        ({"speech": {"asr": "whisper:/srv/model"}}, "speech.asr"),
        ({"faces": {"detector": "yunet:/etc/passwd"}}, "faces.detector"),
        ({"branches": {"voice": {"pack": "/srv"}}}, "branches"),
        ({"media": {"sandbox": False}}, "media.sandbox"),
        ({"media": {"sandbox": 0}}, "media.sandbox"),
        ({"media": {"max_hours": 9}}, "media.max_hours"),
        ({"media": {"sandbox_memory": 64}}, "media.sandbox_memory"),
        ({"media": {"audio_channel": 0}}, "audio_channel"),
        ({"segmentation": {"by": "second"}}, "segmentation.by"),
        ({"segmentation": {"window": 1, "step": 2}}, "step"),
        ({"segmentation": []}, "segmentation"),
        ({"speech": {"asr": []}}, "speech.asr"),
        ({"portraits": 10_000}, "portraits"),
        ({"no_such": 1}, "no_such"),
        ([], "options"),
    ],
)
def test_options_of_files_models_and_wrong_values_are_refused(client, options, match):
    refused(send(client, options=options), 422, "OptionError", re.escape(match))


@pytest.mark.parametrize(
    "text", ["{", "{'a': 1}", '{"start": NaN}', "[" * 5000, '{"start": 1e999}']
)
def test_options_that_are_not_json_are_refused(client, text):
    refused(send(client, data={"options": text}), 422, "OptionError", "options|start")


FORM = {"Content-Type": "multipart/form-data; boundary=E"}


def part(head, content=b"x", end=b"\r\n--E--\r\n"):
    return b"--E\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + content + end


@pytest.mark.parametrize(
    ("body", "headers", "status", "match"),
    [
        (b"{}", {"Content-Type": "application/json"}, 415, "multipart"),
        (b"x", {"Content-Type": "multipart/form-data"}, 415, "multipart"),
        (b"nothing", FORM, 400, "read"),
        (b"--E--\r\n", FORM, 422, "no field 'file'"),
        (part(b'name="file"'), FORM, 400, "file name"),
        (part(b'name="path"'), FORM, 400, "'path'"),
        (part(b'name="file"; filename="a"', end=b""), FORM, 400, "cut"),
        (part(b'name="name"', b"\xff"), FORM, 400, "UTF-8"),
        (part(b'name="name"', end=b"\r\n") + part(b'name="name"'), FORM, 400, "twice"),
        (part(b'name="file"; filename="a"\r\nX: ' + b"x" * 9000), FORM, 400, "header"),
    ],
)
def test_bodies_that_are_none_are_refused(client, body, headers, status, match):
    answer = call(client, "POST", "/v1/jobs", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert re.search(match, answer.json()["error"]["message"])
    assert list((client.app.state.service.store.folder / "incoming").iterdir()) == []


def test_formats_of_results(client):
    job = send(client).json()["id"]
    ended(client, job)
    refused(call(client, "GET", f"/v1/jobs/{job}/result?format=xls"), 422, "OptionError", "eaf")
    assert {"json", "csv", "eaf", "textgrid", "srt", "rttm", "png", "pdf"} <= set(TYPES)
    call(client, "DELETE", f"/v1/jobs/{job}")


# --- who may ask -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True), ("localhost:8765", True), ("127.0.0.1:1", True), ("[::1]:9", True),
        ("192.168.1.4", True), ("LOCALHOST", True), ("evil.example", False), ("", False),
        ("localhost.evil.example", False), ("127.0.0.1.evil.example", False), ("a b", False),
        ("[::1", False),
    ],
)  # fmt: skip
def test_names_that_a_stranger_may_point_here_are_refused(client, host, known):
    for path in ("/health", "/v1/jobs", "/nothing"):
        answer = call(client, "GET", path, headers={"Host": host})
        if known:
            assert answer.status_code in (200, 404)
        else:
            refused(answer, 421, "HostNotAllowed", "--allow-host")


@pytest.mark.parametrize(
    ("headers", "fine"),
    [
        ({}, True),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://localhost"}, True),  # a proxy has the certificate
        ({"Origin": "http://localhost:81"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "file://"}, False),
        ({"Origin": "http://["}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
    ],
)
def test_pages_of_other_sites_change_nothing(client, headers, fine):
    before = client.app.state.service.store.count()
    answer = send(client, headers=headers)
    if fine:
        assert answer.status_code == 202
        call(client, "DELETE", f"/v1/jobs/{answer.json()['id']}", headers=headers)
    else:
        refused(answer, 403, "OriginNotAllowed")
        for method in ("DELETE", "PUT", "PATCH"):
            refused(call(client, method, "/v1/jobs/x", headers=headers), 403, "OriginNotAllowed")
        assert call(client, "GET", "/v1/jobs", headers=headers).status_code == 200
    assert client.app.state.service.store.count() == before


def test_keys_separate_their_owners(tmp_path):
    with client_of(tmp_path / "state") as client:
        local = send(client).json()["id"]
        keys = client.app.state.service.keys
        ann, bob = ({"Authorization": f"Bearer {keys.add(name)}"} for name in ("ann", "bob"))
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
            for path in ("/v1/jobs", f"/v1/jobs/{local}", "/metrics", f"/v1/jobs/{local}/media"):
                answer = call(client, "GET", path, headers=headers)
                refused(answer, 401, "Unauthorized", "mien serve keys add")
                assert answer.headers["www-authenticate"] == "Bearer"
            refused(send(client, headers=headers), 401, "Unauthorized")
        for path in ("/health", "/v1/notice", "/openapi.json"):
            assert call(client, "GET", path).status_code == 200
        assert call(client, "GET", "/metrics", headers=ann).status_code == 200
        mine = send(client, headers=ann).json()["id"]
        assert ended_as(client, mine, ann)["state"] == "completed"
        seen = {job["id"] for job in call(client, "GET", "/v1/jobs", headers=ann).json()["jobs"]}
        assert seen == {local, mine}, "the first key has the jobs made before"
        assert call(client, "GET", "/v1/jobs", headers=bob).json()["jobs"] == []
        for method, path in (
            ("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/result"),
            ("GET", "/events"), ("GET", "/media"), ("GET", "/report"), ("POST", "/ticket"),
        ):  # fmt: skip
            answer = call(client, method, f"/v1/jobs/{mine}{path}", headers=bob)
            refused(answer, 404, "NotFound")
        ticket = call(client, "POST", f"/v1/jobs/{mine}/ticket", headers=ann).json()["ticket"]
        for path in ("media", "report"):
            at = f"/v1/jobs/{mine}/{path}?ticket="
            assert call(client, "GET", at + ticket).status_code == 200
            refused(call(client, "GET", at + ticket[:-1]), 401, "Unauthorized")
            refused(call(client, "GET", at.replace(mine, local) + ticket), 401, "Unauthorized")
        refused(call(client, "GET", f"/v1/jobs/{mine}/result?ticket={ticket}"), 401, "Unauthorized")
        keys.remove("bob")
        refused(call(client, "GET", "/v1/jobs", headers=bob), 401, "Unauthorized")


def ended_as(client, job, headers):
    while (now := client.get(f"/v1/jobs/{job}", headers=headers).json())["state"] not in FINAL:
        time.sleep(0.02)
    return now


def test_without_keys_only_this_machine_is_let_in(tmp_path):
    with client_of(tmp_path / "state", host="0.0.0.0") as client:
        refused(call(client, "GET", "/v1/jobs"), 401, "Unauthorized")


# --- the rest --------------------------------------------------------------------------------


def test_metrics_and_health(client):
    job = send(client).json()["id"]
    ended(client, job)
    text = call(client, "GET", "/metrics").text
    values = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if not line.startswith("#")
    }
    assert values['mien_jobs{state="completed"}'] >= 1
    assert values['mien_jobs_ended_total{error="",state="completed"}'] >= 1
    assert values["mien_upload_bytes_total"] > 0
    assert values['mien_requests_total{method="GET",route="/v1/jobs/{job_id}",status="200"}'] >= 1
    assert job not in text
    assert "a.wav" not in text
    assert call(client, "GET", "/health").json()["status"] == "ok"
    call(client, "DELETE", f"/v1/jobs/{job}")


def test_the_notice_is_given_to_everybody(client):
    found = call(client, "GET", "/v1/notice").json()
    assert "Article 50" in found["notice"]
    assert "at work or in education" in found["notice"]
    assert "withdraw your consent" in found["template"]
    assert len(found["forbidden"]) == 3


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "NotFound"),
        ("GET", "/v1/jobs/../../etc/passwd", 404, "NotFound"),
        ("GET", "/v1/jobs/%2e%2e%2fetc", 404, "NotFound"),
        ("GET", "/v1/jobs/x", 404, "NotFound"),
        ("PUT", "/v1/jobs", 405, "MethodNotAllowed"),
        ("OPTIONS", "/v1/jobs", 405, "MethodNotAllowed"),
        ("GET", "/docs", 404, "NotFound"),
    ],
)
def test_paths_and_methods_that_there_are_not(client, method, path, status, kind):
    answer = call(client, method, path)
    refused(answer, status, kind)
    if status == 405:
        assert "GET" in answer.headers["allow"]


def test_a_fault_of_ours_is_an_answer_without_its_words(client, monkeypatch, caplog):
    store = client.app.state.service.store

    def fails(*args):
        raise RuntimeError("secret words in /tmp/place")

    monkeypatch.setattr(store, "page", fails)
    with caplog.at_level("ERROR", "mien.server"):
        refused(call(client, "GET", "/v1/jobs"), 500, "InternalError", "log")
    logged = [record for record in caplog.records if record.name == "mien.server"]
    assert "RuntimeError" in str(logged[0].error)
    assert "secret" not in str(vars(logged[0]))


@pytest.mark.parametrize(
    ("headers", "fine"),
    [
        ({}, True),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
    ],
)
def test_pages_of_other_sites_open_no_websocket(headers, fine, tmp_path):
    async def echo(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})

    gate = Gate(echo, Settings(tmp_path), lambda *seen: None)
    client = TestClient(gate, base_url="http://localhost")
    if fine:
        with client.websocket_connect(
            "/v1/live", headers={"Host": "localhost"} | headers
        ) as opened:
            assert opened.receive_text() == "hello"
    else:
        with pytest.raises(WebSocketDisconnect) as caught:
            client.websocket_connect("/v1/live", headers=headers).__enter__()
        assert caught.value.code == 1008
