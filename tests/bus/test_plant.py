"""The one line of a station: what the poller drives and how the heartbeat sees it."""

from pathlib import Path

import pytest

from substation.bus.frame import Question
from substation.bus.line import Line as RealLine
from substation.bus.plant import Plant
from substation.bus.summary import summary_of
from substation.settings.model import CARD_METERS, Line, Settings
from tests.bus.fake_wire import FakeWire
from tests.fake_clock import FakeClock

ONE_LINE = Settings(lines=(Line(name="line 1", port="/dev/one"),), meters=CARD_METERS)


@pytest.fixture
def plant(clock: FakeClock) -> Plant:
    return Plant(ONE_LINE, clock, make_line=FakeWire)  # type: ignore[arg-type]


def wire(plant: Plant, place: int = 0) -> FakeWire:
    line = plant.scanners[place].line
    assert isinstance(line, FakeWire)
    return line


def run(plant: Plant, clock: FakeClock, rounds: int = 1) -> list[str]:
    """Return each meter's reason or `good` of the last round."""
    for _ in range(rounds):
        readings = plant.round(clock.monotonic() + 2.0, lambda: False)
    return [reading.reason or "good" for reading in readings]


def kinds(plant: Plant) -> list[tuple[str, str]]:
    return [(line, notice.kind) for line, notice in plant.notices()]


def test_every_meter_is_asked_in_the_callers_own_thread(plant: Plant, clock: FakeClock) -> None:
    assert not plant.several
    assert run(plant, clock) == ["good"] * 5
    assert plant.rounds(7) == 7


def test_a_line_that_is_down_comes_back_when_it_is_tried(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock)
    wire(plant).present = False
    assert run(plant, clock, 3) == ["line_down"] * 5
    assert plant.down_lines == {"line 1"}
    assert plant.failed == {1, 2, 3, 4, 5}
    assert [line["state"] for line in plant.lines()] == ["down"]
    assert plant.advice() == ["line 1: port missing"]
    assert not plant.reopen()
    wire(plant).present = True
    assert plant.reopen()
    assert run(plant, clock) == ["good"] * 5
    assert kinds(plant) == [("line 1", "line_down"), ("line 1", "line_up")]
    assert plant.notices() == []


def test_the_share_of_time_that_a_line_is_busy_counts_since_the_last_look(
    plant: Plant, clock: FakeClock
) -> None:
    run(plant, clock, 3)
    plant.lines()
    start_s, busy_s = clock.monotonic(), wire(plant).busy_s
    run(plant, clock)
    clock.advance(4.0 - (clock.monotonic() - start_s))
    share = (wire(plant).busy_s - busy_s) / 4.0
    assert share > 0.1
    assert [line["busy"] for line in plant.lines()] == [pytest.approx(share, abs=1e-3)]
    clock.advance(1.0)
    assert [line["busy"] for line in plant.lines()] == [0.0]


def test_a_look_within_a_round_shows_the_last_share_again(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock)
    clock.advance(2.0)
    (settled,) = plant.lines()
    wire(plant).busy_s += 1.0
    clock.advance(1.0)
    (within,) = plant.lines(within_round=True)
    assert within["busy"] == settled["busy"] > 0
    clock.advance(1.0)
    assert plant.lines()[0]["busy"] == 0.5


def test_a_new_configuration_keeps_what_was_learned_of_the_same_meter(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock, 3)
    counted = plant.health[1].counts["ok"]
    moved = CARD_METERS[4].model_copy(update={"device_id": 25})
    changed = ONE_LINE.model_copy(update={"meters": (*CARD_METERS[:4], moved)})
    fresh = Plant(changed, clock, before=plant, make_line=FakeWire)  # type: ignore[arg-type]
    assert fresh.health[1].counts["ok"] == counted >= 3
    assert fresh.health[5].counts["ok"] == 0  # by another id it is another meter
    assert not wire(plant).is_open
    assert wire(fresh) is wire(plant)  # what an unchanged line may still be owed is not forgotten
    assert run(fresh, clock) == ["good"] * 5


