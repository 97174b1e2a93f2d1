from substation.access.cache import KEPT_S, MAX_LOGINS, VerifiedLogins
from tests.fake_clock import FakeClock


def test_a_right_login_is_known_for_some_minutes(clock: FakeClock) -> None:
    cache = VerifiedLogins(clock)
    cache.remember(b"Basic YTpi", "g1", "admin")
    assert cache.name_of(b"Basic YTpi", "g1") == "admin"
    assert cache.name_of(b"Basic YTpj", "g1") is None
    clock.advance(KEPT_S - 1)
    assert cache.name_of(b"Basic YTpi", "g1") == "admin"
    clock.advance(1)
    assert cache.name_of(b"Basic YTpi", "g1") is None


def test_a_changed_configuration_ends_an_old_password_at_once(clock: FakeClock) -> None:
    cache = VerifiedLogins(clock)
    cache.remember(b"Basic YTpi", "g1", "admin")
    assert cache.name_of(b"Basic YTpi", "g2") is None
    assert cache.name_of(b"Basic YTpi", "g1") is None


def test_setting_the_clock_keeps_no_login_alive(clock: FakeClock) -> None:
    cache = VerifiedLogins(clock)
    cache.remember(b"Basic YTpi", "g1", "admin")
    clock.step(-3600)
    clock.advance(KEPT_S)
    assert cache.name_of(b"Basic YTpi", "g1") is None


def test_it_keeps_neither_header_nor_password_and_stays_small(clock: FakeClock) -> None:
    cache = VerifiedLogins(clock)
    for number in range(MAX_LOGINS + 50):
        cache.remember(b"Basic secret%d" % number, "g1", "admin")
    assert len(cache._entries) == MAX_LOGINS
    assert b"secret" not in repr(cache._entries).encode()
    assert cache.name_of(b"Basic secret0", "g1") is None
    assert cache.name_of(b"Basic secret%d" % (MAX_LOGINS + 49), "g1") == "admin"


def test_two_processes_do_not_know_each_others_marks(clock: FakeClock) -> None:
    one, other = VerifiedLogins(clock), VerifiedLogins(clock)
    assert one._mark(b"Basic YTpi") != other._mark(b"Basic YTpi")


def test_forgetting_forgets_all(clock: FakeClock) -> None:
    cache = VerifiedLogins(clock)
    cache.remember(b"Basic YTpi", "g1", "admin")
    cache.forget()
    assert cache.name_of(b"Basic YTpi", "g1") is None
