"""The way through the network, to servers on this machine: a real SMTP server, an HTTP end-point."""

import contextlib
import http.server
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, ClassVar

import pytest
from aiosmtpd.controller import Controller

from substation.messages import gateway
from substation.messages.ways import Job
from substation.messages.wording import Said, message

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's
TEXT = message(
    41, "Rampur (रामपुर)", [Said("HIGH Supply lost, meter 1. To do: look.", "short")], simulated=True
)


def job(address: str) -> Job:
    return Job(41, "SSE", address, TEXT)


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Takes what is posted, and answers as it is told to."""

    got: ClassVar[list[tuple[str, bytes]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.got.append((self.path, self.rfile.read(length)))
        if self.status == 0:  # it has taken it, and the link is gone
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    Endpoint.got.clear()
    Endpoint.status = 200
    server = http.server.HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_webhook_gets_title_and_text(endpoint: str) -> None:
    said = gateway.send(job(f"json://{endpoint}/canary-token"))
    assert (said.arrived, said.words) == (True, "the gateway has taken it")
    (path, body), fields = Endpoint.got[0], json.loads(Endpoint.got[0][1])
    assert path == "/canary-token"
    assert body
    assert fields["title"].startswith("SIMULATED Rampur (रामपुर): short")
    assert "HIGH Supply lost, meter 1. To do: look." in fields["message"]
    assert "(no. 41)" in fields["message"]


def test_ntfy_gets_it_on_its_topic(endpoint: str) -> None:
    assert gateway.send(job(f"ntfy://{endpoint}/alarms")).arrived
    assert "HIGH Supply lost" in Endpoint.got[0][1].decode()


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_gateway_that_refuses_is_told_in_its_words_and_without_its_token(
    endpoint: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    Endpoint.status = status
    with caplog.at_level(logging.DEBUG):
        said = gateway.send(job(f"json://user:canary-pass@{endpoint}/canary-token"))
    assert (said.arrived, said.sure) == (False, True)
    assert f"error={status}" in said.words
    assert "canary" not in said.words + caplog.text


def test_whether_an_answer_that_never_came_was_a_delivery_nobody_knows(endpoint: str) -> None:
    Endpoint.status = 0
    said = gateway.send(job(f"json://{endpoint}/canary-token"))
    assert (said.arrived, said.sure) == (False, False)
    assert "canary" not in said.words


def test_without_a_server_it_surely_did_not_go_out() -> None:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        said = gateway.send(job(f"json://127.0.0.1:{free.getsockname()[1]}/canary-token"))
    assert (said.arrived, said.sure) == (False, True)
    assert "onnection" in said.words
    assert "canary" not in said.words


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("nosuchgateway://canary", "none that apprise knows"),
        ("tgram://7700112233:AAFcanarycanarycanarycanarycanarycan/1111/2222", "several targets"),
        ("mailto://me:canarypass@example.org?to=a@example.org,b@example.org", "several targets"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_it(address: str, why: str) -> None:
    said = gateway.send(job(address))
    assert not said.arrived
    assert why in said.words
    assert "canary" not in said.words


def test_no_word_of_a_gateway_goes_on() -> None:
    """It may name addresses, telephones and passwords in any form."""
    for words in (
        "Failed to send Clickatell to 919812345678: error=401.",
        "to 9,1,9,8 error=503",
        "user a%40b",
    ):
        said = gateway.told(words)
        assert not re.search(r"91|9,1|a%40|Clickatell", said)
    assert gateway.told("... error=401.") == "the gateway refuses the login or the token (error=401)"
    assert gateway.told("") == "the gateway did not take it, or cannot be reached"


def test_each_thread_hears_its_own_and_one_that_ends_late_lets_nothing_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("apprise")
    within, late = threading.Event(), threading.Event()

    def hang() -> None:
        with gateway._Heard() as heard:
            within.set()
            late.wait(10)
            log.warning("canary of %s: read timed out", "the first")
        assert heard.unsure

    caplog.set_level(logging.DEBUG)
    first = threading.Thread(target=hang)
    first.start()
    assert within.wait(10)
    with gateway._Heard() as heard:
        late.set()
        first.join()
        log.warning("error=%d", 401)
    log.warning("canary of %s", "nobody")
    log.critical("canary")
    assert (heard.words, heard.unsure) == ("error=401", False)
    assert "canary" not in caplog.text


ALARMS = [
    Said(f"HIGH Voltage low, meter {n}, since 02:00:10. 380 V & less. To do: look.", f"HIGH Voltage low, {n}")
    for n in range(30)
]


@pytest.mark.parametrize(
    ("address", "most", "told"),
    [
        ("json://127.0.0.1/x", 32768, "less. To do: look."),
        ("tgram://123456789:AAabcdefghijklmnopqrstuvwxyzABCDEFG/-100123", 4096, "less. To do: look."),
        (f"discord://{'4' * 18}/{'t' * 64}", 2000, "HIGH Voltage low, 29\nLate: of 02:00"),
        (f"pover://{'u' * 30}@{'a' * 30}", 1024, "HIGH Voltage low, 29\nLate: of 02:00"),
        (f"twilio://AC{'a' * 32}:{'b' * 32}@+15550001234/+919812345678", 160, "+25 more: see Events"),
    ],
)
def test_what_is_too_long_for_a_gateway_is_told_in_short_and_the_rest_is_counted(
    address: str, most: int, told: str
) -> None:
    text = message(41, "Rampur", ALARMS, heads=["Late: of 02:00, could not be sent before."], simulated=True)
    target = gateway._opened(address)
    assert not isinstance(target, str)
    title, body = gateway.fitted(text, target)
    beside = len(title) + 2 if target.title_maxlen == 0 or target.overflow_amalgamate_title else 0
    assert len(body) + beside <= target.body_maxlen == most
    assert told in body
    assert body.startswith("SIMULATED Rampur")
    assert "HIGH Voltage low, 0" in body or "HIGH Voltage low, meter 0" in body


def test_of_one_that_does_not_fit_the_end_is_cut_with_a_mark_and_no_line_is_lost() -> None:
    text = message(41, "Rampur", [Said("long " * 300, "short " * 60), ALARMS[1]], simulated=False)
    target = gateway._opened(f"twilio://AC{'a' * 32}:{'b' * 32}@+15550001234/+919812345678")
    assert not isinstance(target, str)
    title, body = gateway.fitted(text, target)
    assert (title, len(body)) == ("", 160)
    assert body.endswith(" ...\n+1 more: see Events")
    target.body_max_line_count = 2
    assert " ... / +1 more: see Events" in gateway.fitted(text, target)[1]


class Inbox:
    """Takes mails; refuses where it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "554 not here"
        mail = message_from_bytes(envelope.content, _class=EmailMessage, policy=policy.default)
        self.mails.append(mail)
        return "250 taken"


def test_a_mail_goes_through_a_real_smtp_server() -> None:
    inbox = Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=0)
    server.port = _free_port()
    server.start()
    try:
        address = f"mailto://127.0.0.1:{server.port}?from=station@example.org&to=sse@example.org"
        assert gateway.send(job(address)).arrived
        inbox.refuses = True
        said = gateway.send(job(address))
    finally:
        server.stop()
    (mail,) = inbox.mails
    assert mail["Subject"].startswith("SIMULATED Rampur (रामपुर): short")
    assert "sse@example.org" in mail["To"]
    body = mail.get_body(("plain", "html"))
    assert body is not None
    assert "HIGH Supply lost, meter 1. To do: look." in body.get_content()
    assert not said.arrived
    assert "example.org" not in said.words


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
