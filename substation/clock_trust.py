"""Who vouches for the machine's clock?

A Raspberry Pi has none of its own: after a power cut it wakes with the time of its last shutdown, and runs
on with it until a time server is reached.

Trusted is a clock that, in this start of the machine,

1. a time server has set: the kernel says that it is synchronised (adjtimex(2)), or systemd-timesyncd has
   left its mark (`/run/systemd/timesync/synchronized`). In the service's sandbox only the second can be seen;
2. was set from a clock with a battery: the kernel took the time from it at boot
   (`/sys/class/rtc/rtc*/hctosys`) and it still says the same;
3. the administrator has given their word for: `datalogger.py clock trust`, which counts until the machine
   starts again.

None of them helps a clock that lies before what is known to have been already: a release of this program,
or the newest reading of the history.
"""

import ctypes
import json
from dataclasses import dataclass
from pathlib import Path

from substation.clock import Clock, boot_id
from substation.errors import StoreError

RELEASED_MS = 1_795_000_000_000
"""November 2026: no true clock that runs this program says less."""
NEAR_S = 5.0
"""So far may the battery's clock, which counts whole seconds, be from the system's."""
TIME_ERROR = 5
"""What adjtimex returns while nobody has set the clock (adjtimex(2))."""
TIMEX_BYTES = 512
"""More than `struct timex` has on any machine; modes = 0 at its start asks and changes nothing."""

TIME_SERVER, BATTERY, WORD = "time server", "battery clock", "the administrator's word"
UNTRUSTED = (
    "times may be wrong: no time server and no battery clock vouches for this machine's clock. "
    "Where it is right, say so: python3 datalogger.py clock trust"
)
"""What somebody should do about a clock that nobody vouches for."""


@dataclass(frozen=True, slots=True)
class ClockTrust:
    """Who vouches for the clock of this machine."""

    clock: Clock
    word: Path
    """`Home.clock_word`: where the administrator's word is kept."""
    root: Path = Path("/")
    """Where /run and /sys are; a test has its own."""
    boot: str | None = None
    """Which start of the machine this is; None asks the machine."""

    def source(self, newest_ms: int = 0) -> str | None:
        """Return who vouches for the clock, in words; None where nobody does.

        `newest_ms` is the newest time that is known to be past, UTC ms.
        """
        if self.clock.now_ms() < max(RELEASED_MS, newest_ms):
            return None
        if (self.root / "run/systemd/timesync/synchronized").exists() or self._synchronised():
            return TIME_SERVER
        if self._battery():
            return BATTERY
        return WORD if self._given() else None

    def give_word(self, who: str) -> None:
        """Keep the administrator's word until the machine starts again.

        Raises StoreError for a clock that cannot be right.
        """
        if self.clock.now_ms() < RELEASED_MS:
            raise StoreError("the clock lies before this program was made; set it first (sudo date -s ...)")
        text = json.dumps({"boot": self._boot, "at_ms": self.clock.now_ms(), "by": who})
        fresh = self.word.with_suffix(".new")
        self.word.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.word)

    @property
    def _boot(self) -> str:
        return boot_id() if self.boot is None else self.boot

    def _given(self) -> bool:
        try:
            said = json.loads(self.word.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(self._boot) and isinstance(said, dict) and said.get("boot") == self._boot

    def _synchronised(self) -> bool:
        if self.root != Path("/"):
            return False
        try:
            adjtimex = ctypes.CDLL(None).adjtimex
        except (OSError, AttributeError):
            return False  # a system without it
        state = int(adjtimex(ctypes.create_string_buffer(TIMEX_BYTES)))
        return 0 <= state < TIME_ERROR  # -1: not allowed to ask

    def _battery(self) -> bool:
        for rtc in sorted(self.root.glob("sys/class/rtc/rtc*")):
            try:
                set_from = (rtc / "hctosys").read_text(encoding="ascii").strip() == "1"
                says_s = int((rtc / "since_epoch").read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue
            if set_from and abs(says_s - self.clock.now_ms() / 1000) <= NEAR_S:
                return True
        return False
