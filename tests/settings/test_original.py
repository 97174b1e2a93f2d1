"""What the original's settings become, without any file."""

from pathlib import Path

import pytest

from substation.errors import SettingsError
from substation.settings import original, vault
from substation.settings.model import CARD_METERS, Home
from tests.settings.original_forms import EXPORT, PASSWORDS, aside, mixed, sealed, values

HOME = Path("/home/user/SmartSubstationMonitoringSystem")
HASH = "$argon2id$v=19$m=19456,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA"
WERKZEUG = "scrypt:32768:8:1$V0qZ1c6CR9Gsx2t8$" + "0a" * 64


def rows(plan: original.Plan) -> dict[str, original.Row]:
    return {row.name: row for row in plan.rows}


def test_every_setting_that_the_originals_programs_read_is_mapped_or_explained() -> None:
    plan = original.plan(values(str(HOME)), HOME)
    assert set(rows(plan)) == set(original.KEYS) == set(values())
    assert len(original.KEYS) == 13
    for row in plan.rows:
        assert row.setting or row.why
    assert plan.aside == {}


def test_the_how_to_names_every_setting_and_what_it_became() -> None:
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "change-over.md").read_text(encoding="utf-8")
    for name, facts in original.KEYS.items():
        (row,) = [line for line in text.splitlines() if line.startswith("|") and f"`{name}`" in line]
        assert f"`{facts['setting']}`" in row if "setting" in facts else "| none |" in row
    for name in aside():
        assert f"`{name}`" in text or f"`{name.partition('_')[0]}_*`" in text


def test_the_settings_fit_our_configuration() -> None:
    plan = original.plan(values(str(HOME), serial_port="/dev/ttyS7", baud_rate="19200"), HOME)
    settings = plan.settings({"admin": HASH}, HASH, "192.168.1.20")
    assert settings.simulated is False
    assert settings.lines[0].port == "/dev/ttyS7"
    assert (settings.lines[0].baud, settings.lines[0].format) == (19200, "8E1")
    assert settings.poll.interval_s == 30
    assert settings.meters == CARD_METERS
    assert [(user.name, user.role) for user in settings.users] == [("admin", "administrator")]
    assert settings.export_password_hash == HASH
    assert settings.web.bind == "192.168.1.20"


def test_a_slower_round_is_kept_and_a_faster_one_recommended() -> None:
    plan = original.plan(values(str(HOME), polling_interval=30), HOME)
    assert any("set poll.interval_s 2" in words for words in plan.advice)
    plan = original.plan(values(str(HOME), polling_interval=2), HOME)
    assert not any("poll.interval_s" in words for words in plan.advice)


def test_meters_of_the_card_keep_their_names_and_others_are_numbered_feeders() -> None:
    settings = original.plan(values(str(HOME), meter_ids=[5, 12, 1]), HOME).settings({}, None, "127.0.0.1")
    assert [(meter.id, meter.name, meter.role) for meter in settings.meters] == [
        (5, "DGSetLoad", "generator"),
        (12, "Meter 12", "feeder"),
        (1, "Transformer", "incomer"),
    ]


def test_paths_into_the_home_become_its_own_files() -> None:
    plan = original.plan(values(str(HOME)), HOME)
    settings = plan.settings({}, None, "127.0.0.1")
    assert Home(HOME, settings.paths).live == HOME / "meter_data.csv"
    assert settings.paths.model_dump(exclude_none=True) == {}
    assert plan.outside == ()
    changed = values(str(HOME), csv_file=f"{HOME}/data/../live/values.csv", log_file="reader.log")
    settings = original.plan(changed, HOME).settings({}, None, "127.0.0.1")
    assert settings.paths.csv_file == "live/values.csv"
    assert settings.paths.log_file == "reader.log"


def test_two_databases_become_one_history_under_its_own_name() -> None:
    plan = original.plan(values(str(HOME)), HOME)
    assert plan.settings({}, None, "127.0.0.1").paths.db_path is None
    assert rows(plan)["db_path"].now == rows(plan)["db_daily_path"].now == "daily_data.db"
    assert "one history" in rows(plan)["db_path"].why


def test_paths_outside_the_home_are_never_written_to_but_named() -> None:
    plan = original.plan(values("/mnt/disk", csv_file="/mnt/disk/values.csv"), HOME)
    assert plan.settings({}, None, "127.0.0.1").paths.model_dump(exclude_none=True) == {}
    assert "outside" in rows(plan)["csv_file"].why
    assert plan.outside == (
        "/mnt/disk/values.csv",
        "/mnt/disk/meter_data_1year.db",
        "/mnt/disk/meter_data_daily.db",
    )


@pytest.mark.parametrize("file", ["config.json", "config_key.key", "state/poller.json", "app.log", "app.py"])
def test_a_path_that_names_another_file_of_the_station_is_refused(file: str) -> None:
    for name in ("csv_file", "log_file"):
        with pytest.raises(SettingsError, match=f"{name}: .*(another file|no file for data)"):
            original.plan(values(str(HOME), **{name: str(HOME / file)}), HOME)


@pytest.mark.parametrize("file", ["config.json", "config_key.key", "app.py"])
def test_no_database_is_a_program_or_the_configuration(file: str) -> None:
    with pytest.raises(SettingsError, match=r"db_path: .*no file for data"):
        original.plan(values(str(HOME), db_path=str(HOME / file)), HOME)


def test_two_paths_to_one_file_are_refused() -> None:
    same = values(str(HOME), log_file=f"{HOME}/all.log", audit_log_file=f"{HOME}/all.log")
    with pytest.raises(SettingsError, match="another file"):
        original.plan(same, HOME)


