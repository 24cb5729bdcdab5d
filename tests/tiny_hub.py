"""A hub on this machine that serves one model: what ``huggingface_hub`` asks for, and no more."""

import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "a" * 40


def git_blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers for ``self.server.hub``."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, body, status=200, **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self):
        hub, path = self.server.hub, self.path.split("?")[0]
        hub.asked.append((self.command, path, self.headers.get("Range")))
        if path.startswith(f"/api/models/{hub.name}/tree/"):
            rows = [
                {"type": "file", "path": p, "size": len(d), "oid": git_blob(d)}
                for p, d in hub.files.items()
            ]
            self.answer(json.dumps(rows).encode(), Content_Type="application/json")
        elif path.startswith(f"/api/models/{hub.name}"):
            info = {"id": hub.name, "sha": COMMIT, "siblings": []}
            self.answer(json.dumps(info).encode(), Content_Type="application/json")
        elif (file := path.removeprefix(f"/{hub.name}/resolve/{COMMIT}/")) in hub.files:
            self.file(hub, file)
        else:
            self.answer(b"{}", 404, X_Error_Code="RepoNotFound")

    def do_HEAD(self):
        self.do_GET()

    def file(self, hub, file):
        data = hub.files[file]
        headers = {"ETag": f'"{git_blob(data)}"', "X_Repo_Commit": COMMIT, "Accept_Ranges": "bytes"}
        if hub.damaged == file:
            data = data[:-1] + b"?"
        given = self.headers.get("Range")
        if given is not None and self.command == "GET":
            start = int(given.removeprefix("bytes=").split("-")[0])
            place = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.answer(data[start:], 206, Content_Range=place, **headers)
        elif hub.dropped == file and self.command == "GET":
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        else:
            self.answer(data, **headers)


@dataclass
class Hub:
    """One model, what was asked for, and a file that comes damaged or stops half-way."""

    name: str
    files: dict
    damaged: str | None = None
    dropped: str | None = None
    asked: list = field(default_factory=list)


@contextmanager
def serving(hub):
    """The address of a hub."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hub = hub
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
