"""By which names the dashboard may be asked for."""

import pytest

from substation.dashboard import hosts


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "machine_names", lambda: frozenset({"pi", "pi.local"}))


ANY = "0.0.0.0"  # noqa: S104  no socket is opened here


@pytest.mark.parametrize(
    ("host", "bind", "names", "arrived_at", "known"),
    [
        ("localhost:8050", "127.0.0.1", (), None, True),
        ("[::1]:8050", "127.0.0.1", (), None, True),
        ("192.168.1.5:8050", "192.168.1.5", (), None, True),
        ("192.168.1.6:8050", "192.168.1.5", (), "192.168.1.5", False),
        ("192.168.1.5:8050", ANY, (), "192.168.1.5", True),
        ("192.168.1.9:8050", ANY, (), "192.168.1.5", False),
        ("pi.local:8050", ANY, (), "192.168.1.5", True),
        ("PI:8050", ANY, (), "192.168.1.5", True),
        ("pi.local:8050", "127.0.0.1", (), "127.0.0.1", False),
        ("192.168.1.5:8050", "127.0.0.1", (), "192.168.1.5", False),
        ("ss.example", "127.0.0.1", ("ss.example",), "127.0.0.1", True),
        ("ss.example:443", ANY, ("SS.example",), None, True),
        ("ss.example", ANY, ("ss.example:8050",), None, True),
        ("sub.ss.example", ANY, ("ss.example",), None, False),
        ("evil.example", ANY, (), "192.168.1.5", False),
        ("", ANY, (), "192.168.1.5", False),
        ("[fd00::5]:8050", "::", (), "fd00::5", True),
        ("192.168.1.5:8050", "::", (), "::ffff:192.168.1.5", True),
        ("fe80::1", "::", (), "fe80::1%eth0", True),
    ],
)
def test_a_name_is_known_or_not(
    host: str, bind: str, names: tuple[str, ...], arrived_at: str | None, known: bool
) -> None:
    assert hosts.allowed(host, bind, names, arrived_at) is known


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "localhost", "::ffff:127.0.0.1"])
def test_this_machine_is_loopback(address: str) -> None:
    assert hosts.is_loopback(address)


@pytest.mark.parametrize("address", [ANY, "::", "10.0.0.1", "", "localhost.evil.example", "::ffff:10.0.0.1"])
def test_the_network_is_not_loopback(address: str) -> None:
    assert not hosts.is_loopback(address)


def test_the_machine_knows_its_own_name() -> None:
    assert hosts.name_in(" [::1]:80 ") == "::1"
    assert hosts.name_in("A.b:80") == "a.b"
