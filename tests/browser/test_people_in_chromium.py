"""Passwords and users as a person meets them: what is said before typing, and what a browser does."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from substation.settings import files, people
from substation.settings.passwords import RULES, verify_password
from tests.browser.conftest import expect, opened
from tests.browser.stage import Stage
from tests.dashboard.conftest import PASSWORD

NEW = "rain over seven bridges"


@contextlib.contextmanager
def logged_in(chromium: Any, stage: Stage, name: str, password: str = PASSWORD) -> Iterator[Any]:
    """Give a page of this person's, and fail when a script failed on it."""
    for window in opened(chromium, stage, http_credentials={"username": name, "password": password}):
        yield window.page
        assert [words for words in window.errors if "Failed to load resource" not in words] == []
        assert window.foreign == []


def test_a_person_changes_his_password_and_stays_logged_in(chromium: Any, stage: Stage) -> None:
    with logged_in(chromium, stage, "viewer") as page:
        page.goto(stage.address + "account")
        old, new, again = (
            page.get_by_label(label, exact=True)
            for label in ("Present password", "New password", "New password once more")
        )
        hint = new.get_attribute("aria-describedby")
        assert page.locator(f"#{hint}").inner_text() == RULES
        kinds = [(one.get_attribute("autocomplete"), one.get_attribute("name")) for one in (old, new, again)]
        assert kinds == [("current-password", None), ("new-password", None), ("new-password", None)]
        assert page.locator("input[autocomplete=username]").input_value() == "viewer"

        show = page.get_by_role("button", name="Show: New password", exact=True)
        show.click()
        assert (new.get_attribute("type"), show.get_attribute("aria-pressed")) == ("text", "true")
        show.click()
        assert (new.get_attribute("type"), old.get_attribute("type")) == ("password", "password")

        posts: list[str] = []
        page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
        go, alert = page.get_by_role("button", name="Change the password"), page.get_by_role("alert")
        old.fill(PASSWORD)
        new.fill(NEW)
        again.fill(NEW + "s")
        go.click()
        expect(alert).to_have_text("The two new passwords differ. Nothing was sent.")
        expect(again).to_be_focused()
        assert [url for url in posts if "/api/account" in url] == []

        new.fill("short")
        again.fill("short")
        go.click()
        expect(alert).to_contain_text("use at least 15")

        old.fill("not the one")
        new.fill(NEW)
        again.fill(NEW)
        go.click()
        expect(alert).to_have_text("Nothing was changed. The present password is not the right one.")

        old.fill(PASSWORD)
        again.press("Enter")
        done = page.locator(".ss-p-account .ss-said")
        expect(done).to_contain_text("Your password is changed.")
        expect(alert).to_have_text("")
        assert (done.get_attribute("role"), done.get_attribute("aria-live")) == ("status", "polite")
        assert [one.input_value() for one in (old, new, again)] == ["", "", ""]
        assert all(NEW not in url and PASSWORD not in url for url in [*posts, page.url])
        assert page.evaluate("fetch('/api/live').then((got) => got.status)") == 200
    assert verify_password(people.known(files.load(stage.folder).settings, "viewer").password_hash, NEW)


def test_the_focus_goes_to_the_field_that_is_wrong(chromium: Any, stage: Stage) -> None:
    with logged_in(chromium, stage, "operator") as page:
        page.goto(stage.address + "account")
        old, new, again = (
            page.get_by_label(label, exact=True)
            for label in ("Present password", "New password", "New password once more")
        )
        old.fill(PASSWORD)
        new.fill("short")
        again.fill("short")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("The new password cannot be taken")
        expect(new).to_be_focused()
        old.fill("not the present one")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text(
            "Nothing was changed. The present password is not the right one."
        )
        expect(old).to_be_focused()


def test_a_password_may_be_pasted_and_is_not_cut(chromium: Any, stage: Stage) -> None:
    with logged_in(chromium, stage, "operator") as page:
        page.goto(stage.address + "account")
        new = page.get_by_label("New password", exact=True)
        new.evaluate(
            """(el) => {
              const paste = new ClipboardEvent('paste', {bubbles: true, cancelable: true});
              window.pasted = el.dispatchEvent(paste);
            }"""
        )
        assert page.evaluate("window.pasted") is True  # nobody has prevented it
        assert new.get_attribute("maxlength") is None


def test_an_administrator_adds_a_user_sees_the_password_once_and_removes_him(
    chromium: Any, stage: Stage
) -> None:
    with logged_in(chromium, stage, "administrator") as page:
        page.goto(stage.address + "users")
        page.get_by_role("button", name="Add a user").click()
        dialog = page.get_by_role("dialog", name="Add a user")
        dialog.get_by_label("Name").fill("meera")
        dialog.get_by_label("Role").select_option("engineer")
        expect(dialog).to_contain_text("may also export readings")
        dialog.get_by_role("button", name="Add the user").click()
        shown = page.locator("dialog code")
        password = shown.inner_text()
        expect(page.get_by_role("dialog", name="Password of meera")).to_contain_text("shown this once")
        page.get_by_role("button", name="Copy").click()
        expect(page.locator("dialog")).to_contain_text("copied")
        page.get_by_role("button", name="Done").click()
        expect(page.locator("dialog")).to_have_count(0)
        expect(page.locator("#users-said")).to_have_text("Added meera, engineer.")
        row = page.get_by_role("row", name="meera")
        expect(row).to_contain_text("engineer")
        assert password not in page.content()
        stored = people.known(files.load(stage.folder).settings, "meera")
        assert verify_password(stored.password_hash, password)

        row.get_by_role("button", name="Disable of meera").click()
        page.get_by_role("dialog", name="Disable meera?").get_by_role("button", name="Disable meera").click()
        expect(row).to_contain_text("disabled")

        row.get_by_role("button", name="Remove of meera").click()
        sure = page.get_by_role("dialog", name="Remove meera?")
        sure.get_by_role("button", name="Cancel").click()
        expect(row).to_have_count(1)
        row.get_by_role("button", name="Remove of meera").click()
        page.get_by_role("dialog", name="Remove meera?").get_by_role("button", name="Remove meera").click()
        expect(row).to_have_count(0)
        expect(page.locator("#users-said")).to_have_text("Removed meera.")


def test_a_refusal_stands_in_the_dialog_and_is_read_aloud(chromium: Any, stage: Stage) -> None:
    with logged_in(chromium, stage, "administrator") as page:
        page.goto(stage.address + "users")
        page.get_by_role("button", name="Add a user").click()
        page.get_by_label("Name").fill("Admin")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("too easily confused with the user admin")
        expect(page.get_by_label("Name")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)
        expect(page.get_by_role("button", name="Add a user")).to_be_focused()


@pytest.mark.parametrize("path", ["account", "users"])
def test_the_forms_fit_a_phone(chromium: Any, stage: Stage, path: str) -> None:
    with logged_in(chromium, stage, "administrator") as page:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(stage.address + path)
        page.locator(f".ss-p-{path}").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        for one in page.locator("main button").all():
            box = one.bounding_box()
            assert box
            assert box["height"] >= 40, one.inner_text()
