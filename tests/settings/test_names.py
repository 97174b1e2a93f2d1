import pytest

from substation.errors import SettingsError
from substation.settings import names
from substation.settings.model import CARD_METERS, Settings, User
from substation.settings.vault import hash_password


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(
        meters=CARD_METERS,
        users=(User(name="admin", role="administrator", password_hash=hash_password("x")),),
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("lines.0.port", "/dev/ttyUSB7", "/dev/ttyUSB7"),
        ("lines.0.baud", "19200", 19200),
        ("poll.interval_s", "0", 0.0),
        ("poll.interval_s", " 2.5 ", 2.5),
        ("web.bind", "0.0.0.0", "0.0.0.0"),  # noqa: S104
        ("web.allowed_hosts", "a.local, b.local,", ["a.local", "b.local"]),
        ("web.allowed_hosts", "none", []),
        ("meters.2.role", "generator", "generator"),
        ("meters.2.nominal_voltage_v", "11000", 11000.0),
        ("meters.2.nominal_voltage_v", "none", None),
        ("paths.db_path", "/var/lib/substation/daily_data.db", "/var/lib/substation/daily_data.db"),
        ("users.0.disabled", "yes", True),
        ("site.name", "12345", "12345"),
    ],
)
def test_a_typed_text_is_read_by_the_type_of_the_setting(
    settings: Settings, name: str, text: str, value: object
) -> None:
    changed = names.with_text(settings, name, text)
    assert names.get(changed, name) == value
    assert type(names.get(changed, name)) is type(value)


def test_a_kind_that_does_not_fit_the_port_names_the_port_and_shows_no_more_than_it(
    settings: Settings,
) -> None:
    with pytest.raises(SettingsError) as refused:
        names.with_text(settings, "lines.0.kind", "tcp")
    assert str(refused.value).splitlines()[0] == (
        "config.json: lines.0.port: '/dev/ttyUSB0' is no address of a tcp line; "
        "write host:port, such as 192.168.1.50:502"
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("lines.0.baud", "9600.5", "no whole number"),
        ("lines.0.baud", "1e4", "no whole number"),
        ("lines.0.baud", "1", "lines.0.baud: 1 lies outside 300 to 4000000\n"),
        ("poll.interval_s", "fast", "no number"),
        ("poll.interval_s", "nan", "no number"),
        ("poll.interval_s", "inf", "no number"),
        ("poll.interval_s", "-1", "-1.0 lies outside 0 to 3600\n"),
        ("poll.slow_interval_s", "3601", "3601.0 lies outside 0 to 3600\n"),
        ("meters.1.id", "248", "meters.1.id: 248 lies outside 1 to 247\n"),
        ("meters.1.device_id", "0", "meters.1.device_id: 0 lies outside 1 to 247\n"),
        ("meters.1.gap_ms", "200", "200.0 lies outside 0 to 100\n"),
        ("meters.1.rated_kva", "0", "0.0 lies outside 0 to 1000000 (0 itself is not allowed)\n"),
        ("lines.0.format", "9X3", "8E1"),
        ("meters.0.role", "boss", "incomer"),
        ("meters.1.id", "1", "used twice"),
        ("meters.1.line", "line 9", "not among lines"),
        ("users.0.disabled", "perhaps", "yes nor no"),
        ("web.bind", "example.org", "no address"),
        ("web.port", "70000", "70000 lies outside 1 to 65535\n"),
        ("site.timezone", "Asia/Kalkutta", "IANA"),
        ("site.name", "", "at least 1"),
        ("users.0.name", "a:b", "no colon"),
        ("users.0.name", "a\x1b", "no colon"),
        ("simulated", "yes", "cannot be changed"),
        ("users.0.password_hash", "$argon2id$x", "passwd"),
        ("export_password_hash", "x", "passwd"),
        ("poll.intervals_s", "3", "did you mean poll.interval_s"),
        ("meters.9.name", "x", "no such setting"),
        ("colour", "x", "no such setting. All of them: "),
        ("poll.intervals_s", "3", "poll.interval_s? All of them: "),
        ("meters.-1.name", "x", "no such setting"),
        ("meters.²", "x", "no such setting"),
        ("poll.interval_s.x", "3", "no such setting"),
        ("", "3", "no such setting"),
        ("site", "x", "one by one"),
        ("lines", "x", "one by one"),
        ("lines.0", "x", "one by one"),
    ],
)
def test_a_wrong_one_is_refused_with_file_setting_and_remedy(
    settings: Settings, name: str, text: str, said: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        names.with_text(settings, name, text)
    words = str(refused.value)
    assert said in words
    assert words.startswith("config.json: ")
    assert name in words or name == "meters.1.id" or "meters" in name
    assert "encrypt_config.py" in words or "SUBSTATION_HOME" in words


def test_every_setting_can_be_read_by_its_name(settings: Settings) -> None:
    for name, value in names.flat(settings).items():
        assert names.get(settings, name) == value


def test_every_open_setting_can_be_set_to_what_it_is(settings: Settings) -> None:
    for name, value in names.flat(settings).items():
        if name in names.FIXED or names.is_secret(name):
            continue
        text = ",".join(value) if isinstance(value, list) else "none" if value is None else str(value)
        assert names.with_text(settings, name, text) == settings


def test_differences_name_what_changed_and_hide_secrets(settings: Settings) -> None:
    user = settings.users[0].model_copy(update={"password_hash": hash_password("y")})
    after = names.with_values(settings, {"poll.interval_s": 5.0}).model_copy(update={"users": (user,)})
    found = {name: (before, now) for name, before, now in names.differences(settings, after)}
    assert found["poll.interval_s"] == (2.0, 5.0)
    assert set(found) == {"poll.interval_s", "users.0.password_hash"}
    assert "argon2" not in str(found)


def test_nothing_secret_is_left_in_a_shown_part(settings: Settings) -> None:
    shown = names.without_secrets(settings.model_dump(mode="json"))
    assert "argon2" not in str(shown)
    assert "admin" in str(shown)
