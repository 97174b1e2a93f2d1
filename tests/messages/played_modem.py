"""A modem played on a pseudo-terminal by a thread: it answers AT commands as a real one, faults included."""

import contextlib
import os
import pty
import re
import select
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class PlayedModem:
    """What it answers, and what it was given."""

    port: str = ""
    pin: str = "+CPIN: READY"
    network: str = "+CREG: 0,1"
    signal: str = "+CSQ: 17,99"
    refuses: str = ""
    """Instead of OK to a text: `+CMS ERROR: 38`."""
    silent: bool = False
    silent_after_text: bool = False
    echoes: bool = True
    texts: list[tuple[int, str]] = field(default_factory=list)
    """What was sent: length as told with AT+CMGS, and the PDU in hexadecimal."""

    def answer(self, line: str) -> str:
        """Return what it answers to a command."""
        if line.startswith("AT+CMGS="):
            return "\r\n> "
        if line == "AT+CPIN?":
            ok = "" if "ERROR" in self.pin else "\r\n\r\nOK"
            return f"\r\n{self.pin}{ok}\r\n"
        if line == "AT+CREG?":
            return f"\r\n{self.network}\r\n\r\nOK\r\n"
        if line == "AT+CSQ":
            return f"\r\n{self.signal}\r\n\r\nOK\r\n"
        return "\r\nOK\r\n"


def _serve(modem: PlayedModem, handle: int, stop: threading.Event) -> None:
    held, length = b"", -1
    while not stop.is_set():
        if not select.select([handle], [], [], 0.02)[0]:
            continue
        with contextlib.suppress(OSError):
            held += os.read(handle, 4096)
        while True:
            end = re.search(rb"\x1a" if length >= 0 else rb"\r", held)
            if end is None:
                break
            text, held = held[: end.start()].replace(b"\x1b", b"").decode(), held[end.end() :]
            if modem.silent or not text:
                continue
            if length >= 0:
                told, length = length, -1
                if modem.silent_after_text:
                    continue
                if not modem.refuses:
                    modem.texts.append((told, text))
                answer = f"\r\n{modem.refuses}\r\n" if modem.refuses else "\r\n+CMGS: 12\r\n\r\nOK\r\n"
            else:
                echo = f"{text}\r" if modem.echoes and text != "ATE0" else ""
                answer = echo + "\r\n+CIEV: 2,1\r\n" + modem.answer(text)  # and what nobody asked for
                length = int(text.partition("=")[2]) if text.startswith("AT+CMGS=") else -1
            os.write(handle, answer.encode())


@contextlib.contextmanager
def playing(modem: PlayedModem) -> Iterator[PlayedModem]:
    """Play it on a pseudo-terminal, whose name is then `modem.port`."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    modem.port = os.ttyname(theirs)
    stop = threading.Event()
    thread = threading.Thread(target=_serve, args=(modem, ours, stop))
    thread.start()
    try:
        yield modem
    finally:
        stop.set()
        thread.join()
        os.close(ours)
        os.close(theirs)
