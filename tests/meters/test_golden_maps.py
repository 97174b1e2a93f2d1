"""Every register of every shipped model, as its source says it: what a change must never alter by accident.

A base that is edited changes every model that is built on it; here such a change must show.
"""

import csv
from pathlib import Path

import pytest

from substation.meters.profile import load, names

with (Path(__file__).parent / "golden_maps.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


@pytest.mark.parametrize("name", names())
def test_the_registers_of_a_model_are_those_of_its_source(name: str) -> None:
    due = {row["key"]: row for row in ROWS if row["profile"] == name}
    places = load(name).places
    assert places.keys() == due.keys(), "a new model brings its rows into golden_maps.csv, from its source"
    for key, row in due.items():
        place = places[key]
        found = (place.function, place.address, place.encoding, place.scale)
        assert found == (int(row["function"]), int(row["address"]), row["encoding"], float(row["scale"])), key
        assert place.words == 1 or place.word_order == row["word_order"], key


def test_energy_into_the_load_is_received_whatever_its_maker_calls_it() -> None:
    assert load("schneider_pm2120").printed("wh_received") == 3204, "Active Energy Delivered (Into Load)"
    assert load("schneider_pm2120").printed("wh_delivered") == 3208, "Active Energy Received (Out of Load)"
    assert load("schneider_em6400ng").printed("wh_received") == 2700
    assert load("schneider_iem3155").printed("wh_received") == 3204, "total active energy import"
    assert load("conzerv_em6400").printed("wh_received") == 3961 + 40_000, "forward"


def test_no_energy_is_taken_for_another() -> None:
    for name in names():
        profile = load(name)
        for key in profile.registers:
            if key.startswith("varh"):
                base = name if profile.base is None else profile.base
                assert base in ("elmeasure_lgplus", "conzerv_em6400"), f"{name}: only these split {key}"
    assert "wh_net" in load("selec_mfm384").extras
    assert not any(key.startswith("wh_") for key in load("selec_mfm384").registers)
