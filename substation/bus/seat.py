"""One meter's place in the round: its requests, what it refuses, what it said beside its readings."""

from dataclasses import dataclass, field

from substation.bus.errands import Errand, Turns, carried
from substation.bus.groups import Groups, Limits, divide
from substation.bus.health import Health
from substation.bus.refusal import Finding, Search, why
from substation.meters.blocks import Block, values
from substation.meters.doubt import FREQUENCY, block_doubt, block_settles, doubt_words
from substation.meters.pace import Pace
from substation.meters.profile import Profile
from substation.meters.ratio import UNCHANGED, Factors, scaled
from substation.quantities import BY_KEY
from substation.settings.model import Meter

GUESSED_TURNAROUND_S = 0.03
"""Of a meter that was never heard: for the limit and the first plan."""
ENOUGH = 20
"""Answers from which a meter's turnaround is known well enough to plan by."""
MOVED = 1.25
"""When the gap that is worth reading over has changed by this factor, the plan is made anew."""
SURE_DOUBTS = 2
"""So many doubtful frequencies, and a doubt stays until one is right: a single one may be chance."""
FIRST_RETRY_S, LAST_RETRY_S, RETRY_FACTOR = 600.0, 86_400.0, 6.0
"""What was refused is asked for again after 10 min, 1 h, 6 h, then daily."""


@dataclass(slots=True)
class Inquiry:
    """A search under way: the block to ask for next."""

    search: Search
    block: Block
    about: Block | None
    """The block that was refused; None when disabled values are asked for again."""


