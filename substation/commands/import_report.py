"""What an import says at its end, and keeps as a file: what was found, taken, known, refused, and why."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from substation.clock import Clock, site_time
from substation.commands.import_work import FileResult, Result
from substation.errors import StoreError
from substation.quantities import BY_KEY
from substation.settings.model import Settings
from substation.store.original_judge import NO_METER, MeterTally

BENT = """\
What the original had changed before it stored it, and nobody can bring back:
- values below zero became 0: reverse power, capacitive reactive power, leading power factor;
- values beyond its limits (500 V, 1000 A, 1 MW, 60 Hz) became nothing;
- every number was rounded to two digits, every time to the second in which the round began;
- its first version did not check the checksum of an answer: a false number may stand among the others;
- while its adapter was away it wrote the last answer again, as if it were a new one.
Imported readings are marked where their own row shows it; nothing was mended."""


def lines(result: Result, settings: Settings, zone: str, clock: Clock) -> Iterator[str]:
    """Yield the report, line by line; `zone` is how the original's local times were read."""
    now = site_time(clock.now_ms(), settings.site.zone)
    yield f"Import of the original system's readings, {settings.site.name}, {now:%Y-%m-%d %H:%M:%S}"
    yield f"The original's local times were read as {zone}."
    for file in result.files:
        yield ""
        yield from _file_lines(file, settings)
    yield ""
    if result.taken is None:
        yield "This was a trial: nothing was taken over, and what stands in two files was counted twice."
    else:
        yield f"Different readings in all files: {result.offered}"
        yield f"  taken over:    {result.taken}"
        yield f"  known already: {result.offered - result.taken}"
    yield ""
    yield BENT


def _file_lines(file: FileResult, settings: Settings) -> Iterator[str]:
    tally, counts = file.tally, file.counts
    yield f"{file.path}"
    yield f"  {file.words}"
    yield f"  rows found: {tally.found}"
    for words, count in (
        ("refused", sum(tally.refused.values())),
        ("the same reading again, here or in another file", counts.same),
        ("another reading of the same meter and second: the first one counts", counts.other),
        ("failed polls (nothing, or noughts only): kept as no answer", tally.failed),
        ("the answer before, written again while the circuit was live: kept as no answer", tally.repeats),
    ):
        if count:
            yield f"  {words}: {count}"
    for reason, count in tally.refused.most_common():
        yield f"    {reason}: {count}"
        if reason == NO_METER:
            most = tally.unknown_meters.most_common(10)
            ids = ", ".join(f"{name or '(none)'} ({many})" for name, many in most)
            yield f"      {ids}; add a meter to the configuration and import again to have its readings"
    for words, marked in (
        ("0 where the row itself shows that it was below zero (kept, marked)", tally.bent),
        ("dropped by the original as beyond its limits", tally.dropped),
        ("not plausible on this circuit (kept, marked)", tally.implausible),
    ):
        if marked:
            yield f"  {words}: {_by_quantity(marked)}"
    for meter_id, meter in sorted(tally.meters.items()):
        yield f"  {_meter_line(meter_id, meter, settings)}"


def _by_quantity(marked: Counter[str]) -> str:
    return ", ".join(f"{BY_KEY[key].label} {count}" for key, count in marked.most_common())


def _meter_line(meter_id: int, meter: MeterTally, settings: Settings) -> str:
    known = settings.meter(meter_id)
    zone = settings.site.zone
    begin, end = (
        "-" if ms is None else f"{site_time(ms, zone):%Y-%m-%d %H:%M:%S}"
        for ms in (meter.first_ms, meter.last_ms)
    )
    gap = meter.usual_gap_s
    name = f"{meter_id} {known.name if known else ''}".rstrip()
    if not gap:
        return f"meter {name}: {meter.rows} rows, {begin} to {end}"
    minutes = f"; at most {min(100.0, 6000 / gap):.0f} % of minutes can have one" if gap > 60 else ""
    return f"meter {name}: {meter.rows} rows, {begin} to {end}, usually one every {gap} s{minutes}"


def keep(text: str, folder: Path, clock: Clock, settings: Settings) -> Path:
    """Write the report into `folder` under a name of its own; return where."""
    now = site_time(clock.now_ms(), settings.site.zone)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for number in range(1, 1000):
            more = "" if number == 1 else f"-{number}"
            path = folder / f"import-report-{now:%Y%m%d-%H%M%S}{more}.txt"
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(text)
            except FileExistsError:
                continue
            path.chmod(0o640)
            return path
    except OSError as exc:
        raise StoreError(f"{folder}: the report cannot be kept ({exc.strerror}); it stands above") from exc
    raise StoreError(f"{folder}: the report cannot be kept: a thousand of this second are there")
