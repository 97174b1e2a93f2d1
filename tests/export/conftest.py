"""Stations with something to export, and the unpacker that an engineer has."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from substation.clock import Clock
from substation.commands.configuration_make import make_station
from substation.export import CSV_NAME, Order
from substation.export.job import Job, form_of
from substation.export.manifest import Occasion
from substation.settings.files import Loaded, load
from substation.store.history import History
from tests.fake_clock import FakeClock
from tests.lacking import lacking
from tests.store.readings import BEGIN_MS, rounds

PASSWORD = "secure123"
ROUNDS = 1200
STEP_MS = 10_000
END_MS = BEGIN_MS + ROUNDS * STEP_MS


@dataclass(frozen=True)
class Unpacker:
    """7-Zip."""

    program: str
    folder: Path

    def unpack(self, archive: bytes | Path, password: str = PASSWORD) -> tuple[int, dict[str, bytes], str]:
        """Return the exit code, the unpacked files, and what was said."""
        if isinstance(archive, bytes):
            path = self.folder / "archive.zip"
            path.write_bytes(archive)
        else:
            path = archive
        target = self.folder / "unpacked"
        shutil.rmtree(target, ignore_errors=True)
        command = [self.program, "x", f"-o{target}", "-bd", f"-p{password}", str(path)]
        done = subprocess.run(command, check=False, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        files = {file.name: file.read_bytes() for file in target.glob("*")} if target.exists() else {}
        return done.returncode, files, (done.stdout + done.stderr).decode("utf-8", "replace")

    def csv(self, archive: bytes | Path) -> bytes:
        """Return the CSV of a whole archive."""
        code, files, said = self.unpack(archive)
        assert code == 0, said
        return files[CSV_NAME]


@pytest.fixture
def unpacker(tmp_path: Path) -> Unpacker:
    program = next((found for name in ("7zz", "7z", "7za") if (found := shutil.which(name))), None)
    if program is None:
        lacking("7-Zip is missing: apt install 7zip")
    folder = tmp_path / "unpacker"
    folder.mkdir()
    return Unpacker(program, folder)


def fill(station: Loaded, clock: Clock, count: int = ROUNDS, step_ms: int = STEP_MS) -> None:
    """Write rounds of five meters into the station's history."""
    settings = station.settings
    store = History(station.home.history, settings.simulated, clock, settings.site.zone, raw_days=3660)
    for number, answers in enumerate(rounds(BEGIN_MS, count, step_ms)):
        store.add(answers)
        if number % 500 == 499:
            store.commit()
    store.close()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo station with more than an hour of polls; copied, never changed."""
    folder = tmp_path_factory.mktemp("filled")
    folder.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE"):
            patch.delenv(name, raising=False)
        make_station(folder, simulated=True)
        fill(load(folder), FakeClock())
    return folder


@pytest.fixture
def home(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A station of the test's own, filled."""
    for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    shutil.copytree(filled, folder)
    folder.chmod(0o700)
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    return folder


@pytest.fixture
def station(home: Path) -> Loaded:
    return load(home)


@pytest.fixture
def polls() -> Order:
    return Order("poll", BEGIN_MS, END_MS)


@pytest.fixture
def job_of(station: Loaded) -> Callable[[Order], Job]:
    """Make the job of an order, to be done in this process."""

    def make(order: Order, simulated: bool = True) -> Job:
        names = {meter.id: meter.name for meter in station.settings.meters}
        form = form_of(order, station.settings.site.zone, names, 10.0, simulated)
        occasion = Occasion("Test yard", "amal", END_MS, "0.1.0", (7, "ab" * 32))
        return Job(station.home.history, order, form, occasion, PASSWORD, 2)

    return make


@pytest.fixture
def history(tmp_path: Path, clock: FakeClock) -> Iterator[History]:
    """An empty history with its writer."""
    store = History(tmp_path / "daily_data.db", True, clock, raw_days=14)
    yield store
    store.close()
