"""Strangers read the simulated line: Debian's mbpoll (libmodbus) and pymodbus."""

import re
import shutil
import subprocess

import pytest
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusIOException

from substation.meters.profile import Profile
from substation.quantities import KEYS
from substation.simulator.line import SimulatedLine
from substation.simulator.site import METERS, Site
from tests.fake_clock import FakeClock
from tests.lacking import lacking


@pytest.fixture
def mbpoll() -> str:
    """The path of mbpoll. Missing it is a failure in CI, elsewhere a skip that says so."""
    found = shutil.which("mbpoll")
    if found is None:
        lacking("mbpoll is not installed (apt install mbpoll): the proof by a stranger is left out")
    return found


@pytest.mark.parametrize("meter", METERS)
def test_mbpoll_reads_the_same_values(
    meter: int, mbpoll: str, site: Site, clock: FakeClock, profile: Profile
) -> None:
    # mbpoll knows baud rates up to 115200; on a pty the parity bit exists in our wire time only.
    with SimulatedLine(site, clock, baud=115_200, turnaround_ms=1, profile=profile) as line:
        options = ["-m", "rtu", "-b", "115200", "-P", "none", "-0", "-1", "-o", "3", "-t", "4:float"]
        where = ["-a", str(meter), "-r", "100", "-c", str(len(KEYS)), line.port]
        done = subprocess.run(
            [mbpoll, *options, *where], capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(re.findall(r"^\[(\d+)\]:\s+(\S+)$", done.stdout, re.MULTILINE))
    truth = site.at(clock.now_ms())[meter]
    assert len(rows) == len(KEYS)
    for key in KEYS:  # mbpoll prints six significant digits
        assert float(rows[str(profile.address(key))]) == pytest.approx(truth[key], rel=1e-5, abs=1e-5), key


def test_pymodbus_reads_the_same_values(line: SimulatedLine, site: Site, clock: FakeClock) -> None:
    client = ModbusSerialClient(line.port, baudrate=115_200, parity="N", timeout=1, retries=0)
    assert client.connect()
    try:
        for meter in METERS:
            answer = client.read_holding_registers(100, count=76, device_id=meter)
            assert not answer.isError()
            values = client.convert_from_registers(
                answer.registers, client.DATATYPE.FLOAT32, word_order="little"
            )
            truth = site.at(clock.now_ms())[meter]
            assert isinstance(values, list)
            assert values == pytest.approx([truth[key] for key in KEYS], rel=1e-6)
        assert client.read_holding_registers(99, count=2, device_id=1).exception_code == 2
        assert client.read_input_registers(100, count=2, device_id=1).exception_code == 1
        assert client.write_register(100, 1, device_id=1).exception_code == 1
        line.faults.order(2, "dead")
        with pytest.raises(ModbusIOException):
            client.read_holding_registers(100, count=2, device_id=2)
    finally:
        client.close()
