"""The documents are complete and up to date."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from substation import errors
from substation.alarms import state as alarm_state
from substation.commands import import_work, reference, reference_log
from substation.commands.doors import PROJECT
from substation.commands.reference_facts import AUDIT_EVENTS, EXIT_CODES, PROGRAMS
from substation.energy import watch
from substation.quantities import QUANTITIES
from substation.settings.model import Settings
from substation.store import anchors
from tests.source_trees import calls_of, nodes_of

DOCS = PROJECT / "docs"
LONGEST_README = 500
GUIDES = (
    "tutorial.md",
    "how-to/set-up-a-real-station.md",
    "how-to/run-at-boot.md",
    "how-to/install-as-a-service.md",
    "how-to/reach-it-from-afar.md",
    "how-to/several-stations.md",
    "how-to/several-lines-and-gateways.md",
    "how-to/add-a-meter-model.md",
    "how-to/troubleshooting.md",
    "how-to/audit-log.md",
    "how-to/import-readings.md",
    "how-to/users-and-passwords.md",
    "how-to/change-over.md",
    "how-to/commission-a-line.md",
    "how-to/export-readings.md",
    "how-to/set-the-clock.md",
    "how-to/back-up-and-restore.md",
    "explanation/design.md",
    "decisions/dependencies.md",
)


def pages() -> list[Path]:
    return sorted([*DOCS.rglob("*.md"), *PROJECT.glob("*.md")])


def read(name: str) -> str:
    return (DOCS / "reference" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in reference.PAGES if name != "commands.md"])
def test_the_reference_is_what_the_program_says(name: str) -> None:
    assert read(name) == reference.PAGES[name](), "stale: python3 -m substation.commands.reference"


def test_the_help_of_every_command_is_in_the_reference() -> None:
    # Word by word: another Python breaks the lines of a help elsewhere.
    assert read("commands.md").split() == reference.commands_page().split(), (
        "stale: python3 -m substation.commands.reference"
    )


def test_every_setting_is_documented_with_words() -> None:
    rows = list(reference.settings_rows(Settings))
    assert len(rows) > 25
    page = read("settings.md")
    for name, _, _, words in rows:
        assert f"| `{name}` |" in page
        assert len(words) > 5, f"{name} has no description"


def test_every_quantity_error_and_exit_code_is_documented() -> None:
    for quantity in QUANTITIES:
        assert f"| `{quantity.key}` | {quantity.label} | {quantity.register} |" in read("quantities.md")
    names = [
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and kind.__module__ == errors.__name__
    ]
    assert "WrongStation" in names
    for name in names:
        assert f"| `{name}` |" in read("errors.md")
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert codes <= EXIT_CODES.keys()


def test_every_door_is_documented() -> None:
    shown = " ".join(program.shown for program in PROGRAMS)
    for path in [*PROJECT.glob("*.py"), *PROJECT.glob("*.sh")]:
        if not path.is_symlink():  # the original's DMF_Reader.py, made at set-up
            assert path.name in shown, f"{path.name} is missing in reference_facts.PROGRAMS"


@functools.cache
def audit_calls() -> set[str]:
    """Return every event that the code writes: the constant first argument of audit writers."""
    found = set()
    for path in (PROJECT / "substation").rglob("*.py"):
        for writer, node in calls_of(path):
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if re.search(r"(^|[._])(audit\.write|_audit|record)$", writer) and texts:
                found.add(texts[0])
    return found


def test_every_audit_event_is_documented_and_every_documented_one_is_written() -> None:
    assert audit_calls() == set(AUDIT_EVENTS)


def calls(folders: tuple[str, ...]) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in these rooms, with what is called."""
    for folder in folders:
        for path in (PROJECT / "substation" / folder).rglob("*.py"):
            yield from calls_of(path)