def test_a_changed_line_is_another_line(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock)
    faster = ONE_LINE.model_copy(update={"lines": (Line(name="line 1", port="/dev/one", baud=19200),)})
    fresh = Plant(faster, clock, before=plant, make_line=FakeWire)  # type: ignore[arg-type]
    assert wire(fresh) is not wire(plant)
    assert not wire(plant).is_open


@pytest.mark.parametrize(
    ("change", "owed"),
    [
        ({"name": "Line one"}, {16}),
        ({"baud": 19200}, {16}),
        ({"port": "/dev/two"}, set()),
        ({"kind": "tcp", "port": "10.0.0.9:502"}, set()),
    ],
)
def test_a_changed_line_on_the_same_port_is_still_owed_what_it_was(
    clock: FakeClock, change: dict[str, str | int], owed: set[int]
) -> None:
    """A late reply cares for no name and no setting; a port that is another brings none."""
    old = Plant(ONE_LINE, clock)
    was = old.scanners[0].line
    assert isinstance(was, RealLine)
    was._owed.add(Question(1, 3, 0, 16))
    now = Line(**{**was.settings.model_dump(), **change})
    meters = tuple(meter.model_copy(update={"line": now.name}) for meter in ONE_LINE.meters)
    fresh = Plant(ONE_LINE.model_copy(update={"lines": (now,), "meters": meters}), clock, before=old)
    line = fresh.scanners[0].line
    assert isinstance(line, RealLine)
    assert line is not was
    assert line.owed(1) == owed
    assert line._owed.doubts_refusals(1) is bool(owed)


def test_an_echoing_adapter_is_named_with_its_remedy(plant: Plant) -> None:
    wire(plant).echoes = True
    assert "line 1: switch its local echo off" in plant.advice()


def test_a_line_tells_its_own_advice_and_what_silent_meters_cost_it(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock, 3)
    (line,) = plant.lines()
    assert (line["advice"], line["waited"]) == ([], 0.0)
    wire(plant).echoes, wire(plant).dead = True, {1, 2, 3, 4, 5}
    run(plant, clock, 3)
    (line,) = plant.lines()
    assert line["advice"] == ["line 1: switch its local echo off"]
    share = plant.scanners[0].waited_s / wire(plant).busy_s
    assert share > 0.2
    assert line["waited"] == pytest.approx(share, abs=1e-3)


def test_a_doubted_word_order_is_told_with_the_meter(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock)
    plant.seats[2].doubt = "it may send ABCD"
    doubts = [meter["doubt"] for meter in plant.beat({})["meters"]]
    assert doubts == ["", "", "it may send ABCD", "", ""]


def test_the_summary_counts_every_meter(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock)
    wire(plant).dead = {2}
    run(plant, clock, 4)
    lines = plant.summary().splitlines()
    assert lines[0].startswith("5 rounds, median ")
    assert lines[1].startswith("meter 1 Transformer: OK, asked ")
    assert lines[1].endswith(", timeout 0, crc 0, wrong 0, refused 0, noise 0, turnaround 30 ms")
    assert lines[2].startswith("meter 2 EssentialLoad: Communication failed, asked ")


def test_without_a_port_the_summary_says_why(plant: Plant, clock: FakeClock) -> None:
    wire(plant).present = False
    run(plant, clock)
    assert plant.summary().splitlines()[0] == "no round on the wire: line 1: port missing"
    assert "never heard" in plant.summary()
    assert not plant.reached
    wire(plant).present = True
    run(plant, clock)
    assert plant.reached


def test_behind_a_gateway_the_limit_is_estimated_and_never_beaten(plant: Plant) -> None:
    scanner = plant.scanners[0]
    wire(plant).settings = Line(kind="tcp", port="192.0.2.1:502")
    said = summary_of(scanner, [scanner.limit_s / 2], named=False).splitlines()[0]
    assert "estimated wire limit" in said
    assert said.endswith("100.0% of what the wire can do")


