"""The poller's log file and its stderr."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
