"""The part `messages` of the configuration: what is refused, and that no address ever leaves it."""

import json
from typing import Any

import pytest

from substation.errors import SettingsError
from substation.settings import names
from substation.settings.model import CARD_METERS, Settings, parse

TOKEN = "tgram://7700112233:AAFcanarycanarycanary/4455"


def station(**more: Any) -> dict[str, Any]:
    plain = Settings(simulated=True, meters=CARD_METERS).model_dump(mode="json")
    plain["messages"] = {"recipients": [], **more}
    return plain


def one(**more: Any) -> dict[str, Any]:
    return {"name": "SSE", "address": TOKEN, **more}


def test_a_station_without_recipients_starts_no_messenger() -> None:
    assert not Settings(meters=CARD_METERS).messages.wanted
    assert parse(station(recipients=[one()]), "config.json").messages.wanted
    assert parse(station(siren={"port": "/dev/ttyS9"}), "config.json").messages.wanted


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"recipients": [one(), one()]}, "name 'SSE' is used twice"),
        ({"recipients": [one(way="sms")]}, "no telephone number"),
        ({"recipients": [one(address="canary-without-scheme")]}, "no address of a gateway"),
        ({"recipients": [one(hours=["22-6"])]}, "messages.recipients.0.hours: '22-6' is no time of the day"),
        ({"recipients": [one(hours=["06:00-06:00"])]}, "holds no time"),
        ({"recipients": [one(after_min=[30, 0])]}, "each later than the one before"),
        ({"recipients": [one(meters=[9])]}, "there is no meter 9"),
        ({"recipients": [one(priorities=["journal"])]}, "messages.recipients.0.priorities.0"),
        ({"recipients": [{"name": "SSE", "adress": TOKEN}]}, "no such setting"),
        ({"recipients": [TOKEN]}, "messages.recipients.0"),
        ({"recipients": [one(way=TOKEN)]}, "messages.recipients.0.way"),
        ({"recipients": [one(way="sms", address="+919800000000")]}, "modem.port: is missing"),
        ({"hourly": {"quantities": ["volts"]}}, "there is no quantity 'volts'"),
        ({"hourly": {"minute": 60}}, "messages.hourly.minute: 60 lies outside 0 to 59"),
        ({"siren": {"port": "/dev/ttyUSB0"}}, "is that of a line"),
        ({"siren": {"port": "/dev/x"}, "modem": {"port": "/dev/x"}}, "is the modem's"),
    ],
)
def test_a_wrong_setting_is_refused_in_words_that_hold_no_address(part: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(station(**part), "config.json")
    assert said in str(refused.value)
    assert "config.json: " in str(refused.value)
    assert "Remedy: " in str(refused.value)
    assert "canary" not in str(refused.value)


def test_an_address_is_shown_by_nothing_that_shows_settings() -> None:
    settings = parse(station(recipients=[one()]), "config.json")
    assert names.is_secret("messages.recipients.0.address")
    changed = names.differences(Settings(simulated=True, meters=CARD_METERS), settings)
    moved = names.differences(settings, parse(station(recipients=[one(address=TOKEN + "9")]), "config.json"))
    assert moved == [("messages.recipients.0.address", "(hidden)", "(hidden, changed)")]
    plain = names.without_secrets(settings.model_dump(mode="json"))
    for shown in (repr(settings), str(settings), str(changed), json.dumps(plain)):
        assert "canary" not in shown
    with pytest.raises(SettingsError, match=r"encrypt_config\.py edit"):
        names.with_text(settings, "messages.recipients.0.address", TOKEN)


def test_lists_of_numbers_can_be_typed() -> None:
    settings = parse(station(recipients=[one()]), "config.json")
    changed = names.with_text(settings, "messages.recipients.0.after_min", "0,30")
    assert changed.messages.recipients[0].after_min == (0, 30)
