"""How long a Modbus RTU transaction takes on the wire: the physical limit, from baud and format."""

from dataclasses import dataclass

REQUEST_BYTES = 8
"""Id, function, address (2), count (2), CRC (2)."""
REPLY_BYTES = 5
"""Of a reply, beside its registers: id, function, byte count, CRC (2)."""
EXCEPTION_BYTES = 5
"""Id, function with the top bit set, code, CRC (2)."""
FAST_BAUD = 19_200
FAST_SILENCE_S = 0.001_75
"""Above 19 200 baud the silence between frames is fixed (Modbus over Serial Line V1.02, 2.5.1.1)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed of one line."""

    baud: int = 9600
    """Bits per second, 300 to 4 000 000."""
    bits: int = 11
    """Bits a character takes: start, data, parity, stop; 11 for 8E1, 10 for 8N1."""

    @classmethod
    def of(cls, baud: int, line_format: str) -> "Pace":
        """Return the pace of a line format such as `8E1`: data bits, parity N E O, stop bits."""
        data, parity, stop = line_format[0], line_format[1], line_format[2]
        return cls(baud, 1 + int(data) + (parity != "N") + int(stop))

    @property
    def char_s(self) -> float:
        """Wire time of one character, s: 1.146 ms at 9600 8E1."""
        return self.bits / self.baud

    @property
    def silence_s(self) -> float:
        """The silence t3.5 that must stand between two frames, s."""
        return 3.5 * self.char_s if self.baud <= FAST_BAUD else FAST_SILENCE_S

    @property
    def request_s(self) -> float:
        """Wire time of a read request, s."""
        return REQUEST_BYTES * self.char_s

    def reply_s(self, count: int) -> float:
        """Return the wire time of a reply with `count` registers, s."""
        return (REPLY_BYTES + 2 * count) * self.char_s

    def transaction_s(self, count: int, turnaround_s: float) -> float:
        """Return the least time that asking for `count` registers can take, s.

        `turnaround_s` is the meter's own thinking time, beyond the silence t3.5 that it has to keep
        before it replies. 76 registers at 9600 8E1 and 30 ms: 227.1 ms.
        """
        return self.request_s + turnaround_s + self.reply_s(count) + 2 * self.silence_s

    def worthwhile_gap(self, turnaround_s: float) -> int:
        """Return how many unwanted registers cost no more than one more request: 23 at 9600, 30 ms."""
        return int(self.transaction_s(0, turnaround_s) / (2 * self.char_s))
