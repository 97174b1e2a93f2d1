"""What a second visit need not ask for again: every file under an address that changes with it."""

import re

import pytest

from tests.dashboard.conftest import Browser


@pytest.fixture
def addresses(client: Browser) -> list[str]:
    page = client.get("/").text
    found = re.findall(r'(?:src|href)="([^"]+)"|"plotlyjs_url":"([^"]+)"', page)
    return [(linked or told).replace("\\u002f", "/") for linked, told in found]


def test_the_document_names_all_that_the_first_page_needs(addresses: list[str]) -> None:
    names = " ".join(addresses)
    for name in ("/plotly.v", "/async-graph.v", "/dash_renderer.v", "/live.js?m=", "/favicon.svg?m="):
        assert name in names


def test_every_file_of_the_document_is_kept_for_a_year(client: Browser, addresses: list[str]) -> None:
    for address in addresses:
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (
            200,
            "private, max-age=31536000, immutable",
        ), address


def test_nothing_of_it_comes_from_elsewhere(addresses: list[str]) -> None:
    assert len(addresses) > 15
    assert all(re.match(r"/[a-z_]", address) for address in addresses)
