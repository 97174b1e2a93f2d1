"""The export as a person does it: one row on Home, the form on /reports, in a real Chromium."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Window, expect, opened
from tests.browser.stage import Stage
from tests.dashboard.export_station import serving, until
from tests.lacking import lacking

pytestmark = pytest.mark.browser
RIGHT = "secure123"
SEVEN_ZIP = shutil.which("7zz") or shutil.which("7z") or shutil.which("7za")


@pytest.fixture(scope="module")
def long_stage(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Stage]:
    """A station whose every poll takes a while to export."""
    with serving(tmp_path_factory.mktemp("long")) as made:
        yield made


@pytest.fixture
def desk(chromium: Any, long_stage: Stage) -> Iterator[Window]:
    yield from opened(chromium, long_stage, accept_downloads=True)


def rows_in(archive: Path, password: str) -> list[bytes]:
    """Return the lines of the CSV in an archive, as 7-Zip opens it."""
    if SEVEN_ZIP is None:
        lacking("7-Zip is missing: apt install 7zip")
    command = [SEVEN_ZIP, "x", "-so", f"-p{password}", str(archive), "meter_data_1year.csv"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    return done.stdout.splitlines()


def reports(window: Window) -> Any:
    page = window.page
    page.goto(f"{window.address}reports")
    page.locator(".ss-p-reports input[type=password]").wait_for()
    return page


def test_a_year_is_downloaded_from_home_and_opens(desk: Window, tmp_path: Path) -> None:
    page = desk.open("/")
    page.get_by_label("Export password").fill(RIGHT)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "meter_data_1year.zip"
    download.value.save_as(tmp_path / "year.zip")
    expect(page.locator("[data-export-part=end]")).to_contain_text("Done:", timeout=15_000)
    expect(page.locator("[data-export-part=end]")).to_contain_text("7-Zip")
    assert page.url == desk.address, "the page stayed"
    expect(page.get_by_label("Export password")).to_have_value("")
    lines = rows_in(tmp_path / "year.zip", RIGHT)
    assert 48 * 4 * 5 - 20 <= len(lines) - 1 <= 49 * 4 * 5
    assert lines[0].startswith(b"Date,Time,DateTime,Meter_ID,Watts Total,")
    desk.clean()


def test_a_wrong_password_is_said_beside_the_form(desk: Window, long_stage: Stage) -> None:
    page = reports(desk)
    page.get_by_label("Export password").fill("not it at all")
    page.get_by_role("button", name="Export").click()
    error = page.get_by_role("alert").filter(has_text="not right")
    expect(error).to_be_visible()
    expect(page.get_by_label("Export password")).to_be_focused()
    expect(page.get_by_label("Export password")).to_have_value("")
    assert "not" not in page.url
    assert [words for words in desk.errors if "403" not in words] == [], "Chromium notes the refusal itself"
    assert desk.foreign == []


def test_a_fresh_password_is_shown_once_and_opens_the_file(desk: Window, tmp_path: Path) -> None:
    page = reports(desk)
    page.get_by_label("Every", exact=True).select_option("hour")
    page.get_by_text("All 5").click()
    page.get_by_label("5 DGSetLoad").uncheck()
    page.get_by_role("heading", name="Reports").click()
    expect(page.locator("[data-export-part=meters]")).to_have_text("4 of 5")
    expect(page.locator("[data-export-part=estimate]")).to_contain_text("A spreadsheet opens it.")
    page.get_by_label("a fresh password").check()
    page.get_by_label("Export password").fill(RIGHT)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    download.value.save_as(tmp_path / "hours.zip")
    fresh = page.locator("[data-export-part=secret]").inner_text()
    expect(page.locator("[data-export-part=fresh]")).to_contain_text("nobody can show it again")
    expect(page.locator("[data-export-part=end]")).to_contain_text("the password above", timeout=15_000)
    lines = rows_in(tmp_path / "hours.zip", fresh)
    assert {line.split(b",")[3] for line in lines[1:]} == {b"1", b"2", b"3", b"4"}
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.reload()
    page.locator(".ss-p-reports input[type=password]").wait_for()
    assert fresh not in page.content()
    desk.clean()


def test_a_long_one_tells_how_far_it_is_and_can_be_cancelled(desk: Window, long_stage: Stage) -> None:
    page = reports(desk)
    page.get_by_label("Every", exact=True).select_option("poll")
    expect(page.locator("[data-export-part=kept]")).to_contain_text("14 days")
    expect(page.get_by_label("also the lowest")).to_be_disabled()
    page.get_by_label("Export password").fill(RIGHT)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    expect(page.locator("[data-export-part=rows]")).to_contain_text("rows")
    expect(page.locator("[data-export-part=left]")).to_contain_text("to go", timeout=15_000)
    expect(page.get_by_role("button", name="Export")).to_be_disabled()
    assert page.get_by_role("progressbar").get_attribute("aria-valuenow") is not None
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-export-part=end]")).to_contain_text("Cancelled")
    assert download.value.failure() is not None, "a part was taken for a whole file"
    expect(page.get_by_role("button", name="Export")).to_be_enabled()
    assert until(lambda: long_stage.audit_lines("export.aborted"))
    desk.clean()


def test_an_administrator_ends_the_export_of_another(desk: Window, chromium: Any, long_stage: Stage) -> None:
    from tests.dashboard.conftest import PASSWORD  # noqa: PLC0415

    others = {"username": "engineer", "password": PASSWORD}
    for window in opened(chromium, long_stage, accept_downloads=True, http_credentials=others):
        theirs = reports(window)
        theirs.get_by_label("Every", exact=True).select_option("poll")
        theirs.get_by_label("Export password").fill(RIGHT)
        with theirs.expect_download() as download:
            theirs.get_by_role("button", name="Export", exact=True).click()
        page = reports(desk)
        row = page.locator("[data-export-part=other-row]")
        expect(row).to_contain_text("An export by an engineer, not you, runs since")
        expect(theirs.locator("[data-export-part=other-row]")).to_be_hidden()
        page.get_by_role("button", name="End that export").click()
        expect(row).to_be_hidden()
        expect(theirs.locator("[data-export-part=end]")).to_contain_text("Ended by the administrator admin")
        assert download.value.failure() is not None
    desk.clean()


def test_the_password_never_stands_in_an_address(desk: Window) -> None:
    """Not even when the form is sent by the browser itself, as without our script."""
    page = reports(desk)
    page.get_by_label("Export password").fill("canary-on-the-line")
    page.evaluate("document.querySelector('[data-export]').submit()")
    page.wait_for_load_state()
    assert "canary" not in page.url


def test_who_may_not_export_sees_nothing_of_it(chromium: Any, long_stage: Stage) -> None:
    from tests.dashboard.conftest import PASSWORD  # noqa: PLC0415

    for window in opened(
        chromium, long_stage, http_credentials={"username": "operator", "password": PASSWORD}
    ):
        page = window.open("/")
        assert page.locator("[data-export]").count() == 0
        assert page.locator("a[href='/reports']").count() == 0
        assert page.goto(f"{window.address}reports").status == 403
