"""What stands on the screen is what the station knows, and it grows old in time."""

import re
from typing import Any

import pytest

from substation.dashboard import format as f
from tests.browser import stage as plays
from tests.browser.conftest import Window, expect, shot
from tests.browser.stage import Stage

pytestmark = pytest.mark.browser
SOON_MS = 5_000
"""A dead meter and a stopped poller look so within 5 s."""


@pytest.fixture(autouse=True)
def _all_is_well(stage: Stage) -> None:
    stage.play(plays.frozen)


def on_screen(page: Any) -> list[dict[str, Any]]:
    """Return every live number: meter, quantities, its text and its classes."""
    found: list[dict[str, Any]] = page.locator("[data-q]:not([data-low])").evaluate_all(
        "els => els.map(el => ({...el.dataset, text: el.firstElementChild.textContent, look: el.className}))"
    )
    return found


@pytest.mark.parametrize("path", ["/", "/meter/1", "/meter/3"])
def test_numbers_on_the_screen_are_the_numbers_of_the_api(window: Window, path: str) -> None:
    page = window.open(path)
    page.wait_for_timeout(1500)
    answer = window.context.request.get(f"{window.address}api/live").json()
    values = {meter["id"]: meter["values"] for meter in answer["meters"]}
    seen = on_screen(page)
    assert len(seen) > 38
    for number in seen:
        found = [values[int(number["m"])][key] for key in number["q"].split()]
        value = sum(one["value"] for one in found) / len(found)
        written = f.Spec(float(number["scale"]), int(number["decimals"]), "", number.get("zero") == "none")
        assert number["text"] == written.text(value), number
        assert {one["quality"] for one in found} == {"good"}
        assert "ss-is-fresh" in number["look"]
    kinds = {key for number in seen for key in number["q"].split()}
    assert len(kinds) == 38 if path != "/" else len(kinds) > 10
    window.clean()


def test_each_number_carries_the_unit_it_is_written_in(window: Window) -> None:
    page = window.open("/")
    assert page.locator(".ss-branch[aria-label=Transformer] .ss-kw .ss-u").text_content() == "kW"
    shown = page.locator(".ss-branch[aria-label=Transformer] .ss-kw [data-q]").get_attribute("data-scale")
    assert float(shown or 0) == 1000


def test_ages_go_on_counting_and_numbers_follow_the_station(window: Window, stage: Stage) -> None:
    page = window.open("/")
    clock = page.locator("[data-clock]")
    first = clock.text_content()
    stage.play(plays.normal)
    power = page.locator(".ss-branch[aria-label=Transformer] .ss-kw .ss-n")
    before = power.text_content()
    expect(power).not_to_have_text(before or "", timeout=SOON_MS)
    expect(clock).not_to_have_text(first or "", timeout=SOON_MS)


def test_a_dead_meter_looks_dead_in_time_and_comes_back(window: Window, stage: Stage) -> None:
    page = window.open("/")
    card = page.locator(".ss-branch[aria-label=ColonyLoad]")
    expect(card).to_have_class(re.compile("ss-q-fresh"))
    number = card.locator(".ss-kw .ss-n").text_content()
    stage.play(plays.dead_meter)
    expect(card).to_have_class(re.compile("ss-w-unknown ss-q-stale"), timeout=SOON_MS)
    assert card.locator(".ss-is-fresh").count() == 0
    assert (card.locator(".ss-age").first.text_content() or "").startswith("stale")
    assert card.locator("[data-p=state]").text_content() == "Unknown"
    assert "No answer" in (card.text_content() or "")
    assert card.locator(".ss-kw .ss-n").text_content() == number  # kept, and marked: never 0
    expect(page.locator(".ss-headline")).to_contain_text("Communication failed")
    expect(page.locator(".ss-station")).to_contain_text("ColonyLoad missing")
    expect(page.locator(".ss-summary")).to_contain_text("1 communication failed: ColonyLoad")
    others = page.locator(".ss-branch[aria-label=EssentialLoad]")
    expect(others).to_have_class(re.compile("ss-w-live ss-q-fresh"))
    shot(page, "home-dead-meter")
    stage.play(plays.frozen)
    expect(card).to_have_class(re.compile("ss-w-live ss-q-fresh"), timeout=SOON_MS)
    expect(page.locator(".ss-headline")).to_contain_text("All normal")
    window.clean()


