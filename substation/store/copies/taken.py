"""What a copy did, for a person and for `state/backup.json`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from substation.store.copies import report
from substation.store.copies.proving import Proof


@dataclass(slots=True)
class Taken:
    """What a copy did."""

    folder: Path
    uid: str
    at_ms: int
    newest_ms: int = 0
    days: int = 0
    bytes: int = 0
    files: int = 0
    """Written in this run."""
    written: int = 0
    """Bytes of them."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is no fault but should be known."""
    fuller: list[int] = field(default_factory=list)
    """UTC days of which a salvage lost rows that the copies hold."""
    proof: Proof | None = None
    whole_ms: int = 0
    """Since when every file was proved; 0: not all were yet."""

    @property
    def ok(self) -> bool:
        """Whether everything was copied and what was proved was right."""
        return not self.problems and (self.proof is None or self.proof.ok)

    @property
    def words(self) -> str:
        """What came of it, for a person."""
        said = [*self.problems, *(self.proof.problems if self.proof else ()), *self.notes]
        done = f"{self.files} files, {self.written / 1e6:.1f} MB written; {self.days} days are copied"
        return "; ".join(said) if self.problems else "; ".join([done, *said])

    def reported(self, folder: str, *, is_other: bool) -> dict[str, Any]:
        """Return it as `state/backup.json` keeps it."""
        found: dict[str, Any] = {
            "at_ms": self.at_ms,
            "ok": self.ok,
            "words": self.words[: report.MOST_WORDS],
            "folder": folder,
            "uid": self.uid,
            "newest_ms": self.newest_ms,
            "days": self.days,
            "bytes": self.bytes,
            "other_medium": is_other,
            "fuller": self.fuller,
        }
        if self.proof is not None:
            found["proof"] = report.proof_of(self.proof, self.proof.problems, self.whole_ms)
        return found
