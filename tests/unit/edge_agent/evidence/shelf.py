"""A real HTTP server in the place of the hub's picture shelf."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Shelf(ThreadingHTTPServer):
    """A hub's picture shelf: answers with the codes it was given, then that of the picture, else 201."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes: list[int] = []
        self.code_of: dict[str, int] = {}
        self.requests: list[tuple[str, str, str | None]] = []
        self.stored: dict[str, bytes] = {}
        self.gate = threading.Event()
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Shelf

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.rpartition("/")[2]
        self.server.requests.append((self.path, name, self.headers["Authorization"]))
        self.server.gate.wait(10)
        code = self.server.codes.pop(0) if self.server.codes else self.server.code_of.get(name, 201)
        if code in {200, 201}:
            self.server.stored[name] = body
        self.send_response(code)
        if code == 302:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"why")

    def log_message(self, *_: Any) -> None:
        return
