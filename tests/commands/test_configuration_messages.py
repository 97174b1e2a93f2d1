"""`encrypt_config.py` and the recipients of messages: their addresses are written and never read back."""

import io
import json
import sys
from pathlib import Path

import pytest

from substation.commands import configuration
from substation.commands.configuration_make import make_station
from substation.settings import files

TOKEN = "tgram://7700112233:AAFcanarycanarycanary/4455"
EDITOR = """\
import json, pathlib, sys
path = pathlib.Path(sys.argv[1])
seen = json.loads(path.read_text())
pathlib.Path({seen!r}).write_text(json.dumps(seen))
seen["messages"]["recipients"] = json.loads({recipients!r})
path.write_text(json.dumps(seen))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    passwords = {"admin": "four quiet herons wade", "export": "under nine copper moons"}
    make_station(folder, simulated=False, passwords=passwords, overrides={"lines.0.port": "/dev/null"})
    return folder


def edit(home: Path, monkeypatch: pytest.MonkeyPatch, *recipients: dict[str, object]) -> int:
    """Edit as a person does; what the editor saw stands in `seen.json`."""
    editor = home.parent / "editor.py"
    seen = str(home.parent / "seen.json")
    editor.write_text(EDITOR.format(seen=seen, recipients=json.dumps(recipients)))
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor}")
    return configuration.main(["edit"])


def test_an_address_goes_in_by_edit_and_never_comes_out(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(home, monkeypatch, {"name": "SSE", "address": TOKEN}) == 0
    assert files.load(home).settings.messages.recipients[0].address == TOKEN
    kept = {"name": "SSE", "hourly": True}  # without its address, or with what the editor shows in its place
    assert edit(home, monkeypatch, kept) == 0
    shown = json.loads((home.parent / "seen.json").read_text())["messages"]["recipients"][0]["address"]
    assert shown.startswith("(hidden")
    assert edit(home, monkeypatch, {**kept, "address": shown, "hours": ["06:00-14:00"]}) == 0
    one = files.load(home).settings.messages.recipients[0]
    assert (one.address, one.hourly, one.hours) == (TOKEN, True, ("06:00-14:00",))
    assert configuration.main(["show"]) == 0
    assert configuration.main(["get", "messages"]) == 0
    assert configuration.main(["get", "messages.recipients.0.address"]) != 0
    assert edit(home, monkeypatch, {"name": "new", "address": shown}) != 0
    said = capsys.readouterr()
    assert "'new' is new or renamed" in said.err
    everywhere = [said.out, said.err, (home.parent / "seen.json").read_text()]
    everywhere += [path.read_text(errors="replace") for path in home.rglob("*") if path.is_file()]
    assert not [text for text in everywhere if "canary" in text]
