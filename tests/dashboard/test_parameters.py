"""The model of a meter on its page: the shipped one, or one of the station's own."""

from pathlib import Path

from substation.dashboard import parameters

OWN = 'model = "Front of the meter"\nsource = "manual"\nverified = false\n[registers]\nfrequency = 40157\n'


def test_the_stations_own_model_is_named_with_its_registers(tmp_path: Path) -> None:
    (tmp_path / "front.toml").write_text(OWN)
    assert parameters.model("front", tmp_path) == "Front of the meter"
    assert parameters.registers("front", tmp_path) == {"frequency": 40157}
    assert parameters.model("elmeasure_lgplus", tmp_path) == "Elmeasure LG+"


def test_a_model_that_cannot_be_read_is_named_by_its_file(tmp_path: Path) -> None:
    assert parameters.model("front", tmp_path) == "front"
    assert parameters.registers("front", tmp_path) == {}