def test_all_other_settings_are_set_aside_whole() -> None:
    plan = original.plan({**values(str(HOME)), **aside()}, HOME)
    assert plan.aside == aside()
    shown = repr(plan) + str(plan.rows)
    assert "CANARY" not in shown
    assert PASSWORDS["admin"] not in shown
    assert EXPORT not in shown


def test_passwords_and_hashes_of_the_original_come_through_as_they_were() -> None:
    plan = original.plan(values(str(HOME), dashboard_auth={"a": "plain one", "b": WERKZEUG}), HOME)
    assert plan.people == {"a": "plain one", "b": WERKZEUG}
    assert plan.export == EXPORT
    assert original.is_kept_hash(WERKZEUG)
    assert not original.is_kept_hash("scrypt: my favourite word")
    assert rows(plan)["dashboard_auth"].was == "(hidden)"
    assert "administrator" in rows(plan)["dashboard_auth"].why


BAD: list[tuple[str, object]] = [
    ("serial_port", 5),
    ("serial_port", " "),
    ("baud_rate", "fast"),
    ("baud_rate", True),
    ("baud_rate", 110),
    ("polling_interval", "30"),
    ("polling_interval", -1),
    ("polling_interval", float("nan")),
    ("polling_interval", 86_400),
    ("meter_ids", []),
    ("meter_ids", "1,2,3"),
    ("meter_ids", [1, "2"]),
    ("meter_ids", [1, 1]),
    ("meter_ids", [True]),
    ("meter_ids", [0]),
    ("meter_ids", [248]),
    ("meter_ids", {"1": "Transformer"}),
    ("csv_file", 7),
    ("csv_file", ""),
    ("audit_log_file", "a\nb"),
    ("dashboard_auth", "admin"),
    ("dashboard_auth", {}),
    ("dashboard_auth", [["admin", "secret-canary"]]),
    ("dashboard_auth", {"admin": 5}),
    ("dashboard_auth", {"admin": ""}),
    ("dashboard_auth", {"ad:min": "secret-canary"}),
    ("dashboard_auth", {"admin": "$2b$12$secret-canary"}),
    ("dashboard_auth", {"admin": "sha256$abc$secret-canary"}),
    ("dashboard_auth", {"admin": "pbkdf2:md5$abc$secret-canary"}),
    ("dashboard_auth", {"admin": f"pbkdf2:sha256:999999999$abc${'0a' * 32}"}),
    ("download_password", ["secret-canary"]),
    ("download_password", "secret-canary" * 50),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name} {value!r:.30}" for name, value in BAD])
def test_a_value_of_nonsense_is_refused_by_its_own_name_and_no_secret_is_said(
    name: str, value: object
) -> None:
    with pytest.raises(SettingsError) as refused:
        original.plan({**values(str(HOME)), name: value}, HOME)
    words = str(refused.value)
    assert words.startswith(f"config.json: {name}: ")
    assert "Nothing was changed" in words
    assert "canary" not in words


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        original.plan(values(str(HOME), meter_ids=[], baud_rate=0, dashboard_auth={}), HOME)
    for name in ("meter_ids", "baud_rate", "dashboard_auth"):
        assert f"config.json: {name}: " in str(refused.value)


def test_what_was_not_set_is_said() -> None:
    plan = original.plan(values(str(HOME), serial_port=None, csv_file=None), HOME)
    assert rows(plan)["serial_port"].was == "(not set)"
    assert "csv_file" not in rows(plan)


def test_the_forms_are_told_apart() -> None:
    key = vault.new_key()
    assert original.form_of(values()) == "plain"
    assert original.form_of({"dashboard_auth": {}}) == "plain"
    assert original.form_of(sealed(key, values())) == "sealed"
    assert original.form_of(mixed(key, values(), {"csv_file": "x"})) == "mixed"
    ours = vault.seal(key, {"meters": []})
    others: list[object] = [ours, {**ours, "csv_file": "x"}, {}, [], "x", {"site": {}, "meters": []}]
    for other in others:
        assert original.form_of(other) is None


def test_our_own_settings_are_not_the_originals() -> None:
    ours = original.plan(values(str(HOME)), HOME).settings({}, None, "127.0.0.1").model_dump(mode="json")
    assert not original.is_original(ours)
    assert original.is_original(values())


def test_in_a_mixed_form_the_sealed_part_counts_and_each_difference_is_named() -> None:
    clear = {
        "csv_file": "/elsewhere.csv",
        "baud_rate": 9600,
        "download_password": "secret-canary",
        "dashboard_auth": {"intruder": "secret-canary"},
        "telegram_token": "secret-canary",
    }
    inner = {**values(), "telegram_token": "other"}
    found = original.found_in({"encrypted_data": "x", **clear}, inner)
    assert found.values == inner
    words = {difference.name: difference.words for difference in found.differences}
    assert set(words) == {"csv_file", "download_password", "dashboard_auth", "telegram_token"}
    assert "/elsewhere.csv" in words["csv_file"]
    assert "canary" not in str(words)


def test_what_stands_in_clear_alone_is_taken_and_named() -> None:
    inner = values(download_password=None)
    found = original.found_in({"encrypted_data": "x", "download_password": "secure123"}, inner)
    assert found.values["download_password"] == "secure123"
    assert "clear alone" in found.differences[0].words


def test_a_hostile_name_is_shown_harmlessly() -> None:
    found = original.found_in({"encrypted_data": "x", "a\x1b[2J\nb": 1}, values())
    assert found.differences[0].name.isprintable()
