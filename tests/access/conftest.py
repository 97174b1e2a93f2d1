from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.settings import passwords
from substation.settings.model import CARD_METERS, Settings, User
from substation.store.operator_db import OperatorDb

PASSWORD = "four quiet herons wade"


@pytest.fixture(scope="session")
def people() -> Settings:
    stored = passwords.hash_password(PASSWORD)
    return Settings(
        meters=CARD_METERS,
        users=(
            User(name="admin", role="administrator", password_hash=stored),
            User(name="wall", role="viewer", password_hash=stored),
            User(name="gone", role="engineer", password_hash=stored, disabled=True),
        ),
        export_password_hash=passwords.hash_password("the export has its own words"),
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OperatorDb]:
    opened = OperatorDb(tmp_path / "operator.db", simulated=False)
    yield opened
    opened.close()


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every hash that a password was tried on, in order: work is counted, not timed."""
    tried: list[str] = []
    real = passwords._hasher

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

        def verify(self, stored: str, password: bytes) -> bool:
            tried.append(stored)
            return real.verify(stored, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    return tried
