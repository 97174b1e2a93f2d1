"""What the demo says, and whom it refuses."""

from pathlib import Path

import pytest

from substation.commands import demo
from substation.commands.configuration import make_station
from substation.commands.starting import Browser
from substation.errors import SettingsError
from substation.settings import files

SECRETS = {"admin": "correct horse battery staple", "export": "another stapled battery horse"}


class Answers(Browser):
    """A dashboard that says what it is told to."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        super().__init__("http://127.0.0.1:9/")
        self.answers = list(answers)
        self.asked: list[str] = []

    def get(self, path: str, headers: object = None) -> tuple[int, bytes]:
        self.asked.append(path)
        return self.answers.pop(0)


def live(*meters: tuple[str, str]) -> bytes:
    rows = ",".join(
        f'{{"comm_status": "{status}", "values": {{"watts_total": {{"quality": "{quality}"}}}}}}'
        for status, quality in meters
    )
    return f'{{"meters": [{rows}]}}'.encode()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, live(("OK", "good"), ("OK", "good"))), True),
        ((200, live(("OK", "good"), ("OK", "never"))), False),
        ((200, live(("OK", "good"), ("Communication failed", "stale"))), False),
        ((200, live()), False),
        ((503, b"busy"), False),
        ((0, b""), False),
        ((401, b"somebody chose another password"), True),
        ((429, b"too many wrong ones"), True),
    ],
)
def test_it_waits_until_every_meter_is_live_on_screen(answer: tuple[int, bytes], expected: bool) -> None:
    assert demo.readings_on_screen(Answers(answer))() is expected


def test_it_refuses_a_real_stations_home(tmp_path: Path) -> None:
    make_station(tmp_path, simulated=False, passwords=SECRETS)
    with pytest.raises(SettingsError, match="real station"):
        demo.refuse_real(tmp_path)


def test_it_takes_an_empty_home_and_its_own(tmp_path: Path) -> None:
    demo.refuse_real(tmp_path / "new")
    demo.make(tmp_path / "new")
    demo.refuse_real(tmp_path / "new")
    settings = files.load(tmp_path / "new").settings
    assert settings.simulated
    assert settings.web.bind == "127.0.0.1"
    assert settings.lines[0].port == str(tmp_path / "new" / "state" / "line1")


def test_it_follows_a_folder_that_was_moved(tmp_path: Path) -> None:
    demo.make(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    demo.make(tmp_path / "there")
    settings = files.load(tmp_path / "there").settings
    assert settings.lines[0].port == str(tmp_path / "there" / "state" / "line1")


def test_its_folder_is_its_own_unless_another_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SUBSTATION_HOME", raising=False)
    assert demo.folder() == demo.PROJECT / "demo"
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    assert demo.folder() == tmp_path


@pytest.mark.parametrize(
    ("environment", "tunnel"),
    [
        ({}, True),
        ({"DISPLAY": ":0"}, False),
        ({"WAYLAND_DISPLAY": "wayland-0"}, False),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "10.0.0.5 50000 10.0.0.7 22"}, True),
    ],
)
def test_where_there_is_no_screen_it_says_how_to_reach_it(
    environment: dict[str, str], tunnel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    said = demo.words("http://127.0.0.1:8050/", 8050)
    assert ("ssh -L 8050:127.0.0.1:8050" in said) is tunnel
    if "SSH_CONNECTION" in environment:
        assert "@10.0.0.7" in said
    for words in ("SIMULATED", "admin / password123", "secure123", "demo passwords", "loopback", "./stop.sh"):
        assert words in said
