"""What becomes of the browser tests on a machine without the browser's wheel."""

import os
import re
import subprocess
import sys
from pathlib import Path

from substation.commands.doors import PROJECT

FIRST = "tests/browser/test_live.py::test_each_number_carries_the_unit_it_is_written_in"


def run(tmp_path: Path, *names: str, ci: str) -> subprocess.CompletedProcess[str]:
    """Run browser tests by a Python that finds no playwright."""
    (tmp_path / "playwright.py").write_text("raise ImportError('there is none')\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-rsEf", *names],
        check=False,
        cwd=PROJECT,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_in_ci_the_missing_wheel_is_a_failure(tmp_path: Path) -> None:
    done = run(tmp_path, FIRST, ci="true")
    assert done.returncode == 1, done.stdout
    assert "the playwright wheel is missing; ./test.sh installs it" in done.stdout
    assert re.search(r"^1 error in", done.stdout, re.M)


def test_elsewhere_it_is_skipped_aloud(tmp_path: Path) -> None:
    done = run(tmp_path, FIRST, ci="")
    assert done.returncode == 0, done.stdout
    assert "BROWSER TESTS SKIPPED: the playwright wheel is missing" in done.stdout


def test_no_file_hides_its_tests_by_itself(tmp_path: Path) -> None:
    done = run(tmp_path, "tests/browser", "--collect-only", ci="true")
    assert done.returncode == 0, done.stdout
    for path in Path(__file__).parent.glob("test_*.py"):
        assert f"{path.name}::test_" in done.stdout
