"""The demo's site is the same after every start, and its orders come from a file."""

import json
import zoneinfo
from pathlib import Path

import pytest

from substation.errors import SettingsError
from substation.simulator import kept
from substation.simulator.faults import Faults
from substation.simulator.orders import OrderFile
from substation.simulator.site import Failure

NOW_MS = 1_795_437_012_345
DAY_MS = 86_400_000


def test_a_new_site_begins_now_and_has_a_past(tmp_path: Path, zone: zoneinfo.ZoneInfo) -> None:
    site = kept.site_of(tmp_path, zone, NOW_MS)
    assert 0 <= NOW_MS - site.epoch_ms < 60_000
    assert len(site.failures) == 5
    assert all(NOW_MS - 35 * DAY_MS < failure.start_ms < NOW_MS for failure in site.failures)
    assert NOW_MS - site.failures[-1].start_ms < 2 * DAY_MS, (
        "one within the history made before the first page"
    )
    assert list(tmp_path.iterdir()) == [tmp_path / kept.NAME]


def test_it_is_the_same_site_next_week(tmp_path: Path, zone: zoneinfo.ZoneInfo) -> None:
    first = kept.site_of(tmp_path, zone, NOW_MS)
    first.fail(Failure(NOW_MS + 1000, NOW_MS + 61_000))
    kept.keep(tmp_path, first)
    again = kept.site_of(tmp_path, zone, NOW_MS + 7 * DAY_MS)
    assert again.failures == first.failures
    assert again.at(NOW_MS + DAY_MS) == first.at(NOW_MS + DAY_MS)


def test_two_processes_that_begin_together_agree(
    tmp_path: Path, zone: zoneinfo.ZoneInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kept.site_of(tmp_path, zone, NOW_MS)
    monkeypatch.setattr(Path, "exists", lambda path: False)  # the other looked just before
    assert kept.site_of(tmp_path, zone, NOW_MS + 60_000).epoch_ms == first.epoch_ms
    assert list(tmp_path.iterdir()) == [tmp_path / kept.NAME]


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"seed": 1, "epoch_ms": 0, "failures": [{"start": 1}]}']
)
def test_a_damaged_file_is_named(content: str, tmp_path: Path, zone: zoneinfo.ZoneInfo) -> None:
    (tmp_path / kept.NAME).write_text(content)
    with pytest.raises(SettingsError, match=r"simulated_site.json: cannot be used .* start the demo anew"):
        kept.site_of(tmp_path, zone, NOW_MS)
    assert (tmp_path / kept.NAME).read_text() == content


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, zone: zoneinfo.ZoneInfo) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        kept.site_of(tmp_path / "gone", zone, NOW_MS)


class TestOrders:
    @pytest.fixture
    def file(self, tmp_path: Path) -> OrderFile:
        return OrderFile(tmp_path / "simulator.json")

    def test_no_file_is_no_order(self, file: OrderFile) -> None:
        assert file.changed() is None

    def test_a_file_is_read_once_until_it_changes(self, file: OrderFile) -> None:
        faults = Faults()
        file.path.write_text(
            json.dumps(
                {
                    "faults": [{"meter": 3, "kind": "late", "delay_s": 0.7}],
                    "random": [{"kind": "crc", "probability": 1.0, "seed": 1}],
                    "failures": [{"start_ms": 5, "end_ms": 9}],
                }
            )
        )
        orders = file.changed()
        assert orders is not None
        orders.give(faults)
        late, other = faults.next(3), faults.next(4)
        assert late is not None and (late.kind, late.delay_s) == ("late", 0.7)
        assert other is not None and other.kind == "crc"
        assert orders.supply_failures() == [Failure(5, 9)]
        assert not orders.unplugged
        assert file.changed() is None
        file.path.unlink()
        orders = file.changed()
        assert orders is not None
        orders.give(faults)
        assert faults.next(3) is faults.next(4) is None

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("{", "simulator.json: cannot be read"),
            ('{"fault": []}', "fault"),
            ('{"faults": [{"kind": "dead"}]}', "faults.0.meter"),
            ('{"unplugged": 1}', "unplugged"),
        ],
    )
    def test_nonsense_is_named_once(self, content: str, words: str, file: OrderFile) -> None:
        file.path.write_text(content)
        with pytest.raises(ValueError, match=words):
            file.changed()
        assert file.changed() is None

    def test_half_an_order_changes_nothing(self, file: OrderFile) -> None:
        faults = Faults()
        faults.order(1, "dead")
        file.path.write_text('{"faults": [{"meter": 1, "kind": "crc"}, {"meter": 2, "kind": "tired"}]}')
        orders = file.changed()
        assert orders is not None
        with pytest.raises(ValueError, match="no fault 'tired'"):
            orders.give(faults)
        fault = faults.next(1)
        assert fault is not None and fault.kind == "dead"
