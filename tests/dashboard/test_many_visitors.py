"""What many visitors at once may cost: pages are made in turn, equal columns are kept once."""

import threading

from flask import Flask

from substation.dashboard.application import PAGES, PAGES_AT_ONCE, _narrow
from substation.dashboard.feed import _lean
from substation.store.series import Series

VISITORS = 12


def test_only_a_few_pages_are_made_at_once_and_all_are_made() -> None:
    server = Flask(__name__)
    lock, full, go_on = threading.Lock(), threading.Event(), threading.Event()
    inside, most = 0, 0

    def make() -> str:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
            if inside == PAGES_AT_ONCE:
                full.set()
        assert go_on.wait(20)
        with lock:
            inside -= 1
        return "made"

    server.add_url_rule(PAGES, PAGES, make)
    server.add_url_rule("/other", "other", lambda: "other")
    _narrow(server)
    answers: list[str] = []
    visitors = [
        threading.Thread(target=lambda: answers.append(server.test_client().get(PAGES).text))
        for _ in range(VISITORS)
    ]
    for visitor in visitors:
        visitor.start()
    assert full.wait(20)
    assert server.test_client().get("/other").text == "other"
    go_on.set()
    for visitor in visitors:
        visitor.join(20)
    assert answers == ["made"] * VISITORS
    assert most == PAGES_AT_ONCE


def test_a_curve_keeps_equal_columns_once_and_changes_none() -> None:
    whole = Series(
        table="minute",
        at_ms=[0, 60_000],
        step_s=60.0,
        values={"v_r": [239.5, None], "v_y": [240.0, 241.0]},
        low={"v_r": [239.5, None], "v_y": [238.0, 241.0]},
        high={"v_r": [239.5, None], "v_y": [242.0, 241.0]},
    )
    lean = _lean(whole)
    assert lean == whole
    assert lean.low["v_r"] is lean.high["v_r"] is lean.values["v_r"]
    assert lean.low["v_y"] is whole.low["v_y"]
