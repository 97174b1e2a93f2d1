"""The rules of the house that no linter knows."""

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from substation.commands.doors import PROJECT
from tests.lacking import lacking, not_proved
from tests.source_trees import calls_of, tree_of

DOORS = ("app.py", "dmf_reader.py", "datalogger.py", "encrypt_config.py", "messenger.py")
LONGEST_DOOR = 40
LONGEST_FILE = 400
SECRETS = (
    "config.json",
    "config_key.key",
    "config_key.key.0123456789ab",
    "original/config_key.key",
    "original/meter_data.csv",
    "meter_data.csv",
    "daily_data.db",
    "operator.db",
    "messages.db",
    "demo/config_key.key",
)
LOGS = (
    "app.log",
    "dashboard_audit.log",
    "modbus_reader.log",
    "ngrok.log",
    "messenger.log",
    "state/poller.json",
    "demo/config.json",
)


def program_files() -> list[Path]:
    """Return what the station runs: package, doors, scripts."""
    package = [path for path in (PROJECT / "substation").rglob("*") if path.suffix in {".py", ".js", ".css"}]
    return sorted(
        [*package, *PROJECT.glob("*.py"), *PROJECT.glob("*.sh"), *(PROJECT / "systemd").glob("*.service")]
    )


def python_files() -> list[Path]:
    return [path for path in program_files() if path.suffix == ".py"]


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def code_lines(path: Path) -> int:
    """Count the lines that hold code: no blank ones, no comments, no docstrings."""
    text = path.read_text(encoding="utf-8")
    nothing = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in nothing:
            lines.update(range(token.start[0], token.end[0] + 1))
    first = tree_of(path).body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines -= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return len(lines)


@pytest.mark.parametrize("door", DOORS)
def test_doors_are_thin(door: str) -> None:
    assert code_lines(PROJECT / door) <= LONGEST_DOOR


def test_no_file_is_two_rooms_in_one() -> None:
    long = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert {path: count for path, count in long.items() if count > LONGEST_FILE} == {}


def test_nothing_runs_through_a_shell() -> None:
    found = []
    for path in python_files():
        for function, call in calls_of(path):
            shell = any(k.arg == "shell" and ast.unparse(k.value) != "False" for k in call.keywords)
            if shell or function in {
                "os.system",
                "os.popen",
                "subprocess.getoutput",
                "subprocess.getstatusoutput",
            }:
                found.append(f"{name(path)}:{call.lineno} {function}")
    assert found == []


FORBIDDEN = {
    "processes ended by name": re.compile(r"\b(pkill|killall|pidof|pgrep)\b"),
    "a person's own folder": re.compile(r"/home/\w|/Users/\w|/root/"),
    "a host on the internet": re.compile(
        r"(https?:)?//[\w.-]*(cdn|unpkg|jsdelivr|googleapis|gstatic|cloudflare|bootstrapcdn|fontawesome)",
        re.I,
    ),
    "permissions for everybody": re.compile(r"chmod\s+(-R\s+)?0?777|0o777"),
}


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_the_program_holds_none_of(rule: str) -> None:
    found = [
        f"{name(path)}:{number} {line.strip()[:80]}"
        for path in program_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if FORBIDDEN[rule].search(line)
    ]
    assert found == []


def test_the_rules_above_would_find_something() -> None:
    for rule, line in {
        "processes ended by name": "pkill -f app.py",
        "a person's own folder": 'PATH = "/home/pi/substation"',
        "a host on the internet": '<script src="https://cdn.plot.ly/plotly.js">',
        "permissions for everybody": "chmod 777 config.json",
    }.items():
        assert FORBIDDEN[rule].search(line), rule


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(PROJECT), *arguments], check=False, capture_output=True, text=True, timeout=30
    )


@pytest.mark.parametrize("path", [*SECRETS, *LOGS])
def test_what_belongs_to_one_station_is_never_committed(path: str) -> None:
    if git("rev-parse", "--is-inside-work-tree").returncode != 0:
        pytest.skip("not a git checkout")
    assert git("check-ignore", "-q", path).returncode == 0, f"{path} is not in .gitignore"
    assert git("ls-files", "--error-unmatch", path).returncode != 0, f"{path} is committed"


def test_the_layers_hold() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo"],
        check=False,
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"[1-9]\d* kept, 0 broken", done.stdout)


@pytest.mark.parametrize("script", ["start.sh", "stop.sh", "test.sh", ".ci/run"])
def test_scripts_are_bash_with_safe_habits_and_can_be_run(script: str) -> None:
    path = PROJECT / script
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert re.search(r"^set -e?uo pipefail$", text, re.M)
    assert os.access(path, os.X_OK)
    assert subprocess.run(["bash", "-n", str(path)], check=False, timeout=10).returncode == 0


def test_starting_needs_no_more_than_bash_and_python() -> None:
    for script in ("start.sh", "stop.sh"):
        words = set(
            re.findall(
                r"\b(curl|wget|ps|lsof|ss|netstat|sqlite3|jq|flock|pip)\b", (PROJECT / script).read_text()
            )
        )
        assert words == set(), script


def test_ci_runs_what_a_person_runs() -> None:
    lines = [line for line in (PROJECT / ".ci" / "run").read_text().splitlines() if not line.startswith("#")]
    assert lines[-1] == "exec ./test.sh"


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_pinned_with_its_digest_and_names_no_registry(file: str) -> None:
    text = (PROJECT / file).read_text(encoding="ascii")
    blocks = re.findall(
        r"^([A-Za-z0-9][\w.-]*)==[^\s;\\]+[^\n]*((?:\n    --hash=sha256:[0-9a-f]{64}[^\n]*)*)", text, re.M
    )
    assert len(blocks) > 20
    assert [package for package, digests in blocks if not digests] == []
    assert "://" not in text
    assert "--index-url" not in text


def test_both_kinds_of_requirements_agree() -> None:
    pins = [
        dict(re.findall(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", (PROJECT / file).read_text(), re.M))
        for file in ("requirements.txt", "requirements-dev.txt")
    ]
    differ = {package: (pins[0][package], pins[1][package]) for package in pins[0].keys() & pins[1].keys()}
    assert {package: both for package, both in differ.items() if both[0] != both[1]} == {}


def test_a_proof_that_is_lacking_is_a_failure_in_ci_and_elsewhere_a_skip_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = "7-Zip is missing"
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=words):
        lacking(words)
    with pytest.raises(pytest.skip.Exception, match=r"NOT PROVED HERE: R16: nobody may"):
        not_proved("R16", "nobody may")
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match=words):
        lacking(words)
