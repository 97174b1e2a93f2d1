"""A desk of alarms: signals set by hand, steps of a second, and what came of them."""

from substation.alarms import engine, plan
from substation.alarms.engine import Known, Moment, Result, Signal
from substation.alarms.rule import Rule, load
from substation.alarms.state import Alarm, Alarms, Command, Transition
from substation.settings.model import CARD_METERS, Settings

RULES = load()
BY_KEY = {rule.key: rule for rule in RULES}
CARD = Settings(meters=CARD_METERS)
START_MS = 1_795_500_000_000


class Desk:
    """The alarms of a station, and the hand that moves its signals."""

    def __init__(self, settings: Settings = CARD, rules: tuple[Rule, ...] = RULES) -> None:
        self.plan = plan.build(rules, settings)
        self.alarms = Alarms("uid")
        self.now_ms = START_MS
        self.signals: dict[str, dict[str, Signal]] = {}
        self.conditions: dict[str, dict] = {}
        self.noted: list[Transition] = []
        self._asked = 0

    def say(self, signal: str, subject: str, value: float | bool | None, base: float = 100.0) -> None:
        """From now on the signal says this; of relative ones per cent, as 100 is their base."""
        self.signals.setdefault(subject, {})[signal] = Signal(value, self.now_ms, base)

    def hold(self, condition: str, subject: str, value: bool | None) -> None:
        self.conditions.setdefault(subject, {})[condition] = value

    def step(self, passed_s: float = 1.0, *commands: Command, clock_s: float | None = None) -> Result:
        """Let time pass, and look; `clock_s` is by how much the clock moves, where that is something else."""
        self.now_ms += round(1000 * (passed_s if clock_s is None else clock_s))
        moment = Moment(self.now_ms, round(1000 * passed_s))
        result = engine.step(self.alarms, self.plan, Known(self.signals, self.conditions), moment, commands)
        self.alarms = result.alarms
        self.noted += result.transitions
        return result

    def wait(self, seconds: int) -> list[str]:
        """Step each second; return the kinds of what was noted."""
        before = len(self.noted)
        for _ in range(seconds):
            self.step()
        return [one.kind for one in self.noted[before:]]

    def do(self, kind: str, key: str, by: str = "asha", **more: object) -> tuple[bool, str]:
        """Ask for something; return whether it was done, and the words."""
        rule, _, subject = key.partition("@")
        self._asked += 1
        command = Command(f"c{self._asked}", self.now_ms, kind, rule, subject, by, **more)
        self.step(0.0, command)
        answer = self.alarms.answers[-1]
        return answer.done, answer.words

    def one(self, key: str) -> Alarm:
        return self.alarms.alarms[key]

    def shown(self, key: str) -> str:
        found = self.alarms.alarms.get(key)
        return str(found.shown) if found else "Normal"
