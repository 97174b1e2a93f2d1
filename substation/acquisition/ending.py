"""How a signal ends the poller: it leaves word, and the loop looks between two requests."""


class Ending:
    """Whether somebody has told the poller to end; set by a signal at any time."""

    asked = False
