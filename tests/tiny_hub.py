"""A hub on this machine that serves one model, well or badly: the part of its API that is used."""

import hashlib
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

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
        hub, path = self.server.hub, unquote(self.path.split("?")[0])
        hub.asked.append((self.command, path, self.headers.get("Range")))
        if hub.instead is not None:
            hub.instead(self)
        elif path.startswith(f"/api/models/{hub.name}/tree/"):
            rows = [hub.listed(name) for name in hub.files]
            self.answer(json.dumps(rows).encode(), Content_Type="application/json")
        elif path.startswith(f"/api/models/{hub.name}"):
            info = {"id": hub.name, "sha": hub.commit, "siblings": []}
            self.answer(json.dumps(info).encode(), Content_Type="application/json")
        elif (file := path.removeprefix(f"/{hub.name}/resolve/{hub.commit}/")) in hub.files:
            self.file(hub, file)
        else:
            self.answer(b"{}", 404, X_Error_Code="RepoNotFound")

    def do_HEAD(self):
        self.do_GET()

    def do_CONNECT(self):
        self.do_GET()

    def file(self, hub, file):
        data = hub.files[file]
        headers = {"ETag": f'"{hub.digest(file)}"', "X_Repo_Commit": hub.commit,
                   "Accept_Ranges": "bytes"}  # fmt: skip
        if hub.damaged == file:
            data = data[:-1] + b"?"
        given, start, status = self.headers.get("Range"), 0, 200
        if given is not None and self.command == "GET" and not hub.whole_only:
            start, status = int(given.removeprefix("bytes=").split("-")[0]), 206
            headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if start and start >= len(data):
            self.answer(b"", 416)
        elif self.command == "HEAD":
            self.answer(data, **headers)
        else:
            self.send(hub, file, data[start:], status, headers)

    def send(self, hub, file, data, status, headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        most = len(data)
        if hub.dropped == file and status == 200:
            most = len(data) // 2
        if hub.cut is not None:
            most = min(most, max(0, hub.cut - hub.sent) if hub.stalls else hub.cut)
        sent = 0
        try:
            while sent < most:
                piece = data[sent : min(sent + hub.piece, most)]
                self.wfile.write(piece)
                sent += len(piece)
                hub.sent += len(piece)
                if hub.pause:
                    time.sleep(hub.pause)
            if hub.stalls and sent < len(data):
                hub.over.wait(60)
        except OSError:
            pass  # the other side has gone
        if sent < len(data):
            self.close_connection = True


@dataclass
class Hub:
    """One model and what was asked for.

    Args:
        name, files, commit: of the model; ``files`` are served as they are at the time.
        large: files that are listed as large ones, by their SHA-256.
        listing: digests that are claimed instead of the true ones, by file.
        sizes: bytes that are claimed instead of the true ones, by file.
        damaged: a file whose last byte is another one.
        dropped: a file that stops half-way unless a range is asked for.
        cut: bytes after which each connection for a file ends.
        stalls: they do not end but stay open, and ``cut`` is of all together.
        whole_only: ranges are ignored.
        pause: seconds after each piece of ``piece`` bytes.
        instead: answers every request, given the handler.
        sent: bytes of files, counted.
    """

    name: str
    files: dict
    damaged: str | None = None
    dropped: str | None = None
    commit: str = COMMIT
    large: tuple = ()
    listing: dict = field(default_factory=dict)
    sizes: dict = field(default_factory=dict)
    cut: int | None = None
    stalls: bool = False
    whole_only: bool = False
    pause: float = 0.0
    piece: int = 1 << 16
    instead: object = None
    sent: int = 0
    asked: list = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def digest(self, file):
        data = self.files[file]
        return hashlib.sha256(data).hexdigest() if file in self.large else git_blob(data)

    def listed(self, file):
        data, digest = self.files[file], self.listing.get(file, self.digest(file))
        row = {"type": "file", "path": file, "oid": git_blob(data)}
        row["size"] = size = self.sizes.get(file, len(data))
        if file in self.large:
            return row | {"lfs": {"oid": digest, "size": size, "pointerSize": 130}}
        return row | {"oid": digest}


@contextmanager
def serving(hub):
    """The address of a hub."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.hub = hub
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        hub.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
