"""The poller's log file and its stderr."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from substation.store.log import start_logging, stop_logging

PROGRAM = """
import logging, sys
from pathlib import Path
from substation.store.log import start_logging, stop_logging
log = logging.getLogger("poller")
start_logging(log, Path(sys.argv[1]))
log.info("a word")
stop_logging(log)
"""


@pytest.mark.parametrize(("same", "in_file", "in_stderr"), [(True, 1, 1), (False, 1, 1)])
def test_a_line_stands_once_in_the_file_and_on_another_stderr(
    same: bool, in_file: int, in_stderr: int, tmp_path: Path
) -> None:
    log = tmp_path / "modbus_reader.log"
    stderr = log if same else tmp_path / "console"
    descriptor = os.open(stderr, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        subprocess.run([sys.executable, "-c", PROGRAM, str(log)], check=True, stderr=descriptor, timeout=30)
    finally:
        os.close(descriptor)
    assert log.read_text().count("a word") == in_file
    assert stderr.read_text().count("a word") == in_stderr


def test_a_log_whose_medium_fails_ends_nothing_floods_nothing_and_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger("test of a failing log")
    path = tmp_path / "modbus_reader.log"
    start_logging(log, path)
    try:
        log.info("before")
        file = next(handler for handler in log.handlers if isinstance(handler, logging.FileHandler))
        with pytest.MonkeyPatch.context() as patch:
            assert file.stream is not None
            file.stream.close()
            file.stream = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115
            patch.setattr(file, "_open", lambda: Path("/dev/full").open("w"))  # noqa: SIM115
            patch.setattr(file, "shouldRollover", lambda _: False)
            for _ in range(3):
                log.info("meanwhile")
        log.info("after")
    finally:
        stop_logging(log)
    assert [line.split(" ", 2)[2] for line in path.read_text().splitlines()] == ["before", "after"]
    said = capfd.readouterr().err
    assert (said.count("meanwhile"), said.count("Traceback")) == (3, 0)


def test_a_log_that_cannot_be_opened_is_opened_when_it_can(tmp_path: Path) -> None:
    log = logging.getLogger("test of a log that is not there")
    path = tmp_path / "gone" / "modbus_reader.log"
    start_logging(log, path)
    try:
        log.info("meanwhile")
        path.parent.mkdir()
        log.info("after")
    finally:
        stop_logging(log)
    assert [line.split(" ", 2)[2] for line in path.read_text().splitlines()] == ["after"]
