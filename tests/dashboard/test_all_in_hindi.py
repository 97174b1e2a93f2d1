"""Every page in every state is Hindi: hardly a word of Latin letters is left on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dash
import pytest

from substation.dashboard import feed as feeds
from substation.dashboard import screen, shell, tongue
from substation.dashboard.samples import STATES
from tests.dashboard.boards import feed_in
from tests.dashboard.conftest import Station, demo_settings, make_app
from tests.dashboard.latin import english, left
from tests.dashboard.tree import classes, text, walk
from tests.fake_clock import FakeClock

FOLDER = Path(feeds.__file__).parent / "pages"
PAGES = "substation.dashboard.pages."
FILES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
OF_A_METER = "mecxvoud"
"""Groups of parts of a meter that hold words."""


@pytest.fixture(scope="module", autouse=True)
def _in_hindi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = feeds._current
    make_app(Station(tmp_path_factory.mktemp("station"), demo_settings(), FakeClock()))
    with tongue.speaking("hi"):
        yield
    feeds._current = before


def drawn(file: str, **of: str) -> Any:
    return dash.page_registry[PAGES + file]["layout"](**of)


@pytest.mark.parametrize("state", STATES)
def test_what_changes_with_the_state_is_in_hindi(state: str) -> None:
    feed = feed_in(state, past=False)
    feeds.set_current(feed)
    board = feed.board()
    names = ["line", "sum", "station", "bus", "now", "past"]
    names += [f"{kind}{meter.id}" for meter in board.meters for kind in OF_A_METER]
    parts = screen.groups(feed, board, names).values()
    said = {words for part in parts for words, _ in part.values() if not words.startswith("--")}
    assert {words for words in said if left(words)} == set()
    assert english([drawn("home"), drawn("events"), shell.frame()]) == set()


@pytest.mark.parametrize("file", FILES)
def test_a_page_is_in_hindi(file: str) -> None:
    feeds.set_current(feed_in("normal", past=True))
    of = {"meter_id": "3"} if file == "meter" else {}
    page = drawn(file, **of)
    tokens = {text(part) for part in walk(page) if "ss-tok" in classes(part)}
    assert english(page) - tokens == set()
