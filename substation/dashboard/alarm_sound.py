"""The sound of alarms on a page: its menu beside the alarms of the state line. `assets/alarm.js` plays it.

A browser lets a page sound only after somebody has pressed something there, so it is off until turned on in
this browser, and after each reload it waits for a press and says so.
"""

from typing import Any

from dash import html

from substation.dashboard import cards, screen
from substation.dashboard.feed import Feed
from substation.dashboard.tongue import later, say

SENTENCES: tuple[str, ...] = (
    later("Sound off"),
    later("Sound on"),
    later("Sound waits for a press"),
    later("Silenced"),
    later("Silenced until {time}"),
    later("This browser cannot sound."),
    later("Off. Browsers let a page sound only after a press: turn it on here. It holds in this browser."),
    later("On. It sounds for each alarm that nobody has acknowledged, by its priority."),
    later("It cannot sound yet: since the page was loaded nothing was pressed on it. Press anywhere."),
    later("The alarms that ask now are silent here; a new one sounds."),
    later("The alarms are not watched, or the station cannot be reached: that has a sound of its own."),
    later("Turn the sound on"),
    later("Turn the sound off"),
)
"""What the script says by itself."""


def control(feed: Feed) -> html.Details:
    """Return the menu: on, off, silence, tests; with what the script has to know, painted anew."""
    parts = screen.group(feed, feed.board(), "ring") or {}
    ways: list[Any] = [
        _button(say("Turn the sound on"), "switch", ""),
        _button(say("Silence these alarms"), "hush", "0"),
        _button(say("Silence them for 10 min"), "hush", "10"),
        _button(say("Silence them for 30 min"), "hush", "30"),
        _button(say("Test: high priority"), "test", "high"),
        _button(say("Test: medium priority"), "test", "medium"),
        _button(say("Test: low priority"), "test", "low"),
        _button(say("Test: alarms not watched"), "test", "blind"),
    ]
    return html.Details(
        [
            html.Summary(
                [
                    html.Span(className="ss-i", **{"aria-hidden": "true"}),
                    html.Span(say("Sound off"), **{"data-sound-state": "1"}),
                ]
            ),
            html.Ul(
                [
                    html.Li(html.P(say("Needs a script."), **{"data-sound-words": "1"})),
                    *[html.Li(way) for way in ways],
                ]
            ),
            html.Span(hidden=True, **cards.turned("ring", "ring", parts)),
        ],
        className="ss-menu ss-sound",
        **{"data-sound": "off"},
    )


def _button(words: str, what: str, value: str) -> html.Button:
    return html.Button(
        words,
        type="button",
        className="ss-btn",
        disable_n_clicks=True,
        **{"data-sound-do": what, "data-value": value},
    )
