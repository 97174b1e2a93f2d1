"""R11: random loads, resets, exchanges, false readings, gaps, rollovers: no figure is more than the truth."""

import itertools

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from substation.energy.chain import Chain, judged
from substation.energy.demand import max_demand
from substation.energy.registers import HOUR_MS, QUARTER_MS, Register, step
from substation.energy.watch import Watch
from tests.energy.meter import KEYS, LIMITS, RATED_VA, Happening, Kind, Said, read, registers

MINUTES = 240
MODULUS = 1e8
STEP = 16
"""Wh by which a float32 register near the modulus may be off, at both ends."""

loads = st.lists(st.integers(0, int(RATED_VA)), min_size=8, max_size=8).map(
    lambda some: [watts for watts in some for _ in range(MINUTES // 8)]
)
levels = st.one_of(st.integers(0, 1000), st.integers(1_000_000, 90_000_000))
LARGEST = {"gap": 60, "nudge": 8000}


def happening(minute: int, kind: Kind, size: int) -> Happening:
    return Happening(minute, kind, size % LARGEST.get(kind, 10**9))


def some(*kinds: Kind) -> st.SearchStrategy[list[Happening]]:
    one = st.builds(happening, st.integers(5, MINUTES - 10), st.sampled_from(kinds), levels)
    return st.lists(one, max_size=4, unique_by=lambda found: found.minute // 10)


happenings = some("reset", "swap", "false", "nudge", "gap")
begins = st.one_of(st.integers(1_000_000, 80_000_000), st.integers(99_000_000, 99_999_999))


def readings(loads: list[int], found: list[Happening], begin: int) -> list[Said]:
    """Return what the meter says; an exchange to nearly the same level, which nobody can see, is passed."""
    said = list(read(loads, found, begin, MODULUS))
    swaps = [one.minute * 60_000 for one in found if one.kind == "swap"]
    odd = [one.minute * 60_000 for one in found if one.kind in ("false", "nudge")]
    sound = [one for one in said if one.at_ms not in odd]
    for a, b in itertools.pairwise(sound):
        if any(a.at_ms < at_ms <= b.at_ms for at_ms in swaps):
            for key in KEYS:
                begun, ended = registers([a, b], key)
                assume(ended.value < begun.value or not step(begun, ended, LIMITS[key]).good)
    return said


def last_of_quarters(said: list[Register]) -> list[Register]:
    return [list(group)[-1] for _, group in itertools.groupby(said, lambda one: one.at_ms // QUARTER_MS)]


def unseen(loads: list[int], found: list[Happening]) -> float:
    """Return what may be lost unseen, Wh: nudges, and what flows in the minute of a happening."""
    nudged = sum(one.size for one in found if one.kind == "nudge")
    return nudged + len(found) * 1.1 * max(loads) / 60


def check(counted: Chain, said: list[Said], key: str, hidden: float) -> None:
    """The chain's total is the truth, or is marked and no more than it; `hidden` as `unseen`."""
    truth = {one.at_ms: one.truth[key] for one in said}
    if len(counted.registers) < 2:
        return
    first, last = counted.registers[0].at_ms, counted.registers[-1].at_ms
    flowed, total = truth[last] - truth[first], counted.totals[-1]
    assert list(counted.totals) == sorted(counted.totals)
    assert total <= flowed + STEP
    for (a, before), (b, after) in itertools.pairwise(zip(counted.registers, counted.totals, strict=True)):
        assert 0 <= after - before <= LIMITS[key].most(a, b)
    lost = sum(truth[cut.until.at_ms] - truth[cut.after.at_ms] for cut in counted.cuts)
    if not counted.loose:
        assert total >= flowed - lost - hidden - STEP * (1 + len(counted.cuts))


def polled(said: list[Said]) -> tuple[list[Said], set[int]]:
    """Return what a poller keeps of what a meter says, and when it notes another meter or a reset."""
    watch = Watch()
    kept: list[Said] = []
    cuts: set[int] = set()
    for one in said:
        judgement = watch.read(one.at_ms, one.values, LIMITS)
        cuts |= {what.at_ms for what in judgement.findings if what.kind in ("reset", "swap")}
        if not judgement.doubted:
            kept.append(one)
        for what in judgement.findings:
            if what.kind == "false_reading":
                kept = [before for before in kept if before.at_ms != what.at_ms]
    return kept, cuts


@settings(max_examples=100, deadline=None)
@given(loads=loads, found=happenings, begin=begins)
def test_what_the_poller_keeps_adds_up_to_the_truth_or_is_marked(
    loads: list[int], found: list[Happening], begin: int
) -> None:
    said = readings(loads, found, begin)
    kept, cuts = polled(said)
    by_minute = {key: registers(kept, key) for key in KEYS}
    noted = dict.fromkeys(KEYS, cuts)
    for read_at in (by_minute, {key: last_of_quarters(all_of) for key, all_of in by_minute.items()}):
        chains = judged(read_at, LIMITS, noted)
        for key in KEYS:
            check(chains[key], said, key, unseen(loads, found))
    happened = {one.kind for one in found}
    if not happened & {"reset", "swap"}:
        assert not cuts


@settings(max_examples=100, deadline=None)
@given(loads=loads, found=happenings, begin=begins)
def test_what_was_imported_without_a_poller_does_so_too(
    loads: list[int], found: list[Happening], begin: int
) -> None:
    said = readings(loads, found, begin)
    chains = judged({key: registers(said, key) for key in KEYS}, LIMITS)
    for key in KEYS:
        if all(cut.sure for cut in chains[key].cuts):
            check(chains[key], said, key, unseen(loads, found))


@settings(max_examples=100, deadline=None)
@given(loads=loads, found=some("reset", "swap", "false", "gap"), begin=begins)
def test_no_demand_is_beyond_the_greatest_load(loads: list[int], found: list[Happening], begin: int) -> None:
    said = readings(loads, found, begin)
    chains = judged({key: registers(said, key) for key in KEYS}, LIMITS)
    peak = max_demand(chains["vah_received"], 0, MINUTES * 60_000, 30)
    if peak is not None:
        assert 0 <= peak[0] <= 1.1 * max(loads) + 2 * STEP * HOUR_MS / (2 * QUARTER_MS)


@settings(max_examples=40, deadline=None)
@given(loads=loads, begin=st.integers(0, 99_999_999))
def test_a_quiet_meter_is_never_doubted(loads: list[int], begin: int) -> None:
    said = list(read(loads, [], begin, MODULUS))
    watch = Watch()
    for one in said:
        judgement = watch.read(one.at_ms, one.values, LIMITS)
        assert not judgement.doubted
        assert {what.kind for what in judgement.findings} <= {"rollover"}
    chains = judged({key: registers(said, key) for key in KEYS}, LIMITS)
    for key in KEYS:
        assert not chains[key].cuts
        flowed = said[-1].truth[key] - said[0].truth[key]
        assert abs(chains[key].totals[-1] - flowed) <= STEP
