"""Health and commissioning as an engineer meets them: a dead meter with words, a scan, a read, the roles."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from substation.settings.model import CARD_METERS
from substation.store import requests
from substation.store.requests import Answer
from tests.browser.conftest import Window, expect, opened
from tests.browser.stage import SILENT, Stage, normal, staged
from tests.dashboard.conftest import PASSWORD

LINE = {"name": "line 1", "port": "/dev/ttyUSB0", "state": "up", "detail": "", "busy": 0.57, "paused": ""}
SCAN: dict[str, Any] = {
    "line": "line 1", "port": "/dev/ttyUSB0", "baud": 9600, "format": "8E1", "asked": 32, "took_s": 8.9,
    "ended": False, "absent": [{"id": 4, "meter": "ColonyLoad"}], "notes": [],
    "found": [
        {"id": 1, "state": "answers", "words": "answers", "meter": "Transformer", "answers": "2/2",
         "turnaround_ms": 31.2},
        {"id": 9, "state": "damaged", "words": "something answers, but damaged", "meter": None,
         "answers": "0/3", "turnaround_ms": None},
    ],
}  # fmt: skip
READ: dict[str, Any] = {
    "meter": "Transformer", "id": 1, "register": "40157", "key": "frequency", "function": 3, "address": 156,
    "at_ms": 0, "turnaround_ms": 31.0, "raw": ["12CD", "4248"], "single": {"int16": 4813, "uint16": 4813},
    "own": {"value": 50.01836, "unit": "Hz", "label": "Frequency", "encoding": "float32",
            "word_order": "CDAB", "scale": 1.0},
    "decoded": [
        {"order": order, "float32": value, "int32": 1, "uint32": 1, "own": order == "CDAB"}
        for order, value in (("ABCD", 1.3e-27), ("CDAB", 50.01836), ("BADC", None), ("DCBA", 199476.3))
    ],
}  # fmt: skip


class Poller:
    """A poller that answers what is asked, a second late, and says meanwhile that the line is paused."""

    def __init__(self) -> None:
        self.last = 0
        self.held = 0
        self.paused: list[str] = []

    def __call__(self, stage: Stage, now: int) -> None:
        found = requests.after(stage.home.operator, self.last)
        if found and not self.held:
            self.held = 1
            self._beat(stage, now, f"{found[0].kind}, asked for by {found[0].asked_by}")
            said = Answer(found[0].id, found[0].kind, "running", "asking id 7, 1 found", now, 0.2)
            requests.answer(stage.home.answers, said)
            return
        self._beat(stage, now, "")
        if found:
            one, self.held = found[0], 0
            self.last = one.id
            result = SCAN if one.kind == "scan" else READ
            said = Answer(one.id, one.kind, "done", f"the {one.kind} is over", now, 1.0, result)
            requests.answer(stage.home.answers, said)

    def _beat(self, stage: Stage, now: int, paused: str) -> None:
        self.paused.append(paused)
        normal(stage, now)
        stage.beat(meter_4=DEAD, lines=[{**LINE, "paused": paused}])


DEAD = {**SILENT, "asked": 40, "ok": 10, "timeout": 30, "kinds": {"timeout": 30}}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Stage]:
    """Nothing here shows the past: a station without a history is enough, and no poller has run yet."""
    with staged(tmp_path_factory.mktemp("stage"), None, hours=0) as made:
        yield made


@pytest.fixture
def engineer(chromium: Any, stage: Stage) -> Iterator[Window]:
    yield from opened(chromium, stage, http_credentials={"username": "engineer", "password": PASSWORD})


def test_the_empty_station_says_that_nothing_was_ever_read(window: Window, stage: Stage) -> None:
    """First in this file: the others let the poller run."""
    page = window.open("/")
    expect(page.locator(".ss-headline")).to_contain_text("No reading yet", timeout=20_000)
    expect(page.locator(".ss-branch .ss-age")).to_have_text(["never answered"] * len(CARD_METERS))
    expect(page.locator(".ss-gap").first).to_contain_text("no readings stored")
    assert not re.search(r"\d", "".join(page.locator(".ss-branch .ss-n").all_text_contents()))


def test_health_names_a_dead_meter_with_what_to_look_at_and_goes_old_without_a_poller(
    window: Window, stage: Stage
) -> None:
    stage.play(Poller())
    page = window.open("/health")
    row = page.locator(".ss-health tbody tr").nth(3)
    expect(row).to_contain_text("failed, last answer")
    expect(page.locator("[data-h-list=findings]")).to_contain_text(
        "4 ColonyLoad: No answer in time, 30 of 40 times. Look at the meter's supply, its id"
    )
    expect(page.locator("#health-old")).to_be_hidden()
    seen = page.locator("[data-h=poller]").inner_text()
    stage.play(None)
    expect(page.locator("#health-old")).to_contain_text("What stands here is its last report.")
    expect(page.locator("[data-h=l0f2]")).to_have_class("ss-hatched")
    assert page.locator("[data-h=poller]").inner_text() != seen  # its age counts on
    window.clean()


def test_an_engineer_scans_and_reads_and_polling_goes_on_by_itself(engineer: Window, stage: Stage) -> None:
    poller = Poller()
    stage.play(poller)
    page = engineer.open("/commissioning")
    page.locator("[data-work=scan]").get_by_role("button", name="Scan").click()
    said = page.locator("#commission-said")
    expect(said).to_contain_text("Asking id 7, 1 found.")
    expect(page.locator("[data-work=read] button")).to_be_disabled()
    expect(said).to_contain_text("The scan is over.")
    expect(said).to_contain_text("SIMULATED, line 1: /dev/ttyUSB0, 9600 8E1, took 8.9 s")
    expect(said.locator("tbody tr").nth(1)).to_contain_text("not configured")
    expect(said).to_contain_text("id 4 ColonyLoad: configured, but silent.")

    page.get_by_label("Register or quantity").fill("40157")
    page.locator("[data-work=read]").get_by_role("button", name="Read").click()
    expect(said).to_contain_text("Frequency: 50.01836")
    own = said.locator("tr.ss-own")
    assert own.locator("td").first.inner_text() == "CDAB, the profile\u2019s"
    assert said.locator("tbody tr").count() == 4
    assert poller.paused[-1] == ""
    assert {"scan, asked for by engineer", "read, asked for by engineer"} <= set(poller.paused)
    engineer.clean()


def test_an_operator_probes_and_finds_no_way_to_commission(chromium: Any, stage: Stage) -> None:
    login = {"username": "operator", "password": PASSWORD}
    stage.play(Poller())
    for window in opened(chromium, stage, http_credentials=login):
        page = window.open("/health")
        assert page.get_by_role("link", name="Commission the line").count() == 0
        page.locator("[data-probe='3']").click()
        expect(page.locator("#health-said")).to_contain_text(": The probe is over.")
        window.clean()
    (asked,) = [one for one in requests.after(stage.home.operator, 0) if one.kind == "probe"]
    assert (asked.arguments, asked.asked_by) == ({"meter": "3"}, "operator")
