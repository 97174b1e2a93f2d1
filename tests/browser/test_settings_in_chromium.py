"""An engineer renames a meter: every screen shows it, also one that stands open."""

import re

from substation.settings import files, names
from tests.browser.conftest import Window, expect
from tests.browser.stage import Stage


def test_a_meter_that_is_renamed_has_its_name_on_every_screen(window: Window, stage: Stage) -> None:
    page = window.open("/settings")
    name, rating = page.get_by_label("Name, 4 ColonyLoad"), page.get_by_label("Rating, kVA, 4 ColonyLoad")
    name.fill("Ward B")
    rating.fill("plenty")
    save = page.get_by_role("button", name="Save all changes")
    save.click()
    expect(page.get_by_role("alert").filter(has_text="Nothing was changed")).to_be_focused()
    expect(rating).to_have_accessible_description(re.compile("'plenty' is no number"))
    expect(name).to_have_value("Ward B")
    rating.fill("200")
    page.get_by_label("Role, 4 ColonyLoad").select_option("feeder")
    save.click()
    expect(page.locator(".ss-set-said")).to_contain_text("ColonyLoad → Ward B")
    assert files.load(stage.folder).settings.meters[3].rated_kva == 200.0
    page.get_by_role("link", name="Events", exact=True).first.click()
    page.locator(".ss-p-events").wait_for()
    page.evaluate("document.documentElement.dataset.before = '1'")
    files.update(stage.folder, lambda now: names.with_text(now, "meters.3.name", "Ward C"))
    expect(page.locator("html[data-before]")).to_have_count(0, timeout=20_000)  # it loaded itself anew
    page.get_by_role("link", name="Home").first.click()
    expect(page.locator(".ss-name", has_text="Ward C")).to_be_visible()
    window.clean()
