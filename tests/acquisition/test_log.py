"""The poller's log: UTC, bounded, and never the reason to stop."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.store import log as store_log
from substation.store.log import start_logging, stop_logging


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.getLogger("tests.log")
    yield made
    stop_logging(made)


def test_a_line_is_stamped_in_utc(logger: logging.Logger, tmp_path: Path) -> None:
    start_logging(logger, tmp_path / "modbus_reader.log")
    logger.info("meter 3 lost")
    text = (tmp_path / "modbus_reader.log").read_text(encoding="utf-8")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO meter 3 lost\n", text)


def test_a_log_that_cannot_be_written_is_said_on_stderr(
    logger: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_logging(logger, tmp_path / "no folder" / "modbus_reader.log")
    logger.info("still here")
    said = capsys.readouterr().err
    assert "cannot be written" in said
    assert "still here" in said


def test_the_file_does_not_grow_without_end(
    logger: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_log, "LARGEST_BYTES", 2_000)
    start_logging(logger, tmp_path / "modbus_reader.log")
    for number in range(500):
        logger.info("change %d", number)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 1 + store_log.OLD_FILES
    assert all(file.stat().st_size <= 2_000 for file in files)