def test_what_a_job_has_read_is_the_next_round(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock)
    paused = []

    def job(scanner, alive):
        paused.append(plant.lines(within_round=True)[0]["paused"])
        return [scanner.ask_now(4)]

    plant.give("line 1", "probe, asked for by asha", job, lambda: False)
    assert paused == ["probe, asked for by asha"]
    plant.resumed("line 1")
    assert plant.lines(within_round=True)[0]["paused"] == ""
    assert plant.has_news
    assert run(plant, clock) == ["good"]
    assert not plant.has_news
    assert run(plant, clock) == ["good"] * 5


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "typo.toml").write_text(
        'model = "T"\nsource = "s"\nverified = true\n[registers]\nwatt = 40101\n'
    )
    return folder


def test_a_meter_whose_profile_cannot_be_used_says_so_and_the_others_are_polled(
    clock: FakeClock, own: Path
) -> None:
    faulty = CARD_METERS[2].model_copy(update={"profile": "typo"})
    settings = ONE_LINE.model_copy(update={"meters": (*CARD_METERS[:2], faulty, *CARD_METERS[3:])})
    plant = Plant(settings, clock, make_line=FakeWire, profiles=own)  # type: ignore[arg-type]
    assert sorted(run(plant, clock)) == ["good"] * 4 + ["profile"]
    assert all(meter_id != 3 for _, meter_id in wire(plant).asked)
    (words,) = plant.advice()
    assert words.startswith("meter 3 NonEssentialLoad is not polled: typo.toml: ")
    assert "registers.watt" in words
    entry = next(meter for meter in plant.beat({})["meters"] if meter["id"] == 3)
    assert (entry["fault"], entry["comm_status"]) == (plant.faulty[0].fault, "Communication failed")
    assert plant.failed == frozenset()  # nothing is wrong with its wire, as far as anybody knows
    assert words in plant.summary()
    assert all(meter["fault"] == "" for meter in plant.beat({})["meters"] if meter["id"] != 3)


@pytest.mark.parametrize("name", ["no_such_meter", "../escape", "broken", "binary", "folder"])
def test_no_file_of_whatever_kind_stops_the_others(clock: FakeClock, own: Path, name: str) -> None:
    (own / "broken.toml").write_text("[registers\n")
    (own / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (own / "folder.toml").mkdir()
    settings = ONE_LINE.model_copy(
        update={"meters": (CARD_METERS[0].model_copy(update={"profile": name}), CARD_METERS[1])}
    )
    plant = Plant(settings, clock, make_line=FakeWire, profiles=own)  # type: ignore[arg-type]
    assert sorted(run(plant, clock)) == ["good", "profile"]


def test_a_mended_profile_is_noticed(clock: FakeClock, own: Path) -> None:
    settings = ONE_LINE.model_copy(
        update={"meters": (CARD_METERS[0].model_copy(update={"profile": "typo"}),)}
    )
    plant = Plant(settings, clock, make_line=FakeWire, profiles=own)  # type: ignore[arg-type]
    assert run(plant, clock) == ["profile"]
    assert not plant.profiles_changed
    path = own / "typo.toml"
    path.write_text(path.read_text().replace("watt =", "watts_total ="))
    assert plant.profiles_changed
    fresh = Plant(settings, clock, make_line=FakeWire, profiles=own, before=plant)  # type: ignore[arg-type]
    assert run(fresh, clock) == ["good"]
    assert not fresh.profiles_changed


def test_an_unsure_register_map_is_on_the_state_line_once(clock: FakeClock, own: Path) -> None:
    (own / "unsure.toml").write_text(
        'model = "U"\nsource = "a forum"\nverified = false\ncertainty = "low"\n'
        "[registers]\nwatts_total = 40101\n"
    )
    meters = tuple(meter.model_copy(update={"profile": "unsure"}) for meter in CARD_METERS[:2])
    plant = Plant(ONE_LINE.model_copy(update={"meters": meters}), clock, make_line=FakeWire, profiles=own)  # type: ignore[arg-type]
    run(plant, clock)
    (words,) = plant.advice()
    assert words.startswith("meter profile unsure: the register map of U ")
