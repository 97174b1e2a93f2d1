#!/usr/bin/env python3
"""The claims of the dashboard, measured in a real Chromium on a demo started by `start.sh`.

    python3 benchmarks/web.py [--seconds 30]

Weight, memory, cleanliness and the cost of an unknown name are gates: the exit code is 1 when one is missed.
Times depend on the machine and its other work and are only printed.
"""

import argparse
import contextlib
import json
import platform
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright  # noqa: E402

from benchmarks import login  # noqa: E402
from substation.commands.starting import DASHBOARD, POLLER  # noqa: E402
from substation.commands.stop import LINE  # noqa: E402
from tests.dashboard.conftest import basic, page_request  # noqa: E402
from tests.station_run import NO_PROXY, StationRun  # noqa: E402

FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SLOW = {"offline": False, "latency": 40, "downloadThroughput": 1e6, "uploadThroughput": 2.5e5}
"""8 Mbit/s down, 2 Mbit/s up, 40 ms."""
LOGIN = {"Authorization": basic()}
GZIP_ONLY = {**LOGIN, "Accept-Encoding": "gzip"}
WATCH = """
window.bench = {cls: 0, first: null, drawn: null};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) bench.cls += entry.value;
}).observe({type: 'layout-shift', buffered: true});
new MutationObserver(() => {
  if (bench.first === null && document.querySelector('.ss-v.ss-is-fresh')) bench.first = performance.now();
  const charts = [...document.querySelectorAll('.js-plotly-plot')];
  const all = charts.length >= 4 && charts.every((one) => one.querySelector('.main-svg .trace'));
  if (bench.drawn === null && all) bench.drawn = performance.now();
}).observe(document, {childList: true, subtree: true});
"""


@dataclass
class Wire:
    """What went over the wire for one page, as the browser counts it."""

    urls: dict[str, str] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    codings: set[str] = field(default_factory=set)

    def asked(self, event: dict[str, Any]) -> None:
        """Note an address."""
        self.urls[event["requestId"]] = event["request"]["url"]

    def answered(self, event: dict[str, Any]) -> None:
        """Note what the head of an answer took."""
        answer = event["response"]
        self.heads[event["requestId"]] = int(answer["encodedDataLength"])
        coding = {name.lower(): text for name, text in answer["headers"].items()}.get("content-encoding")
        self.codings |= {coding} if coding else set()

    def finished(self, event: dict[str, Any]) -> None:
        """Note what the whole answer took."""
        self.totals[event["requestId"]] = int(event["encodedDataLength"])

    @property
    def size(self) -> int:
        """All bytes so far; nothing for what came from the browser's own cache."""
        return sum(self.totals.values())

    def refreshes(self) -> list[tuple[int, int]]:
        """Return bytes of body and head of each live refresh, in their order."""
        return [
            (total - self.heads[number], self.heads[number])
            for number, total in self.totals.items()
            if "/api/live" in self.urls[number]
        ]


class Visit:
    """One visit to Home, in a page of its own."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.wire = Wire()
        self.foreign: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda asked: self._asked(asked.url, address))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.add_init_script(WATCH)
        self.cdp = context.new_cdp_session(self.page)
        self.cdp.on("Network.requestWillBeSent", self.wire.asked)
        self.cdp.on("Network.responseReceived", self.wire.answered)
        self.cdp.on("Network.loadingFinished", self.wire.finished)
        self.cdp.send("Network.enable")
        self.cdp.send("Performance.enable")

    def go(self, address: str) -> dict[str, float]:
        """Open Home, wait for its charts, and return what the page noted."""
        self.page.goto(address)
        end = time.monotonic() + 60
        while self.noted["drawn"] is None:
            assert time.monotonic() < end, "no charts within 60 s"
            self.page.wait_for_timeout(100)
        self.page.wait_for_timeout(1500)
        return self.noted

    @property
    def noted(self) -> dict[str, Any]:
        """What the page has noted so far: `cls`, `first`, `drawn` (ms)."""
        found: dict[str, Any] = self.page.evaluate("window.bench")
        return found

    def script_s(self) -> float:
        """Return the seconds of script so far."""
        told = self.cdp.send("Performance.getMetrics")["metrics"]
        return float({one["name"]: one["value"] for one in told}["ScriptDuration"])

    def _asked(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.foreign.append(url)


class Findings:
    """Prints each figure beside its target and remembers the gates that were missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def tell(
        self, what: str, value: float, unit: str, target: float | None = None, gate: bool = False
    ) -> None:
        """Print one figure; greater than its target is a miss, which counts when it is a gate."""
        good = target is None or value <= target
        word = "" if target is None else "ok" if good else "MISSED" if gate else "missed"
        limit = "" if target is None else f"<= {target:g} {unit}"
        print(f"{what:<58}{value:10.3f} {unit:<6}{limit:<16}{word}{' (gate)' if gate else ''}", flush=True)
        if gate and not good:
            self.missed.append(what)


def pss_mb(pid: int) -> float:
    """Return the proportional memory of a process and its children, MB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return own * 1024 / 1e6 + sum(pss_mb(child) for child in children(pid))


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_s(pid: int) -> float:
    """Return the processor time of all threads of a process, in seconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextlib.contextmanager
def window(browser: Browser, **how: Any) -> Iterator[BrowserContext]:
    """Give a fresh browser, logged in by a header: a login by `http_credentials` switches its cache off."""
    context = browser.new_context(**{"viewport": DESKTOP, "extra_http_headers": LOGIN, **how})
    try:
        yield context
    finally:
        context.close()