def test_a_stopped_poller_looks_stopped_in_time(window: Window, stage: Stage) -> None:
    page = window.open("/meter/2")
    stage.play(None)
    expect(page.locator(".ss-line-state")).to_have_class(re.compile("ss-s-blind"), timeout=SOON_MS)
    expect(page.locator(".ss-headline")).to_contain_text("Blind for")
    expect(page.locator(".ss-headline")).to_contain_text("The poller has not reported for")
    assert page.locator("main .ss-is-fresh").count() == 0
    expect(page.locator(".ss-arrow.ss-is-stale")).to_have_count(6, timeout=SOON_MS)
    expect(page.locator(".ss-phasor-box")).to_contain_text("Old: drawn as at the last answer.")
    expect(page.locator(".ss-unbalance [data-p=u2]")).to_have_text("\u2014")
    shot(page, "meter-stopped")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page = window.open("/wall")
    expect(page.locator(".ss-line-facts")).to_contain_text("Last reading")
    beside, clock = page.evaluate(
        "[Math.max(...[...document.querySelectorAll('.ss-line-facts span, .ss-line-facts b')]"
        ".map((el) => el.getBoundingClientRect().right)),"
        " document.querySelector('.ss-clock').getBoundingClientRect().left]"
    )
    assert beside <= clock, "the last reading lies under the clock"
    window.clean()


def supply_lost_asks(stage: Stage, now: int) -> None:
    """Its alarm stands, and nobody has acknowledged it."""
    aside = {"shelved": 0, "suppressed": 0, "out_of_service": 0, "seq": 1}
    said = {"unacknowledged": 1, "active": 1, "highest": "high", "top": ["supply_lost", "meter:1"]}
    plays.supply_lost(stage, now, alarms={**aside, **said, "asks": [["a-1", "high"]]})


def test_supply_lost_stands_in_red_with_its_words(window: Window, stage: Stage) -> None:
    page = window.open("/")
    stage.play(supply_lost_asks)
    expect(page.locator(".ss-line-state")).to_have_class(re.compile("ss-s-alarm"), timeout=SOON_MS)
    expect(page.locator(".ss-al")).to_contain_text("1 unacknowledged")
    expect(page.locator(".ss-headline")).to_contain_text("Supply lost")
    expect(page.locator(".ss-line-facts")).to_contain_text("On DG")
    expect(page.locator(".ss-branch[aria-label=Transformer]")).to_contain_text("EB supply Off")
    expect(page.locator(".ss-branch[aria-label=DGSetLoad]")).to_contain_text("DG set On")
    expect(page.locator(".ss-branch[aria-label=ColonyLoad]")).to_contain_text("Power failure")
    expect(page.locator(".ss-busbar")).to_contain_text("fed by DG")
    for width in (360, 390, 700, 768, 1000):  # beside the alarm no fact is squeezed to one word a line
        page.set_viewport_size({"width": width, "height": 844})
        facts = page.locator(".ss-line-facts li:not(.ss-f-long)").evaluate_all(
            "all => all.map((el) => el.getBoundingClientRect().height)"
        )
        assert max(facts) < 30, (width, facts)
        assert page.evaluate("document.querySelector('.ss-al > a').getBoundingClientRect().left") >= 16
        shot(page, f"supply-lost-asks-{width}")


def test_an_impossible_value_is_struck_through_and_left_out(window: Window, stage: Stage) -> None:
    page = window.open("/")
    stage.play(plays.doubtful)
    value = page.locator(".ss-branch[aria-label=EssentialLoad] [data-q=v_r].ss-v")
    expect(value).to_have_class(re.compile("ss-is-bad"), timeout=SOON_MS)
    assert value.locator(".ss-n").text_content() == f.number(2394.1, 1)
    assert value.locator(".ss-n").evaluate("el => getComputedStyle(el).textDecorationLine") == "line-through"


def test_without_the_server_everything_is_old_and_says_since_when(window: Window, stage: Stage) -> None:
    page = window.open("/")
    stage.stop_dashboard()
    try:
        title = page.locator(".ss-headline strong")
        expect(title).to_have_text(
            re.compile(r"No connection to the station since \d\d:\d\d:\d\d"), timeout=SOON_MS
        )
        assert page.locator("html").get_attribute("data-link") == "lost"
        assert page.locator(".ss-is-fresh, .ss-q-fresh, .ss-w-live, .ss-w-dead").count() == 0
        ages = page.locator(".ss-branch .ss-age")
        assert all(text.startswith("stale") for text in ages.all_text_contents())
        assert set(page.locator(".ss-branch [data-p=state]").all_text_contents()) == {"Unknown"}
        shot(page, "home-no-server")
    finally:
        stage.start_dashboard()
    expect(page.locator(".ss-headline strong")).to_have_text("All normal", timeout=3 * SOON_MS)
    expect(page.locator(".ss-branch.ss-q-fresh")).to_have_count(5)
    assert window.foreign == []


def test_a_page_whose_first_question_is_never_answered_grows_old_too(window: Window) -> None:
    page = window.page
    page.route("**/api/live*", lambda route: route.abort())
    page.goto(window.address)
    page.locator("#react-entry-point main .ss-p-home").wait_for()
    expect(page.locator("html")).to_have_attribute("data-link", "lost", timeout=SOON_MS)
    assert {text[:5] for text in page.locator(".ss-branch .ss-age").all_text_contents()} == {"stale"}
    assert page.locator(".ss-is-fresh, .ss-q-fresh").count() == 0