@dataclass(slots=True)
class Seat:
    """One meter's place in the round. Only the thread of its line touches it; others look at `bus.view`."""

    meter: Meter
    profile: Profile
    pace: Pace
    turns: Turns
    rounds: float | None
    """Rounds from one turn of the slow values to the next; None = they are read in each."""
    health: Health = field(default_factory=Health)
    disabled: dict[str, str] = field(default_factory=dict)
    """Values that this meter refuses, and why, in words."""
    extras: dict[str, tuple[float | None, int]] = field(default_factory=dict)
    """Values beyond the 38 quantities: value and UTC ms."""
    identity: dict[str, float | None] = field(default_factory=dict)
    """What is read once: serial number, ratios."""
    doubt: str = ""
    """Words of a doubt about the meter's word order; its values are flagged while it lasts."""
    limits: Limits = field(default_factory=Limits)
    groups: Groups = field(default_factory=lambda: Groups(()))
    errands: list[Errand] = field(default_factory=list)
    accused: tuple[Block, int] | None = None
    """A block that was refused just now, and with which exception."""
    inquiry: Inquiry | None = None
    said_refusing: bool = False
    said_doubt: str = ""
    awaiting: bool = False
    """Whether slow values may still join the reading of this round."""
    fast_s: float = 0.0
    """When the last reading came, monotonic s."""
    _doubts: int = 0
    """In how many answers the doubt was found."""
    _planned_gap: int = 0
    _planned_rounds: float | None = None
    hopeless: bool = False
    """Whether the last search found that everything is refused."""
    _suspected: Finding = field(default_factory=Finding)
    _suspected_in: tuple[str, ...] = ()
    _retry_s: float = 0.0
    _retry_wait_s: float = FIRST_RETRY_S

    @property
    def named(self) -> str:
        """The meter as the log says it."""
        return f"meter {self.meter.id} {self.meter.name}"

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What is asked for in every round."""
        return self.groups.fast

    @property
    def turnaround_s(self) -> float:
        """What the meter typically thinks, s."""
        p50_s = self.health.turnaround_p50_s
        return GUESSED_TURNAROUND_S if p50_s is None else p50_s

    @property
    def gap_s(self) -> float:
        """Silence beyond t3.5 that the meter wants before a request, s."""
        return self.meter.gap_ms / 1000

    def slot_s(self, blocks: tuple[Block, ...] | None = None, *, least: bool = False) -> float:
        """Return the line time that these blocks take, s; default what a round asks for.

        `least` counts the shortest turnaround that the meter ever had.
        """
        shortest_s = self.health.least_turnaround_s if least else None
        turnaround_s = self.turnaround_s if shortest_s is None else shortest_s
        asked = self.blocks if blocks is None else blocks
        return sum(self.pace.transaction_s(block.count, turnaround_s) + self.gap_s for block in asked)

    def plan(self, now_s: float) -> None:
        """Plan the requests, from what is known of the meter by now."""
        thinks_s = self.turnaround_s + self.gap_s
        self.groups = divide(
            self.profile, self.limits, pace=self.pace, turnaround_s=thinks_s, rounds=self.rounds
        )
        self.errands = carried(self.errands, self.groups.slow, self.groups.once, now_s)
        self._planned_gap, self._planned_rounds = self.pace.worthwhile_gap(thinks_s), self.rounds

    def reconsider(self, rounds: float | None, now_s: float) -> None:
        """Plan anew when the meter thinks longer or shorter, or rounds come faster, than was planned for."""
        if len(self.health.turnarounds) < ENOUGH or self.inquiry:
            return
        self.rounds = rounds
        gap = self.pace.worthwhile_gap(self.turnaround_s + self.gap_s)
        if _moved(gap, self._planned_gap) or (
            rounds and self._planned_rounds and _moved(rounds, self._planned_rounds, 2.0)
        ):
            self.plan(now_s)

    def cleared(self, *blocks: Block) -> None:
        """Take that these blocks were answered: a refusal among them was a passing one."""
        answered = {key for block in blocks for key in block.keys}
        if self.accused and answered.issuperset(self.accused[0].keys):
            self.accused = None
        if answered.issuperset(self._suspected_in):
            self._suspected, self._suspected_in = Finding(), ()
        if self.inquiry and self.inquiry.about and answered.issuperset(self.inquiry.about.keys):
            self.inquiry = None

    def inherit(self, old: "Seat") -> None:
        """Take over what was learned of the same meter, read by the same profile.

        It is a good moment to ask for disabled values again, and for the slow ones.
        """
        self.health, self.extras, self.identity = old.health, old.extras, old.identity
        self.disabled, self.limits = old.disabled, old.limits
        self.doubt, self._doubts = old.doubt, old._doubts
        self._retry_wait_s = old._retry_wait_s
        self.errands = [errand for errand in old.errands if errand.once]
        self.plan(0.0)

    def take(
        self, block: Block, words: tuple[int, ...], at_ms: int, ratio: Factors = UNCHANGED
    ) -> dict[str, float | None]:
        """Return the quantities in an answer, times the ratio; note what else it holds."""
        found = values(self.profile, block, words)
        if ratio != UNCHANGED:
            found = dict(scaled(found, ratio, self.profile.units))
        if FREQUENCY in block.keys:
            self._weigh_order(block, words)
        for key in [key for key in block.keys if key not in BY_KEY]:
            value = found.pop(key)
            if self.profile.place(key).group == "once":
                self.identity[key] = value
            else:
                self.extras[key] = (value, at_ms)
        return found

    def _weigh_order(self, block: Block, words: tuple[int, ...]) -> None:
        """Doubt the word order, or not any more; a dead circuit (0 Hz) ends no doubt that was found twice."""
        order = block_doubt(self.profile, block, words)
        if order:
            self.doubt, self._doubts = doubt_words(self.profile, order), self._doubts + 1
        elif self._doubts < SURE_DOUBTS or block_settles(self.profile, block, words):
            self.doubt, self._doubts = "", 0

    def ask_once_more(self, now_s: float) -> None:
        """Let what is read once be read anew: perhaps another meter hangs there now."""
        for errand in self.errands:
            if errand.once:
                errand.due_s = now_s

    def settle(self, found: Finding, about: Block | None, now_s: float) -> Finding:
        """Take what a search has found; plan around what an earlier one had found as well.

        `about` is the block that was refused, None when disabled values were asked for again. Returns
        what was taken. When nothing is left to read in every round the meter as a whole is refusing
        (`hopeless`): nothing is disabled.
        """
        self.inquiry = None
        found, self._suspected = found.confirmed_by(self._suspected), found
        self._suspected_in = about.keys if about else ()
        refused = (self.limits.refused | found.refused.keys()) - found.answered
        self.hopeless = refused.issuperset(self.profile.group("fast") or self.profile.group("slow"))
        if self.hopeless or about is None:
            self._retry_wait_s = min(LAST_RETRY_S, RETRY_FACTOR * self._retry_wait_s)
        self._retry_s = now_s + self._retry_wait_s
        if self.hopeless or found.empty:
            return Finding()
        for key in found.answered:
            self.disabled.pop(key, None)
        for key, code in found.refused.items():
            self.disabled[key] = why(self.profile, key, code)
            self.extras.pop(key, None)
        self.limits = Limits(
            refused,
            self.limits.cuts | found.cuts,
            min(self.limits.longest, found.longest or self.limits.longest),
        )
        self.plan(now_s)
        return found

    def may_search(self, now_s: float) -> bool:
        """Whether to search for what is refused: not again at once after all was refused."""
        return self.inquiry is None and (not self.hopeless or now_s >= self._retry_s)

    def retry_due(self, now_s: float) -> bool:
        """Whether it is time to ask for the disabled values again."""
        return bool(self.disabled) and self.inquiry is None and now_s >= self._retry_s


def _moved(now: float, then: float, much: float = MOVED) -> bool:
    return now > then * much or now * much < then
