"""The diagram is built from the configured roles."""

import pytest

from substation.dashboard import diagram, samples, sections, words
from substation.dashboard.samples import board
from substation.settings.model import CARD_METERS, Meter, Settings
from tests.dashboard.boards import NO_FIGURES, ZONE, in_state
from tests.dashboard.tree import classes, text, walk


def drawn(settings: Settings | None = None) -> diagram.html.Section:
    shown = board(settings=settings) if settings else in_state("normal")
    parts = {f"m{m.id}": words.meter_parts(shown, m, NO_FIGURES, ZONE) for m in shown.meters}
    return diagram.diagram(shown, {**parts, "bus": sections.parts(shown)})


def order(section: diagram.html.Section) -> list[str]:
    """Return what stands in the grid, from the upper left to the lower right."""
    placed = []
    for part in walk(section):
        shown = classes(part)
        if "ss-at" not in shown or not getattr(part, "style", None):
            continue
        name = part.to_plotly_json()["props"].get("aria-label") if "ss-branch" in shown else None
        known = next((one for one in ("ss-station", "ss-busbar", "ss-riser") if one in shown), "")
        placed.append((int(part.style["--gr"]), int(part.style["--gc"]), name or known))
    return [name for _, _, name in sorted(placed)]


def test_sources_hang_above_the_bus_and_feeders_below() -> None:
    above, below = order(drawn())[:3], order(drawn())[3:]
    assert above == ["Transformer", "ss-station", "DGSetLoad"]
    assert below == ["ss-busbar", "EssentialLoad", "NonEssentialLoad", "ColonyLoad"]


@pytest.mark.parametrize(("feeders", "columns", "buses"), [(1, 3, 1), (4, 4, 1), (5, 4, 2), (9, 4, 3)])
def test_more_feeders_make_more_columns_then_more_bus(feeders: int, columns: int, buses: int) -> None:
    meters = (CARD_METERS[0], *(Meter(id=10 + place, name=f"F{place}") for place in range(feeders)))
    section = drawn_of(meters)
    assert section.style == {"--cols": str(columns)}
    assert order(section).count("ss-busbar") == buses
    assert [name for name in order(section) if name.startswith("F")] == [f"F{p}" for p in range(feeders)]


def drawn_of(meters: tuple[Meter, ...]) -> diagram.html.Section:
    known = dict(samples.AMPS)
    samples.AMPS.update({meter.id: 50.0 for meter in meters if meter.id not in known})
    try:
        return drawn(Settings(meters=meters))
    finally:
        samples.AMPS.clear()
        samples.AMPS.update(known)


def test_sources_keep_their_columns_when_there_are_three() -> None:
    meters = (
        Meter(id=1, name="T1", role="incomer"),
        Meter(id=2, name="T2", role="incomer"),
        Meter(id=5, name="G1", role="generator"),
        Meter(id=3, name="F1"),
    )
    assert order(drawn_of(meters)) == ["T1", "T2", "ss-station", "G1", "ss-busbar", "F1"]


def test_a_source_alone_leaves_the_place_beside_the_sums_free() -> None:
    assert order(drawn_of((CARD_METERS[0],)))[:3] == ["Transformer", "ss-station", "ss-busbar"]


def test_no_symbol_claims_a_breaker_s_position() -> None:
    for symbols in diagram.SYMBOLS.values():
        assert "cb" in symbols
    assert not any("open" in name or "closed" in name for part in walk(drawn()) for name in classes(part))


def test_a_symbol_carries_its_meter_s_number() -> None:
    numbers = [text(part) for part in walk(drawn()) if "ss-sym-meter" in classes(part)]
    assert sorted(numbers) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("state", "look", "said"),
    [
        ("normal", "ss-w-live", "415 V bus"),
        ("supply lost, on DG", "ss-w-live", "415 V bus, fed by DG"),
        ("supply lost, no DG", "ss-w-dead", "415 V bus, dead"),
        ("stopped poller", "ss-w-unknown", "415 V bus, not known"),
        ("dead meter", "ss-w-live", "415 V bus"),
    ],
)
def test_the_bus_says_what_is_known_of_it(state: str, look: str, said: str) -> None:
    parts = sections.parts(in_state(state))
    assert parts["bus"][1] == look
    assert parts["words"][0] == said