def test_a_hidden_tab_asks_nothing_and_looks_old_until_it_has_asked_again(window: Window) -> None:
    page = window.open("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/live" in request.url else None)
    hide = """hidden => {
      Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hide, True)
    page.wait_for_timeout(300)
    asked.clear()
    page.wait_for_timeout(2500)
    assert asked == []
    assert page.locator(".ss-branch .ss-is-fresh").count() == 0
    page.evaluate(hide, False)
    expect(page.locator(".ss-branch.ss-q-fresh")).to_have_count(5)


def test_a_page_asks_only_for_what_it_shows(window: Window) -> None:
    page = window.open("/meter/4")
    with page.expect_request(lambda request: "/api/live" in request.url) as asked:
        pass
    assert "meters=4&" in asked.value.url
    page.locator(".ss-nav a", has_text="Home").click()
    page.locator(".ss-p-home").wait_for()
    page.wait_for_timeout(1200)
    with page.expect_request(lambda request: "/api/live" in request.url) as asked:
        pass
    assert "meters=1,2,3,4,5&" in asked.value.url
    assert "var_total" not in asked.value.url


FLASHES = """() => {
  window.flashed = []; const looks = new Map(), numbers = '[data-q]';
  const note = (what, el) => flashed.push(`${what} ${el.className || el.nodeName}`);
  new MutationObserver(list => {
    for (const one of list) {
      const el = one.target;
      if (one.type === 'attributes') {
        const seen = looks.get(el) || [one.oldValue];
        if (seen.at(-1) !== el.className && seen.includes(el.className)) note('back again', el);
        looks.set(el, [...seen, el.className]);
      } else {
        for (const gone of one.removedNodes) {
          const held = gone.nodeType === 1 && (gone.matches(numbers) || gone.querySelector(numbers));
          if (held) note('gone', gone);
        }
        const holder = (el.nodeType === 1 ? el : el.parentElement)?.closest(numbers);
        if (holder && !holder.textContent.trim()) note('empty', holder);
      }
    }
  }).observe(document.body, {
    subtree: true, childList: true, characterData: true, attributeFilter: ['class'], attributeOldValue: true
  });
}"""
"""Of what was there and is gone, went empty, or looked otherwise for a moment."""


def test_live_values_neither_move_the_page_nor_flash(window: Window, stage: Stage) -> None:
    stage.play(plays.normal)
    page = window.open("/")
    page.locator(".tracetoday").first.wait_for(state="attached")
    page.wait_for_timeout(1000)
    page.evaluate(
        """() => { window.shifted = 0; new PerformanceObserver(list => {
             for (const entry of list.getEntries()) window.shifted += entry.value;
           }).observe({type: 'layout-shift'}); }"""
    )
    page.evaluate(FLASHES)
    numbers = page.locator(".ss-branch .ss-n")
    shown = numbers.all_text_contents()
    page.wait_for_timeout(4000)
    assert numbers.all_text_contents() != shown  # they live meanwhile; one alone may be again what it was
    assert page.evaluate("window.flashed") == []
    assert page.evaluate("document.getAnimations().filter(one => one.playState === 'running').length") == 0
    assert page.evaluate("window.shifted") < 0.02


def test_phasors_small_lines_and_the_strip_are_drawn_and_grow_old_without_the_server(window: Window) -> None:
    page = window.open("/meter/2")
    arrow = page.locator(".ss-arrow-v.ss-l-y")
    expect(arrow).to_have_class(re.compile("ss-is-fresh"))
    turned = "el => getComputedStyle(el).transform"
    assert (arrow.evaluate(turned) or "").startswith("matrix(-0.5, 0.866025, -0.866025, -0.5")
    tall = "els => els.map(el => el.getBoundingClientRect().height * el.getBoundingClientRect().width)"
    assert all(area > 0 for area in page.locator(".ss-arrow").evaluate_all(tall))
    masks = "els => els.map(el => getComputedStyle(el).maskImage || getComputedStyle(el).webkitMaskImage)"
    sparks = page.locator(".ss-spark").evaluate_all(masks)
    assert len(sparks) == 38
    assert all(mask.startswith('url("data:image/svg+xml') for mask in sparks)
    window.clean()
    page.route("**/api/live*", lambda route: route.abort())
    expect(page.locator(".ss-phasor-box")).to_have_class(re.compile("ss-q-stale"), timeout=SOON_MS)
    assert page.locator(".ss-arrow.ss-is-fresh").count() == 0
    assert page.locator(".ss-unbalance .ss-v.ss-hatched").count() == 5
