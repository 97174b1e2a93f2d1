"""What `encrypt_config.py check` says of lines, and of changed alarms."""

from pathlib import Path

import pytest

from substation.commands.configuration_check import findings, refuse_new_misfits
from substation.errors import SettingsError
from substation.settings.alarms import AlarmChange
from substation.settings.model import CARD_METERS, Line, Settings


def test_an_absent_adapter_is_named_and_a_gateway_is_no_device(tmp_path: Path) -> None:
    settings = Settings(
        lines=(
            Line(name="line 1", port="/dev/no-such-adapter"),
            Line(name="gateway", kind="tcp", port="192.0.2.1:502"),
        ),
        meters=CARD_METERS,
    )
    _, doubtful = findings(settings, tmp_path)
    ports = [words for words in doubtful if words.startswith("lines.")]
    assert len(ports) == 1
    assert ports[0].startswith("lines.0.port: /dev/no-such-adapter is not there now")


def test_an_address_on_a_serial_line_is_noted_with_the_kind_to_set(tmp_path: Path) -> None:
    settings = Settings(lines=(Line(port="192.168.1.5:502"),), meters=CARD_METERS)
    _, doubtful = findings(settings, tmp_path)
    ports = [words for words in doubtful if words.startswith("lines.")]
    assert len(ports) == 1
    assert "192.168.1.5:502 looks like an address" in ports[0]
    assert "set lines.0.kind tcp" in ports[0]


def test_a_number_of_holding_registers_under_function_04_is_doubted(tmp_path: Path) -> None:
    file = tmp_path / "panel.toml"
    own = tuple(m.model_copy(update={"profile": "panel"}) for m in CARD_METERS)

    def doubts(register: int) -> list[str]:
        file.write_text(
            f'model = "A panel"\nsource = "Manual"\nverified = true\n'
            f'function = 4\nword_order = "ABCD"\n[registers]\nv_r = {register}\n'
        )
        wrong, doubtful = findings(Settings(meters=own), tmp_path)
        assert not any("profile" in words for words in wrong), wrong
        return [words for words in doubtful if "Did you mean" in words]

    assert doubts(30001) == []
    assert doubts(40001) == [
        "meters.0.profile: panel: v_r = 40001 is read with function 04, whose registers begin at 30001: "
        "it is asked for at address 10000. Did you mean 30001?"
    ]


def test_a_change_that_fits_no_alarm_is_wrong_and_a_new_one_is_refused(tmp_path: Path) -> None:
    good = Settings(meters=CARD_METERS, alarms=(AlarmChange(rule="voltage_low", limit=88.0),))
    wrong = Settings(meters=CARD_METERS, alarms=(AlarmChange(rule="voltage_lo", limit=88.0),))
    words = "alarms.0: there is no alarm 'voltage_lo'; known: supply_lost"
    assert any(one.startswith(words) for one in findings(wrong, tmp_path)[0])
    assert not any(one.startswith("alarms") for one in findings(good, tmp_path)[0])
    refuse_new_misfits(wrong.model_dump(mode="json"), wrong)  # stood there already
    refuse_new_misfits(wrong.model_dump(mode="json"), good)
    for before in (good.model_dump(mode="json"), {"not": "a configuration"}):
        with pytest.raises(SettingsError, match=f"config.json: {words}"):
            refuse_new_misfits(before, wrong)
