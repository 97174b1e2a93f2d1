"""R21: a configuration that is damaged under a running poller; it polls on by the last good one in memory."""

import json
from collections.abc import Callable

import pytest

from substation.acquisition import process
from substation.acquisition.spine import Poller
from substation.settings import vault
from substation.settings.model import Home
from substation.simulator.line import SimulatedLine
from substation.store import heartbeat


def cut_short(home: Home) -> None:
    home.config.write_bytes(home.config.read_bytes()[:100])


def sealed_by_another_key(home: Home) -> None:
    home.config.write_text(json.dumps(vault.seal(vault.new_key(), {"meters": []})))


def gone(home: Home) -> None:
    home.config.unlink()


def another_key(home: Home) -> None:
    home.key.write_bytes(vault.new_key())


def key_and_configuration(home: Home) -> None:
    home.key.write_bytes(b"\0" * 44)
    cut_short(home)


def held(home: Home) -> list[bytes | None]:
    return [path.read_bytes() if path.exists() else None for path in (home.config, home.key)]


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (cut_short, "config.json"),
        (sealed_by_another_key, "config.json"),
        (gone, "config.json"),
        (another_key, ""),  # the configuration that is in force needs no key any more
        (key_and_configuration, "config.json"),
    ],
)
def test_the_poller_goes_on_as_it_was_and_a_new_one_refuses_to_start(
    simulated: SimulatedLine,
    poller: Poller,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Home], None],
    named: str,
) -> None:
    poller.run(rounds=1)
    in_force = poller.settings
    damage(home)
    left = held(home)
    poller.run(rounds=4)
    assert poller.settings == in_force
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    assert len(beat["meters"]) == 5
    assert all(meter["ok"] > 1 for meter in beat["meters"])  # one at most was before the damage
    assert [named in words for words in beat["problems"]] == ([True] if named else [])
    poller.stop()

    monkeypatch.setenv("SUBSTATION_HOME", str(home.folder))
    assert process.main([]) == 78
    said = capsys.readouterr().err
    assert "config" in said
    assert "Traceback" not in said
    assert held(home) == left
