"""What all tests of the commands share."""

from collections.abc import Iterator

import argon2
import pytest

from substation.settings import passwords


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Hash in this process at next to no cost; that the true one is high: `access/test_users.py`.

    Commands that a test starts as processes of their own hash as they always do.
    """
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, salt_len=16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", cheap)
        yield
