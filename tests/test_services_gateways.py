"""The poller's service and lines over TCP: no network, but for the gateways that the configuration names."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from substation.commands import gateways
from substation.commands.doors import PROJECT
from substation.errors import SettingsError
from substation.settings import files, vault
from substation.settings.model import Home, Line, Meter, Settings
from tests.lacking import lacking

DROPIN = "etc/systemd/system/substation-poller.service.d/tcp-line.conf"


def installed(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROJECT / "systemd" / "install.sh"), *arguments],
        check=False,
        env={**os.environ, "DESTDIR": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def station(*lines: Line) -> Settings:
    return Settings(lines=lines, meters=(Meter(id=1, name="Transformer", line=lines[0].name),))


def test_the_network_is_opened_to_the_gateways_and_closed_again(tmp_path: Path) -> None:
    assert installed(tmp_path).returncode == 0
    assert not (tmp_path / DROPIN).exists()
    done = installed(tmp_path, "--gateway", "192.168.1.50", "--gateway", "fd00::5")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / DROPIN).read_text()
    assert re.findall(r"^IPAddressAllow=(.*)$", text, re.M) == ["192.168.1.50", "fd00::5"]
    assert "PrivateNetwork=no" in text
    installed(tmp_path)
    assert (tmp_path / DROPIN).read_text() == text, "without a word about it, it stays as it is"
    installed(tmp_path, "--no-gateway")
    assert not (tmp_path / DROPIN).exists()


def test_what_a_person_wrote_is_left_alone(tmp_path: Path) -> None:
    by_hand = tmp_path / DROPIN
    by_hand.parent.mkdir(parents=True)
    by_hand.write_text("[Service]\nPrivateNetwork=no\nIPAddressAllow=10.0.0.1\n")
    for arguments in (("--gateway", "192.168.1.50"), ("--no-gateway",)):
        done = installed(tmp_path, *arguments)
        assert "written by hand" in done.stdout
        assert "10.0.0.1" in by_hand.read_text()


@pytest.mark.parametrize("arguments", [("--gateway",), ("--gateway", "any host"), ("--gate",)])
def test_wrong_usage_lays_nothing_out(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert installed(tmp_path, *arguments).returncode == 64
    assert list(tmp_path.iterdir()) == []


def test_the_drop_in_is_understood_and_keeps_the_sandbox(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        lacking("systemd-analyze is missing; ./test.sh installs it")
    installed(tmp_path, "--gateway", "192.168.1.50")
    unit = (tmp_path / "etc/systemd/system/substation-poller.service").read_text()
    extra = (tmp_path / DROPIN).read_text().partition("[Service]\n")[2]
    path = tmp_path / "substation-poller.service"
    path.write_text(unit.replace("[Install]", f"{extra}\n[Install]"))
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=15", "--no-pager", str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_the_addresses_of_the_gateways_are_those_of_the_lines_over_tcp() -> None:
    lines = (
        Line(name="yard"),
        Line(name="a", kind="tcp", port="192.168.1.50:502"),
        Line(name="b", kind="rtu_tcp", port="192.168.1.50:4196"),
        Line(name="c", kind="tcp", port="[fd00::5]:502"),
    )
    assert gateways.addresses(station(*lines)) == ["192.168.1.50", "fd00::5"]
    assert gateways.addresses(station(lines[0])) == []


def test_a_name_that_is_not_known_is_explained() -> None:
    with pytest.raises(SettingsError, match=r"lines\.0\.port: the name 'no\.invalid' is not known"):
        gateways.addresses(station(Line(kind="tcp", port="no.invalid:502")))


def test_the_command_prints_one_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    assert gateways.main([]) == 0
    assert capsys.readouterr().out == "", "no configuration yet"
    vault.write_key(Home(tmp_path).key, vault.new_key())
    files.save(tmp_path, station(Line(kind="tcp", port="192.168.1.50:502")))
    assert gateways.main([]) == 0
    assert capsys.readouterr().out == "192.168.1.50\n"
    (tmp_path / files.NAME).write_text("cut")
    assert gateways.main([]) == 78
