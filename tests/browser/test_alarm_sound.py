"""The sound of alarms in a real browser: asked for by priority, silenced, loud again for a new one."""

from typing import Any

import pytest

from tests.browser import stage as plays
from tests.browser.conftest import Window, expect
from tests.browser.stage import Stage

pytestmark = pytest.mark.browser
COUNTS = {"unacknowledged": 1, "active": 1, "shelved": 0, "suppressed": 0, "out_of_service": 0, "seq": 1}
HEARD = """() => {
  window.heard = [];
  const part = () => ({gain: {setValueAtTime() {}, linearRampToValueAtTime() {}}, connect: (next) => next});
  window.AudioContext = class {
    constructor() { this.state = 'running'; this.currentTime = 0; this.destination = {}; }
    resume() { return Promise.resolve(); }
    createGain() { return part(); }
    createOscillator() {
      const note = {set value(hertz) { window.heard.push(hertz); }};
      return {...part(), frequency: note, start() {}, stop() {}};
    }
  };
}"""
LATER = "(ms) => { const now = Date.now; Date.now = () => now() + ms; }"
TOLD = """(told) => {
  document.querySelector('[data-s=ring]').style.setProperty('--ring', told);
  dispatchEvent(new StorageEvent('storage', {key: 'ss-sound'}));
  return [document.title, window.heard.splice(0)];
}"""
"""The page is told this, and looks at once and not within a second: return its title, and what sounds."""
BLIND = f"() => {{ ({TOLD})('{{}}'); ({LATER})(15000); return ({TOLD})('{{}}'); }}"
HIDE = """(hidden) => {
  Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def high(stage: Stage, now: int) -> None:
    """One alarm asks somebody."""
    stage.read(*stage.wire(stage.normal_site, now))
    told = {**COUNTS, "highest": "high", "top": ["supply_lost", "meter:1"], "asks": [["a-1", "high"]]}
    stage.beat(alarms=told)


def heard(page: Any) -> list[int]:
    """Return the notes that were asked for since this was asked last, in Hz."""
    return list(page.evaluate("() => window.heard.splice(0)"))


def test_it_sounds_by_priority_once_turned_on_and_a_new_alarm_breaks_the_silence(
    window: Window, stage: Stage
) -> None:
    stage.play(high)
    try:
        page = window.open("/reports")
        page.evaluate(HEARD)
        line = page.locator(".ss-al")
        expect(line).to_contain_text("1 alarm, 1 unacknowledged")
        expect(line).to_contain_text("Supply lost 1 Transformer, high priority")
        flashes = "el => getComputedStyle(el.querySelector('.ss-i')).animationName"
        assert line.evaluate(flashes) == "ss-asks"
        page.emulate_media(reduced_motion="reduce")
        assert line.evaluate(flashes) == "none"
        page.emulate_media(reduced_motion="no-preference")

        menu = page.locator(".ss-sound")
        expect(menu).to_contain_text("Sound off")
        menu.locator("summary").click()
        title, notes = page.evaluate(TOLD, '{"n": 1, "asks": [["a-1", "high"]]}')
        assert (title[:13], notes) == ("(1) SIMULATED", [])  # it is off, until somebody turns it on
        menu.get_by_text("Turn the sound on").click()
        assert heard(page) == [880, 660, 880, 660]
        menu.get_by_text("Silence these alarms").click()
        expect(menu.locator("summary")).to_contain_text("Silenced")
        both = '{"n": 2, "asks": [["a-1", "high"], ["a-2", "low"]]}'
        assert heard(page) == []
        title, notes = page.evaluate(TOLD, both)
        assert (title[:4], notes) == ("(2) ", [520])  # the low one is new; the high one stays silent
        page.evaluate(LATER, 3_600_000)
        assert page.evaluate(TOLD, both)[1] in ([], [520])  # as long as nobody acknowledges it
        menu.get_by_text("Test: medium priority").click()
        assert heard(page) == [660, 660]

        with page.expect_request(lambda asked: asked.url.endswith("keys=&meters=&screen=ring:0")):
            page.evaluate(HIDE, True)  # a hidden tab asks by itself while its sound is on
            page.evaluate(LATER, 6_000)
        page.evaluate(HIDE, False)
        title, notes = page.evaluate(BLIND)
        assert (title[:4], notes) == ("(?) ", [330, 220])  # nobody watches: that has a sound of its own
        window.clean()
    finally:
        stage.play(plays.frozen)
