"""Plays the program `ngrok`: same arguments, same log, same interface on this machine.

What it shall do stands as JSON in the file that FAKE_NGROK names: `host`, `lives_s` (ends by itself after so
long), `fails` (ends at once with these words), `old` (does not know --inspect). Each start adds a line with
pid and arguments to that file's neighbour `.starts`.
"""

import http.server
import json
import os
import sys
import threading
import time
from pathlib import Path


def main() -> int:
    path = Path(os.environ["FAKE_NGROK"])
    plan = json.loads(path.read_text())
    with path.with_suffix(".starts").open("a") as starts:
        starts.write(json.dumps({"pid": os.getpid(), "arguments": sys.argv[1:]}) + "\n")
    if plan.get("old") and "--inspect=false" in sys.argv:
        print("ERROR:  unknown flag: --inspect", flush=True)
        return 1
    if plan.get("fails"):
        print(plan["fails"], flush=True)
        return 1
    port = sys.argv[2]
    rows = [
        {
            "name": "command_line",
            "public_url": f"https://{plan['host']}",
            "proto": "https",
            "config": {"addr": f"http://localhost:{port}"},
        }
    ]

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"tunnels": rows}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    web = server.server_address[1]
    print('t=2026-11-22T10:00:00+0000 lvl=info msg="no configuration paths supplied"', flush=True)
    log = 't=2026-11-22T10:00:00+0000 lvl=info msg="starting web service" obj=web'
    print(f"{log} addr=127.0.0.1:{web} allow_hosts=[]", flush=True)
    end = time.monotonic() + plan.get("lives_s", 120)
    while time.monotonic() < end:
        time.sleep(0.1)
        print('t=2026-11-22T10:00:00+0000 lvl=info msg="join connections" obj=join', flush=True)
    print('t=2026-11-22T10:00:09+0000 lvl=eror msg="session closed" err="the far end hung up"', flush=True)
    return 3


if __name__ == "__main__":
    sys.exit(main())
