"""A messenger that ended while its station runs: it is said, and started again."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.commands import starting_messenger, station
from substation.commands.processes import Book, end, started
from substation.commands.starting import AGAIN_S, Crew
from substation.errors import EXIT_CONFIG
from substation.settings.messages import Messages
from tests.messages.station import Station, who

pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
UP = """import json, sys, time, pathlib
boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
beat = {"v": 1, "state": "running", "boot": boot, "mono_ms": time.monotonic() * 1000}
pathlib.Path(sys.argv[0]).with_name("home").joinpath("state/messenger.json").write_text(json.dumps(beat))
time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A station of which poller and dashboard run."""
    here = Station(tmp_path / "home", Messages())
    here.change(Messages(recipients=(who(),)))
    here.home.state.mkdir(exist_ok=True)
    sleeping = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in range(2)]
    book = Book(here.home.state)
    book.write([started(name, one.pid) for name, one in zip(("poller", "dashboard"), sleeping, strict=True)])
    yield here.folder
    end(book.running())
    for one in sleeping:
        one.kill()
        one.wait()


def test_a_start_beside_a_station_without_its_messenger_starts_that_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home.parent / "messenger.py").write_text(UP)
    monkeypatch.setattr(starting_messenger, "PROJECT", home.parent)
    monkeypatch.setenv("SUBSTATION_HOME", str(home))
    before = Book(home / "state").running()
    assert station.main(["status"]) == 1
    assert "The messenger does not run: nobody outside is told of alarms." in capsys.readouterr().out
    assert station.main(["start"]) == 0
    assert "its messenger did not, and was started" in capsys.readouterr().out
    after = Book(home / "state").running()
    assert after[:2] == before
    assert [process.name for process in after[2:]] == ["messenger"]
    assert station.main(["status"]) == 0
    assert station.main(["start", "--demo"]) == 75
    assert "already runs: poller" in capsys.readouterr().err
    end(after[2:])
    (home.parent / "messenger.py").write_text("raise SystemExit('no modem')")
    assert station.main(["start"]) == 1
    assert "no modem" in capsys.readouterr().err


def test_who_stays_and_watches_starts_it_anew_but_not_for_a_wrong_setting(tmp_path: Path) -> None:
    here = Station(tmp_path, Messages()).home
    here.state.mkdir(exist_ok=True)
    for code, launched in ((1, 2), (EXIT_CONFIG, 1)):
        crew = Crew(here, {})
        command = ["-c", f"raise SystemExit({code})"]
        first = crew.launch("messenger", command, tmp_path / "log", passing=True, renewed=True)
        first.process.wait()
        crew.renew(first.started_s + AGAIN_S - 1)
        assert crew.children == [first]
        crew.renew(first.started_s + AGAIN_S)
        assert (crew.children == [first]) == (launched == 1)
        assert len(Book(here.state).read()) == 2  # what has ended does not stay in it
        crew.end()
