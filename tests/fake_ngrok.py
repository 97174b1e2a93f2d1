"""A stand-in for ngrok: what a local ngrok would say on its own interface of this machine."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class LocalApi:
    """`/api/tunnels` on a loopback port of its own."""

    tunnels: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    hang: threading.Event | None = None
    port: int = 0

    def leads(self, host: str, port: int) -> None:
        """Open a tunnel from `host` to a port of this machine."""
        self.tunnels.append(
            {
                "name": "command_line",
                "public_url": f"https://{host}",
                "proto": "https",
                "config": {"addr": f"http://localhost:{port}", "inspect": True},
            }
        )


@contextmanager
def local_api() -> Iterator[LocalApi]:
    """Give the interface of an ngrok that has no tunnel yet."""
    api = LocalApi()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.asked += 1
            if api.hang is not None:
                api.hang.wait(5)
            body = json.dumps({"tunnels": api.tunnels, "uri": self.path}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    api.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        if api.hang is not None:
            api.hang.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
