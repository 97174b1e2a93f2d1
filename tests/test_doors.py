"""What every door does first."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from substation.commands import doors
from substation.errors import EXIT_CONFIG

DOORS = ("app.py", "dmf_reader.py", "datalogger.py", "encrypt_config.py", "messenger.py")


@pytest.fixture
def door(tmp_path: Path) -> Path:
    """A door that tells in which Python it runs, with which arguments."""
    path = tmp_path / "door.py"
    path.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(doors.PROJECT)!r})\n"
        "from substation.commands.doors import go_on_in_venv\n"
        "go_on_in_venv(__file__)\n"
        "print(sys.prefix, sys.flags.dev_mode, *sys.argv[1:])\n"
    )
    return path


def run(door: Path, *args: str, venv: Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SUBSTATION_VENV": str(venv)}
    return subprocess.run(
        [python, str(door), *args], check=False, env=environment, capture_output=True, text=True, timeout=30
    )


def make_venv(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    return folder


def test_it_goes_on_in_the_stations_environment_with_the_same_arguments(door: Path, tmp_path: Path) -> None:
    venv = make_venv(tmp_path / "a venv")
    done = run(door, "show", "--with spaces", venv=venv)
    assert done.stdout == f"{venv} False show --with spaces\n", done.stderr


def test_it_keeps_the_flags_of_the_interpreter(door: Path, tmp_path: Path) -> None:
    venv = make_venv(tmp_path / "venv")
    environment = {**os.environ, "SUBSTATION_VENV": str(venv)}
    command = [sys.executable, "-X", "dev", str(door), "x"]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=30)
    assert done.stdout == f"{venv} True x\n", done.stderr


def test_it_stays_when_there_is_no_environment(door: Path, tmp_path: Path) -> None:
    done = run(door, "x", venv=tmp_path / "nothing")
    assert done.stdout == f"{sys.prefix} False x\n", done.stderr


def test_it_says_what_to_type_when_nothing_is_installed_yet(door: Path, tmp_path: Path) -> None:
    bare = make_venv(tmp_path / "a Python without packages")
    done = run(door, "x", venv=tmp_path / "nothing", python=str(bare / "bin" / "python"))
    assert done.returncode == EXIT_CONFIG
    assert "./start.sh" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", DOORS)
def test_a_python_with_some_of_the_packages_is_told_what_to_type(name: str, tmp_path: Path) -> None:
    bare = make_venv(tmp_path / "a Python with pydantic alone")
    folder = next((bare / "lib").iterdir()) / "site-packages" / "pydantic"
    folder.mkdir()
    (folder / "__init__.py").touch()
    done = run(doors.PROJECT / name, "--help", venv=tmp_path / "nothing", python=str(bare / "bin" / "python"))
    assert done.returncode == EXIT_CONFIG
    assert "argon2, cryptography, dash" in done.stderr
    assert "pydantic" not in done.stderr
    assert "./start.sh" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["status", "stop"])
def test_the_command_behind_the_scripts_says_what_to_type_too(command: str, tmp_path: Path) -> None:
    bare = make_venv(tmp_path / "a Python without packages")
    environment = {**os.environ, "SUBSTATION_VENV": str(tmp_path / "nothing")}
    done = subprocess.run(
        [str(bare / "bin" / "python"), "-m", "substation.commands.station", command],
        check=False,
        cwd=doors.PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == EXIT_CONFIG
    assert "./start.sh" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_package_of_the_station_is_looked_for() -> None:
    lines = (doors.PROJECT / "requirements.in").read_text(encoding="ascii").splitlines()
    wanted = {re.split("[<>=~]", line)[0] for line in lines if line and not line.startswith("#")}
    imported = {"pyserial": "serial", "argon2-cffi": "argon2", "fpdf2": "fpdf"}
    names = {imported.get(package, package.replace("-", "_")) for package in wanted - {"tzdata"}}
    assert set(doors.PACKAGES) == names


def test_it_stays_when_it_is_in_the_environment_already(door: Path, tmp_path: Path) -> None:
    venv = make_venv(tmp_path / "venv")
    done = run(door, "x", venv=venv, python=str(venv / "bin" / "python"))
    assert done.stdout == f"{venv} False x\n", done.stderr


def test_it_names_a_broken_environment_instead_of_turning_in_circles(door: Path, tmp_path: Path) -> None:
    broken = tmp_path / "venv" / "bin"
    broken.mkdir(parents=True)
    (broken / "python").symlink_to(sys.executable)  # no pyvenv.cfg: this Python never is "in" it
    done = run(door, venv=broken.parent)
    assert done.returncode == EXIT_CONFIG
    assert "is broken" in done.stderr
    assert "./start.sh" in done.stderr


def test_it_does_nothing_for_a_door_that_is_only_imported(tmp_path: Path) -> None:
    venv = make_venv(tmp_path / "venv")
    other = tmp_path / "app.py"
    other.write_text("from substation.commands.doors import go_on_in_venv\ngo_on_in_venv(__file__)\n")
    environment = {**os.environ, "SUBSTATION_VENV": str(venv), "PYTHONPATH": str(doors.PROJECT)}
    command = [sys.executable, "-c", "import app, sys; print(sys.prefix)"]
    done = subprocess.run(
        command, check=False, env=environment, capture_output=True, text=True, timeout=30, cwd=tmp_path
    )
    assert done.stdout.strip() == sys.prefix, done.stderr


@pytest.mark.parametrize(
    ("version", "maxsize", "words"),
    [
        ((3, 10, 2), 2**63 - 1, "this is 3.10"),
        ((3, 9, 0), 2**31 - 1, "3.11"),
        ((3, 11, 0), 2**31 - 1, "64-bit"),
    ],
)
def test_it_refuses_an_old_python_and_a_32_bit_system(
    version: tuple[int, ...], maxsize: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(sys, "maxsize", maxsize)
    assert words in doors.unfit()
    with pytest.raises(SystemExit) as ended:
        doors.go_on_in_venv(__file__)
    assert ended.value.code == EXIT_CONFIG == doors.EXIT_CONFIG


def test_this_python_is_fit() -> None:
    assert doors.unfit() == ""


@pytest.mark.parametrize("name", [*DOORS, "substation/__init__.py", "substation/commands/__init__.py"])
def test_an_old_python_can_read_a_door_up_to_the_refusal(name: str) -> None:
    ast.parse((doors.PROJECT / name).read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize("name", DOORS)
def test_a_door_asks_for_the_environment_before_it_imports_a_package(name: str) -> None:
    tree = ast.parse((doors.PROJECT / name).read_text(encoding="utf-8"))
    statements = [
        node for node in tree.body if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call)
    ]
    before: list[str] = []
    for node in statements:
        if "go_on_in_venv" in ast.dump(node) and isinstance(node, ast.Expr | ast.If):
            break
        if isinstance(node, ast.Import):
            before += [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            before.append(node.module or "")
    else:
        pytest.fail(f"{name} never calls go_on_in_venv")
    strangers = [
        module for module in before if module not in {*sys.stdlib_module_names, "substation.commands.doors"}
    ]
    assert strangers == []
