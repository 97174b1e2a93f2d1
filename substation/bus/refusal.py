"""Which register does a meter refuse? Found by asking for parts, one request at a time. Pure.

A meter that lacks one register refuses the whole block in which it stands. So the block is halved until
the bad register is alone; that one is given up, never the meter. A search is a generator: it yields the
block to ask for next and is sent the code of the exception that came, or 0 for an answer; so whoever has
the line decides when, and can stop at any time.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field

from substation.errors import EXCEPTION_WORDS
from substation.meters.blocks import Block, span
from substation.meters.profile import Profile

NO_FUNCTION, NO_REGISTER, NOT_ALLOWED = 1, 2, 3
SEARCHED = frozenset((NO_FUNCTION, NO_REGISTER, NOT_ALLOWED))
"""Exceptions that say something of the question, so that a part of it may be answered."""
BUSY = frozenset((5, 6))
"""Exceptions that ask to come again later."""
ANSWERED = 0


@dataclass(slots=True)
class Finding:
    """What a search has found."""

    refused: dict[str, int] = field(default_factory=dict)
    """Values whose register is refused even when asked for alone, with the exception's code."""
    cuts: set[str] = field(default_factory=set)
    """Values before which a request must end: both sides are answered, but not what is between them."""
    longest: int | None = None
    """The longest block that is answered, registers; None = length is not what was refused."""
    answered: set[str] = field(default_factory=set)
    """Values that were refused before and are answered now."""

    def confirmed_by(self, earlier: "Finding") -> "Finding":
        """Return what two searches in a row have found: one alone may have met a passing refusal."""
        return Finding(
            {key: code for key, code in self.refused.items() if key in earlier.refused},
            self.cuts & earlier.cuts,
            self.longest if self.longest == earlier.longest else None,
            self.answered,
        )

    @property
    def empty(self) -> bool:
        """Whether nothing follows from it."""
        return not (self.refused or self.cuts or self.longest or self.answered)


Search = Generator[Block, int, Finding]


def search(profile: Profile, block: Block, code: int) -> Search:
    """Find what in this block is refused; `code` is the exception that the whole block brought."""
    found = Finding()
    if code == NO_FUNCTION:  # nothing of this function will be answered
        found.refused = dict.fromkeys(block.keys, code)
        return found
    if code == NOT_ALLOWED and len(block.keys) > 1:
        longest = yield from _longest(profile, block.keys)
        if longest is not None:
            found.longest = longest
            return found
    yield from _halve(profile, block.keys, code, found)
    return found


def ask_again(profile: Profile, keys: Iterable[str]) -> Search:
    """Ask each of these refused values alone: is it answered now?"""
    found = Finding()
    for key in keys:
        code = yield span(profile, (key,))
        if code == ANSWERED:
            found.answered.add(key)
    return found


def _halve(profile: Profile, keys: Sequence[str], code: int, found: Finding) -> Generator[Block, int, None]:
    if len(keys) == 1:
        found.refused[keys[0]] = code
        return
    parts = keys[: len(keys) // 2], keys[len(keys) // 2 :]
    codes = []
    for part in parts:
        codes.append((yield span(profile, part)))
    if not any(codes):
        found.cuts.add(parts[1][0])
    for part, part_code in zip(parts, codes, strict=True):
        if part_code:
            yield from _halve(profile, part, part_code, found)


def _longest(profile: Profile, keys: Sequence[str]) -> Generator[Block, int, int | None]:
    """Return the longest beginning that is answered, registers; None where length is not the reason."""
    good, bad = 0, len(keys)
    while bad - good > 1:
        middle = (good + bad) // 2
        if (yield span(profile, keys[:middle])) == ANSWERED:
            good = middle
        else:
            bad = middle
    if not good or (yield span(profile, keys[good : good + 1])) != ANSWERED:
        return None  # one register, not their number
    return span(profile, keys[:good]).count


def named(profile: Profile, key: str) -> str:
    """Return a value's register as a person finds it in the manual."""
    row = profile.registers.get(key) or profile.extras[key]
    return f"{row.printed} ({key})"


def why(profile: Profile, key: str, code: int) -> str:
    """Return why a value is not asked for any more."""
    meaning = EXCEPTION_WORDS.get(code, "unknown code")
    row = profile.registers.get(key) or profile.extras[key]
    return f"register {row.printed} refused with exception {code}, {meaning}"
