"""A change on a line worth a line in the log: said once, not each round."""

from dataclasses import dataclass

BAD = frozenset(("lost", "refused", "line_down", "disabled", "limits", "doubt"))


@dataclass(frozen=True, slots=True)
class Notice:
    """What has changed."""

    kind: str
    """`lost`, `back`, `refused`, `disabled`, `limits`, `answers`, `doubt`, `sure`, `line_down`, `line_up`."""
    words: str
    meter_id: int | None = None

    @property
    def bad(self) -> bool:
        """Whether somebody should look."""
        return self.kind in BAD