def station_events() -> set[str]:
    """Return every kind that the code writes into the table of events."""
    every = list(calls(("acquisition", "bus", "commands", "store")))
    notices = {
        f"comm.{node.args[0].value}"
        for writer, node in every
        if writer == "Notice" and isinstance(node.args[0], ast.Constant)
    }
    computed = {
        "f'comm.{notice.kind}'": notices,
        "f'site.{name}'": {"site.site", "site.zone"},
        "f'energy.{found.kind}'": {f"energy.{kind}" for kind in get_args(watch.Kind)},
        "event.kind": set(),  # handed on
        "transition.kind": set(get_args(alarm_state.Kind)),
        "anchors.KIND": {anchors.KIND},
        "EVENT": {import_work.EVENT},
        "kind": set(),  # handed on
    }
    found: set[str] = set()
    for writer, node in every:
        if writer.endswith(".event") and node.args:
            kind = node.args[0]
        elif writer in ("Event", "events.Event") and len(node.args) > 1:
            kind = node.args[1]
        else:
            continue
        if isinstance(kind, ast.Constant):
            found.add(kind.value)
        else:
            found |= computed[ast.unparse(kind)]
    return found


def poller_notices() -> set[tuple[str, str]]:
    """Return form and level of every notice of the poller's log that has words of its own."""
    found = set()
    for writer, node in calls(("acquisition", "bus", "store")):
        match = re.fullmatch(r"(?:self\._)?log\.(debug|info|warning|error|critical|exception)", writer)
        if match and isinstance(node.args[0], ast.Constant) and node.args[0].value != "%s":
            found.add((node.args[0].value, match.group(1)))
    return found


def test_every_event_of_the_history_is_documented_and_every_documented_one_is_written() -> None:
    assert station_events() == set(reference_log.STATION_EVENTS)
    for kind in reference_log.STATION_EVENTS:
        assert f"| `{kind}` |" in read("log-events.md")


def test_every_notice_of_the_poller_is_documented_and_every_documented_one_is_written() -> None:
    documented = {(form, level) for form, (level, _) in reference_log.POLLER_NOTICES.items()}
    assert poller_notices() == documented


@pytest.mark.parametrize("name", GUIDES)
def test_the_guides_are_there(name: str) -> None:
    assert len((DOCS / name).read_text(encoding="utf-8")) > 600


def test_every_guide_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [PROJECT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            waiting.append((page.parent / target).resolve())
    assert sorted(set(DOCS.rglob("*.md")) - seen) == []


def test_the_readme_is_short_and_names_the_two_commands() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= LONGEST_README
    assert "./start.sh --demo" in text
    assert "./test.sh" in text
    assert "docs/home.png" in text


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        assert not target.startswith(("http:", "https:")), "the station has no internet; say it in words"
        file, _, heading = target.partition("#")
        path = (page.parent / file) if file else page
        assert path.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
            assert heading in {slug(each) for each in headings}, target


def test_settings_and_commands_that_the_guides_name_exist() -> None:
    known = {re.sub(r"\.\d+\.", ".N.", name) for name, *_ in reference.settings_rows(Settings)}
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"encrypt_config\.py (?:set|get) ([a-z_]+(?:\.[\w]+)+)", text):
            assert re.sub(r"\.\d+\.", ".N.", name) in known, f"{page.name}: {name}"
        for script in re.findall(r"\./(\w+\.sh)\b", text):
            assert (PROJECT / script).exists(), f"{page.name}: {script}"


def spoken_words() -> str:
    """Return every text in the code, one after another: what the program can say."""
    said = []
    for path in (PROJECT / "substation").rglob("*.py"):
        for node in nodes_of(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.append(node.value)
    return "\n".join(said)


def test_troubleshooting_quotes_what_the_program_says() -> None:
    text = (DOCS / "how-to" / "troubleshooting.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\| it says \| do \|\n\|---\|---\|\n((?:\|.*\n)+)", text, re.M)
    quotes = [row.split("|")[1].strip() for each in tables for row in each.splitlines()]
    assert len(quotes) > 10
    said = spoken_words()
    pieces = [
        piece.strip()
        for quote in quotes
        for piece in re.split(r"\.\.\.|\(mode|\)|\b8050\b| / The | ended", quote)
        if len(piece.strip()) > 3
    ]
    assert [piece for piece in pieces if piece not in said] == []
