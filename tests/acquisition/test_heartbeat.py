"""The sign of life."""

import json
from pathlib import Path

import pytest

from substation.store import heartbeat


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state" / "poller.json"
    heartbeat.write(path, {"state": "running", "problems": ["größer"]})
    assert heartbeat.read(path) == {"v": 1, "state": "running", "problems": ["größer"]}
    assert [file.name for file in path.parent.iterdir()] == ["poller.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"v": 2}', b"null"])
def test_what_is_no_heartbeat_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "poller.json"
    path.write_bytes(content)
    assert heartbeat.read(path) is None
    assert heartbeat.read(tmp_path / "missing.json") is None


def test_a_reader_never_sees_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "poller.json"
    for number in range(50):
        heartbeat.write(path, {"round": number, "padding": "x" * 10_000})
        with path.open(encoding="utf-8") as reader:
            heartbeat.write(path, {"round": number + 1})
            assert json.load(reader)["round"] == number
