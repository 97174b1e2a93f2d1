"""How the environment is made: whole or not at all, once, and anew when its pins change."""

import base64
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import plotly
import pytest

from substation.commands import apt, environment, small_charts, tools
from substation.commands.doors import PROJECT
from substation.dashboard import bundles
from substation.errors import EXIT_CONFIG


def make_wheel(folder: Path, version: str) -> str:
    """Make a package with one program in it; return its line for requirements.txt."""
    path = folder / f"tiny-{version}-py3-none-any.whl"
    info = f"tiny-{version}.dist-info"
    files = {
        "tiny_box/tests/test_tiny.py": "",
        "tiny.py": f"def main():\n    import sys\n    print('tiny {version}', sys.prefix)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\ntiny = tiny:main\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"tiny @ {path.as_uri()} --hash=sha256:{digest}\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that needs one small package from this disk; the tests below build on it."""
    tmp_path = tmp_path_factory.mktemp("set-up")
    folder = tmp_path / "the project"
    shutil.copytree(
        PROJECT / "substation", folder / "substation", ignore=shutil.ignore_patterns("__pycache__")
    )
    for script in ("start.sh", "stop.sh"):
        shutil.copy(PROJECT / script, folder)
    (folder / "requirements.txt").write_text(make_wheel(tmp_path, "1.0"))
    (folder / "requirements-dev.txt").write_text(make_wheel(tmp_path, "1.0"))
    return folder


WITH_A_COPY = """
import shutil, sys
from substation.commands import environment
environment._make = lambda folder: shutil.copytree({empty!r}, folder, symlinks=True)
sys.exit(environment.main([]))
"""
"""The same command; what `python -m venv` makes in seconds is taken from a copy of what it made before."""


def command(project: Path, *, anew: bool = False) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SUBSTATION_")}
    program = ["-c", WITH_A_COPY.format(empty=str(project.parent / "empty venv"))]
    return subprocess.Popen(
        [sys.executable, *(["-m", "substation.commands.environment"] if anew else program)],
        cwd=project,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def prepare(project: Path, *, anew: bool = False) -> tuple[int, str]:
    process = command(project, anew=anew)
    said, _ = process.communicate(timeout=100)
    return process.returncode, said


def tiny(project: Path) -> str:
    """Run the installed program by its own name."""
    program = project / "venv" / "bin" / "tiny"
    return subprocess.run([program], check=True, capture_output=True, text=True, timeout=30).stdout.strip()


def leftovers(project: Path) -> list[str]:
    return sorted(path.name for path in project.glob("venv*"))


def test_it_makes_an_environment_whose_programs_work_where_it_ends_up(project: Path) -> None:
    code, said = prepare(project, anew=True)
    assert code == 0, said
    assert "Installing" in said
    assert tiny(project) == f"tiny 1.0 {project / 'venv'}"
    assert leftovers(project) == ["venv"]
    named = [
        path
        for path in [project / "venv" / "pyvenv.cfg", *(project / "venv" / "bin").iterdir()]
        if path.is_file() and b".tmp" in path.read_bytes()
    ]
    assert named == []
    packages = next((project / "venv").glob("lib/python*/site-packages"))
    assert list(packages.glob("__pycache__/tiny.*.pyc")), "a service may not write here when it starts"
    assert not list(packages.glob("tiny_box/tests/__pycache__/*")), "what nobody runs is not compiled"
    shutil.copytree(project / "venv", project.parent / "empty venv", symlinks=True)
    ours = (project.parent / "empty venv").glob("lib/python*/site-packages/**/tiny*")
    for path in sorted(ours, reverse=True):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (project.parent / "empty venv" / "requirements.txt.stamp").unlink()


def test_it_does_nothing_and_says_nothing_the_second_time(project: Path) -> None:
    before = (project / "venv").stat().st_ino
    assert prepare(project, anew=True) == (0, "")
    assert (project / "venv").stat().st_ino == before


def test_a_package_that_is_not_the_pinned_one_is_refused_and_the_old_environment_stays(project: Path) -> None:
    line = make_wheel(project.parent, "3.0")
    digest = line.strip().rpartition(":")[2]
    (project / "requirements.txt").write_text(line.replace(digest, "0" * len(digest)))
    code, said = prepare(project)
    assert code == 1
    assert "could not be installed" in said
    assert "hash" in said.lower()
    assert tiny(project).startswith("tiny 1.0")
    assert leftovers(project) == ["venv"]


def test_it_renews_the_environment_when_the_pins_changed(project: Path) -> None:
    (project / "venv.4711.tmp" / "bin").mkdir(parents=True)  # what a killed set-up left
    (project / "requirements.txt").write_text(make_wheel(project.parent, "2.0"))
    code, said = prepare(project)
    assert code == 0, said
    assert tiny(project).startswith("tiny 2.0")
    assert leftovers(project) == ["venv"]


def test_two_at_once_mend_a_broken_one_without_a_fight(project: Path) -> None:
    shutil.rmtree(project / "venv" / "bin")
    lock = os.open(project, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # a third one, so that both are there before either begins
    processes = [command(project), command(project)]
    for process in processes:
        assert process.stdout
        assert "Another set-up is running" in process.stdout.readline()
    assert not (project / "venv" / "bin").exists()
    os.close(lock)
    said = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert sum("Installing" in words for words in said) == 1
    assert tiny(project).startswith("tiny 2.0")
    assert leftovers(project) == ["venv"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module under test, working in an empty folder of its own."""
    (tmp_path / "requirements.txt").write_text("")
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    monkeypatch.setattr(environment, "venv_folder", lambda: tmp_path / "venv")
    monkeypatch.delenv("SUBSTATION_VENV", raising=False)
    return tmp_path


def test_an_interruption_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(venv: Path, requirements: str) -> None:
        assert venv.name != "venv"
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "_make", lambda folder: (folder / "bin").mkdir(parents=True))
    monkeypatch.setattr(environment, "_install", interrupted)
    assert environment.main([]) == 130
    assert leftovers(here) == []
    assert "interrupted" in capsys.readouterr().err


