"""One run of ngrok: started and ended by pid, its words written down, its public name learnt from itself."""

import contextlib
import logging
import re
import subprocess
import threading
from dataclasses import dataclass

from substation.access import tunnel
from substation.commands.processes import Started, end, started

GRACE_S = 5.0
HIDDEN = "(hidden)"
LOGGING = ("--log-format", "logfmt", "--log-level", "info")
"""Whatever a configuration of its own says: we read this."""
QUIET = ("--inspect=false",)
"""ngrok otherwise keeps each request, passwords in it, for whoever asks on this machine."""
LAST_LINES = 6
WEB_SERVICE = re.compile(r"starting web service.*\baddr=(?:127\.0\.0\.1|localhost|\[::1\]):(\d+)")
REASON = re.compile(r'\berr="((?:[^"\\]|\\.)*)"')
FAULT = re.compile(r"\blvl=(eror|crit|error)\b|^(?!t=)")
"""Its complaints, and what it says before its log begins."""
ERROR_CODE = re.compile(r"\bERR_NGROK_(\d+)\b")
NOT_FOR_US = frozenset({"105", "106", "107", "108", "109", "117", "118", "302", "4018", "4019"})
"""Codes of ngrok about the account or its authtoken: trying again does not help before a person has acted."""
TOKEN = re.compile(r"(?i)(authtoken\W{1,3})[\w-]{20,}")


@dataclass(frozen=True, slots=True)
class Public:
    """Where the world finds us."""

    host: str
    url: str


class Ngrok:
    """A running ngrok."""

    def __init__(self, program: str, port: int, log: logging.Logger, *, quiet: bool = True) -> None:
        """Start `ngrok http PORT --log stdout`; raises OSError when it cannot be started."""
        command = [program, "http", str(port), "--log", "stdout", *LOGGING, *(QUIET if quiet else ())]
        self._port = port
        self._log = log
        self._api_ports: tuple[int, ...] = ()
        self._last: list[str] = []
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self.quiet = quiet
        self.identity: Started | None = None
        with contextlib.suppress(ProcessLookupError):
            self.identity = started("ngrok", self._process.pid)
        self._reader = threading.Thread(target=self._read, name="ngrok log", daemon=True)
        self._reader.start()

    @property
    def code(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._process.poll()

    def public(self) -> Public | None:
        """Return where it leads to us from, as it says itself; None as long as there is no way in."""
        for api in self._api_ports:
            for host, url, port in tunnel.ask(api):
                if port == self._port:
                    return Public(host, url)
        return None

    def end(self) -> None:
        """End it, by its pid; return when it is gone."""
        if self.identity is not None and self.code is None:
            end([self.identity], GRACE_S)
        self._process.wait()
        self._reader.join(1)
        if self._process.stdout:
            self._process.stdout.close()

    def last_words(self) -> str:
        """Return its own reason for ending, as far as it gave one."""
        self._reader.join(1)
        said = " ".join(self._last)
        reasons = REASON.findall(said)
        plain = [line.removeprefix("ERROR:").strip() for line in self._last if line.startswith("ERROR:")]
        words = " ".join(plain) or (reasons[-1] if reasons else said)
        return " ".join(words.replace("\\r", " ").replace("\\n", " ").split())[:600]

    @property
    def hopeless(self) -> bool:
        """Whether it ended over its account or authtoken: a person must act first."""
        return bool(NOT_FOR_US & set(ERROR_CODE.findall(" ".join(self._last))))

    @property
    def dislikes_quiet(self) -> bool:
        """Whether this version does not know our wish for silence."""
        return self.quiet and any("unknown flag" in line or "not defined" in line for line in self._last)

    def _read(self) -> None:
        """Write down what it says. Should we be killed, its next word into the broken pipe ends it too."""
        for raw in self._process.stdout or ():
            line = TOKEN.sub(rf"\1{HIDDEN}", raw.rstrip())
            if not line:
                continue
            self._log.info("%s", line)
            found = WEB_SERVICE.search(line)
            if found:
                self._api_ports = (int(found[1]),)
            if FAULT.search(line):
                self._last = [*self._last, line][-LAST_LINES:]