def weigh(browser: Browser, address: str, seconds: float, worker: int, found: Findings) -> list[Visit]:
    """Print what a cold and a warm visit and the refreshes after them cost."""
    with window(browser) as context:
        cold = Visit(context, address)
        noted = cold.go(address)
        found.tell(
            f"Home, cold ({', '.join(sorted(cold.wire.codings))})", cold.wire.size / 1e6, "MB", 1.7, True
        )
        found.tell("first values on screen", noted["first"] / 1000, "s", 2.5)
        found.tell("charts drawn", noted["drawn"] / 1000, "s")
        script, server, before = cold.script_s(), cpu_s(worker), len(cold.wire.refreshes())
        cold.page.wait_for_timeout(1000 * seconds)
        live = cold.wire.refreshes()[before:]
        script, server = cold.script_s() - script, cpu_s(worker) - server
        bodies, heads = zip(*live, strict=True)
        found.tell(f"live refresh, body, greatest of {len(live)}", max(bodies) / 1000, "kB", 1.0, True)
        found.tell("  median", statistics.median(bodies) / 1000, "kB")
        found.tell("  its head", statistics.median(heads) / 1000, "kB")
        found.tell(
            "server CPU a live refresh, all of the worker's counted", 1000 * server / len(live), "ms", 3
        )
        found.tell("script a live refresh", 1000 * script / len(live), "ms", 10)
        found.tell("layout shift (CLS)", cold.noted["cls"], "", 0.1)
        cold.page.close()
        warm = Visit(context, address)
        noted = warm.go(address)
        found.tell("Home, warm: second visit", warm.wire.size / 1000, "kB", 150, True)
        found.tell("  first values on screen", noted["first"] / 1000, "s", 2.5)
        fetched = [warm.wire.urls[number] for number, size in warm.wire.totals.items() if size > 0]
        stale = [url for url in fetched if "/_dash-component-suites/" in url or "/assets/" in url]
        found.tell("  files asked for again", len(stale), "", 0)
        print(*(f"    {url}\n" for url in stale), sep="", end="")
    return [cold, warm]


def weigh_gzip(browser: Browser, address: str, found: Findings) -> list[Visit]:
    """Print what a visit costs without brotli (any other machine, without TLS), and on a slow phone."""
    with window(browser, extra_http_headers=GZIP_ONLY) as context:
        plain = Visit(context, address)
        plain.go(address)
        found.tell(f"Home, cold ({', '.join(sorted(plain.wire.codings))})", plain.wire.size / 1e6, "MB", 1.7)
    how = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "extra_http_headers": GZIP_ONLY}
    with window(browser, **how) as context:
        phone = Visit(context, address)
        phone.cdp.send("Network.emulateNetworkConditions", SLOW)
        phone.cdp.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        noted = phone.go(address)
        found.tell("slow phone (CPU / 4, 8 Mbit/s), first values", noted["first"] / 1000, "s", 2.5)
        found.tell("  charts drawn", noted["drawn"] / 1000, "s", 6)
    return [plain, phone]


def crowd(station: StationRun) -> None:
    """Let two dozen people open Home and a meter at the same moment."""
    address = f"http://127.0.0.1:{station.port}"
    headers = {**LOGIN, "Content-Type": "application/json", "Origin": address, "Accept-Encoding": "gzip"}

    def visit(_number: int) -> None:
        for path in ("/", "/meter/1"):
            body = json.dumps(page_request(path)).encode()
            asked = urllib.request.Request(f"{address}/_dash-update-component", body, headers)  # noqa: S310
            with NO_PROXY.open(asked, timeout=60) as answer:
                answer.read()

    with ThreadPoolExecutor(24) as people:
        list(people.map(visit, range(24)))


def measure(station: StationRun, browser: Browser, seconds: float) -> list[str]:
    """Print every figure; return the gates that were missed."""
    found = Findings()
    began = time.monotonic()
    done = station.start("--demo", "--port", str(station.port))
    assert done.returncode == 0, done.stdout + done.stderr
    live = station.live()["meters"]
    took = time.monotonic() - began
    assert {value["quality"] for meter in live for value in meter["values"].values()} == {"good"}
    found.tell(f"start.sh --demo to {len(live)} live meters (environment there)", took, "s", 20)
    address = f"http://127.0.0.1:{station.port}/"
    pids = {process.name: process.pid for process in station.processes}
    (worker,) = children(pids[DASHBOARD])
    visits = weigh(browser, address, seconds, worker, found)
    visits += weigh_gzip(browser, address, found)
    foreign = [url for visit in visits for url in visit.foreign]
    errors = [words for visit in visits for words in visit.errors]
    found.tell("foreign requests", len(foreign), "", 0, True)
    found.tell("console errors", len(errors), "", 0, True)
    print(*foreign, *errors, sep="\n", end="")
    found.tell("memory: dashboard, master and worker (PSS)", pss_mb(pids[DASHBOARD]), "MB", 120, True)
    found.tell("  worker alone", pss_mb(worker), "MB")
    crowd(station)
    found.tell("  both after 24 visitors at once", pss_mb(pids[DASHBOARD]), "MB", 120)
    found.tell("memory: poller (PSS)", pss_mb(pids[POLLER]), "MB")
    found.tell("memory: simulated line (PSS)", pss_mb(pids[LINE]), "MB")
    known, unknown = login.medians(30)
    found.tell(
        "unknown name : wrong password (medians)",
        max(known, unknown) / min(known, unknown),
        "times",
        login.ALLOWED,
        True,
    )
    return found.missed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30, help="how long live refreshes are watched")
    seconds = max(5.0, parser.parse_args().seconds)
    print(
        f"measured on {platform.machine()}: a small ARM board is several times slower, weights are the same\n"
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        station = StationRun(Path(folder) / "demo")
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = play.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        try:
            missed = measure(station, browser, seconds)
        finally:
            browser.close()
            station.stop()
    if missed:
        print(f"\nno longer true: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