def test_where_ensurepip_is_missing_it_installs_it_or_says_what_to_type(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def refused(packages: list[str]) -> bool:
        asked.append(packages)
        return False

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(environment, "install", refused)
    assert environment.main([]) == 1
    assert asked == [["python3-venv"]]
    assert "sudo apt install python3-venv" in capsys.readouterr().err
    assert leftovers(here) == []


def test_an_unfit_machine_is_refused_before_anything_is_made(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "unfit", lambda: "A 64-bit system is needed.")
    assert environment.main([]) == EXIT_CONFIG
    assert "64-bit" in capsys.readouterr().err
    assert leftovers(here) == []


def test_an_environment_made_by_another_hand_is_used_as_it_is(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "venv" / "bin").mkdir(parents=True)
    (here / "venv" / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setenv("SUBSTATION_VENV", str(here / "venv"))
    assert environment.main([]) == 0
    assert sorted(path.name for path in (here / "venv").iterdir()) == ["bin"]


@pytest.mark.parametrize(
    ("user", "programs", "sudo_works", "expected"),
    [
        (0, {"apt-get"}, False, []),
        (1000, {"apt-get", "sudo"}, True, ["sudo", "-n"]),
        (1000, {"apt-get", "sudo"}, False, None),
        (1000, {"apt-get"}, True, None),
        (0, set(), True, None),
    ],
)
def test_apt_is_used_as_root_or_with_a_sudo_that_does_not_ask(
    user: int,
    programs: set[str],
    sudo_works: bool,
    expected: list[str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("shutil.which", lambda name: name if name in programs else None)
    monkeypatch.setattr(apt, "_works", lambda command, limit_s: sudo_works)
    assert apt.prefix() == expected


@pytest.mark.parametrize(
    ("ci", "may_run", "words"), [("true", False, "CI skips nothing"), ("", True, "skipped")]
)
def test_a_missing_tool_fails_in_ci_and_is_announced_elsewhere(
    ci: str,
    may_run: bool,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tool = tools.Tool("mbpoll", ("mbpoll",), lambda: False, "another Modbus master")
    monkeypatch.setattr(tools, "TOOLS", (tool,))
    monkeypatch.setattr(tools, "install", lambda packages: False)
    monkeypatch.setenv("CI", ci)
    assert tools.prepare() is may_run
    said = capsys.readouterr().out
    assert words in said
    assert "sudo apt install mbpoll" in said


def test_an_old_package_name_is_tried_after_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def only_the_old(packages: list[str]) -> bool:
        asked.append(packages)
        return packages == ["p7zip-full"]

    tool = tools.Tool("7-Zip", ("7zip", "p7zip-full"), lambda: ["p7zip-full"] in asked, "an export")
    monkeypatch.setattr(tools, "TOOLS", (tool,))
    monkeypatch.setattr(tools, "install", only_the_old)
    assert tools.prepare()
    assert asked == [["7zip"], ["7zip"], ["p7zip-full"]]


def test_what_draws_the_charts_is_pinned_to_plotlys_own_version() -> None:
    """For another plotly `npm view plotly.js-cartesian-dist-min@VERSION dist.integrity` tells the pin."""
    own = Path(plotly.__file__).parent / "package_data/plotly.min.js"
    assert f"plotly.js v{small_charts.VERSION}\n".encode() in own.read_bytes()[:200]
    assert Path(sys.prefix) / small_charts.PLACE == bundles.SMALL


PRETENDED_NPM = """#!/bin/sh
[ "$1 $2" = "pack plotly.js-cartesian-dist-min@4.1.1" ] || exit 1
while [ "$1" != --pack-destination ]; do shift; done
cp {packed} "$2"/some.tgz
"""


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that brings a small package, which is pinned; return the environment that it is for."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "plotly-cartesian.min.js").write_bytes(b"/* lines */")
    packed, programs, venv = tmp_path / "p.tar", tmp_path / "programs", tmp_path / "venv"
    with tarfile.open(packed, "w") as archive:
        archive.add(tmp_path / "package", "package")
    digest = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
    monkeypatch.setattr(small_charts, "INTEGRITY", digest)
    programs.mkdir()
    (programs / "npm").write_text(PRETENDED_NPM.format(packed=packed))
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    own = venv / "lib/python3.11/site-packages/plotly/package_data/plotly.min.js"
    own.parent.mkdir(parents=True)
    own.write_text("/**\n* plotly.js v4.1.1\n*/")
    return venv


def test_the_small_file_of_charts_is_fetched_and_proved(
    npm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_charts.fetch(npm)
    assert (npm / small_charts.PLACE).read_bytes() == b"/* lines */"
    assert "not this time" not in capsys.readouterr().out


@pytest.mark.parametrize("lack", ["npm", "internet", "the pinned package", "the version", "a package"])
def test_without_it_the_environment_is_made_all_the_same(
    npm: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lack: str
) -> None:
    program = tmp_path / "programs" / "npm"
    if lack == "npm":
        program.unlink()
        monkeypatch.setenv("PATH", str(program.parent))
    elif lack == "internet":
        program.write_text("#!/bin/sh\necho ENOTFOUND >&2\nexit 1\n")
    elif lack == "the pinned package":
        monkeypatch.setattr(small_charts, "INTEGRITY", "another")
    elif lack == "the version":
        next(npm.glob("lib/*/site-packages/plotly/package_data/*")).write_text("/**\n* plotly.js v5.0.0\n*/")
    else:
        program.write_text("#!/bin/sh\n")
    small_charts.fetch(npm)
    assert not (npm / small_charts.PLACE).exists()
