"""What a second visit need not ask for again: every file under an address that changes with it."""

import gzip
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.dashboard import bundles
from tests.dashboard.conftest import Browser


@pytest.fixture
def addresses(client: Browser) -> list[str]:
    page = client.get("/events").text  # without the ways of a first picture
    found = re.findall(r'(?:src|href)="([^"]+)"|"plotlyjs_url":"([^"]+)"', page)
    return [(linked or told).replace("\\u002f", "/") for linked, told in found]


def test_the_document_names_all_that_the_first_page_needs(addresses: list[str]) -> None:
    names = " ".join(addresses)
    for name in ("/plotly.v", "/async-graph.v", "/dash_renderer.v", "/own.vall", "/favicon.svg?m="):
        assert name in names


def test_every_file_of_the_document_is_kept_for_a_year(client: Browser, addresses: list[str]) -> None:
    for address in addresses:
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (
            200,
            "private, max-age=31536000, immutable",
        ), address


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A pretended smaller file for the charts, as `commands.small_charts` puts it into the environment."""
    path = tmp_path / "plotly-cartesian.min.js"
    path.write_bytes(b"/* draws lines */" * 1000)
    monkeypatch.setattr(bundles, "SMALL", path)
    monkeypatch.setattr(bundles, "SMALL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    bundles.is_small.cache_clear()
    yield path
    bundles.is_small.cache_clear()


def drawn_by(client: Browser) -> tuple[str, bytes]:
    """Return the address of what draws the charts, and what comes from there."""
    found = re.search(r'"plotlyjs_url":"([^"]+)"', client.get("/").text)
    assert found is not None
    address = found[1].replace("\\u002f", "/")
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    return address, gzip.decompress(answer.data)


def test_the_smaller_file_draws_the_charts_under_an_address_of_its_own(small: Path, client: Browser) -> None:
    address, sent = drawn_by(client)
    assert sent == small.read_bytes()
    assert "small" in address
    small.unlink()  # an environment that is renewed: nothing changes while this one runs
    assert drawn_by(client) == (address, sent)


def test_a_file_that_is_not_the_pinned_one_is_not_served(small: Path, client: Browser) -> None:
    small.write_bytes(b"alert(1)")
    bundles.is_small.cache_clear()
    address, sent = drawn_by(client)
    assert "small" not in address
    assert sent.startswith(b"/**\n* plotly.js v")


def test_nothing_of_it_comes_from_elsewhere(addresses: list[str]) -> None:
    assert len(addresses) > 12
    assert all(re.match(r"/[a-z_]", address) for address in addresses)
