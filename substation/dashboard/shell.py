"""What stands around every page: who and where, the state line, the way to the other pages.

A page is listed in `pages` when it exists, and not before: no link here leads nowhere.
"""

import json
from typing import Any

import dash
from dash import dcc, html

from substation.access.users import role_at_least
from substation.dashboard import account_menu, alarm_sound, browser_words, cards, rights, screen, tunnel
from substation.dashboard import format as f
from substation.dashboard.board import LiveMeter
from substation.dashboard.feed import Feed, current
from substation.dashboard.tongue import say
from substation.dashboard.words import FACTS, Parts

TABS = frozenset({"/trends", "/events"})
"""Pages with a tab of their own on a phone, beside Home and Meters: the others stand under More."""


def pages() -> tuple[tuple[str, str, str], ...]:
    """Return the pages beside those of the meters: name, address, sign on the phone's tab bar.

    Whoever may not see a page (`needs` of its registration) finds no link to it; those of
    `account_menu.HERE` stand in the menu behind the user's name.
    """
    return (
        (say("Home"), "/", "home"),
        (say("Trends"), "/trends", "trends"),
        (say("Events"), "/events", "events"),
        (say("Log sheet"), "/log", "log"),
        (say("Reports"), "/reports", "reports"),
        (say("Health"), "/health", "health"),
        (say("Monthly statement"), "/statement", "statement"),
        (say("Wall"), "/wall", "wall"),
        (say("Patterns"), "/patterns", "patterns"),
        (say("Settings"), "/settings", "settings"),
        (say("Users"), "/users", "users"),
        (say("Audit log"), "/audit", "audit"),
        (say("Your login"), "/account", "account"),
    )


def frame() -> html.Div:
    """Return the layout around the page; Dash calls it each time a browser opens one."""
    feed = current()
    board = feed.board()
    parts = screen.group(feed, board, "line") or {}
    made = screen.group(feed, board, "wall") or {}
    site = feed.settings.site
    strip = [simulated_strip()] if feed.settings.simulated else []
    return html.Div(
        [
            html.A(say("Skip to the values"), href="#main", className="ss-skip"),
            *strip,
            *tunnel.note(feed.settings),
            _top(feed),
            state_line(parts, board.at_ms, feed),
            html.Main(dash.page_container, id="main", tabIndex=-1),
            _tabs(feed),
            cards.said("wall", "made", made, "ss-wall-made"),
        ],
        className="ss-page",
        **{
            "data-zone": site.timezone,
            "data-zone-name": _zone_name(board.at_ms, feed),
            "data-live": "/api/live",
            "data-made": made["made"][0],
            "data-every": f"{tunnel.pace_s(feed.settings):g}",
            "data-words": json.dumps(browser_words.browser_words(), ensure_ascii=False),
            "data-looks": json.dumps(f.LOOKS),
            "data-order": json.dumps(f.ORDER),
        },
    )


def simulated_strip() -> html.Div:
    """Return the strip that nobody may overlook, and that is no alarm; it stays in view."""
    return html.Aside(
        [
            html.B("SIMULATED"),
            html.Span(
                [
                    say("Numbers come from the simulator."),
                    html.Span([" ", say("None is from the yard.")], className="ss-wide-only"),
                    html.I([" ", say("Do not operate on them.")]),
                ]
            ),
        ],
        className="ss-sim",
        **{"aria-label": "SIMULATED"},
    )


def _top(feed: Feed) -> html.Header:
    site = feed.settings.site
    name = dcc.Link([site.name, html.B(site.description)], href="/", className="ss-site")
    home, *others = [dcc.Link(text, href=address) for text, address, _ in _bar_links()]
    meters = html.Details(
        [html.Summary(say("Meters")), meter_list(feed)], className="ss-menu", **{"data-section": "/meter/"}
    )
    return html.Header(
        [
            name,
            html.Nav([home, meters, *others], className="ss-nav", **{"aria-label": say("Pages")}),
            html.Div(
                [theme_switch("ss-btn ss-quiet"), *account_menu.menu(_menu_links())], className="ss-tools"
            ),
        ],
        className="ss-top",
    )


def _links() -> list[tuple[str, str, str]]:
    """Return the links for whoever is logged in; a drawing outside a request is a viewer's."""
    user = account_menu.visitor()
    role = user.role if user else "viewer"
    return [link for link in pages() if role_at_least(role, rights.needed_for(link[1]))]


def _bar_links() -> list[tuple[str, str, str]]:
    return [link for link in _links() if link[1] not in account_menu.HERE]


def _menu_links() -> list[tuple[str, str, str]]:
    return [link for link in _links() if link[1] in account_menu.HERE]


def meter_list(feed: Feed) -> html.Ul:
    """Return the way to every meter's page."""
    return html.Ul(
        [
            html.Li(dcc.Link([html.B(str(meter.id)), " ", meter.name], href=f"/meter/{meter.id}"))
            for meter in feed.settings.meters
        ]
    )


def theme_switch(base: str) -> html.Button:
    """Return the switch between day and night; `assets/theme.js` answers it and remembers."""
    return html.Button(
        say("Day / night"), className=base, type="button", disable_n_clicks=True, **{"data-do": "theme"}
    )


def state_line(parts: Parts, at_ms: int, feed: Feed, *, live: bool = True) -> html.Section:
    """Return the state line with the site's clock.

    Args:
        parts: group `line`.
        at_ms: UTC, ms: what the clock shows until the browser takes it over.
        feed: for the site's zone.
        live: false on a pattern, which nothing repaints.
    """
    zone = feed.settings.site.zone
    group = "line" if live else ""
    heading = html.Div(
        [
            html.Span(**cards.shaped(group, "icon", parts, "ss-i"), **{"aria-hidden": "true"}),
            html.Div(
                [
                    cards.said(group, "title", parts, tag=html.Strong),
                    cards.said(group, "detail", parts, tag=html.Small),
                ]
            ),
        ],
        className="ss-headline",
    )
    # read aloud only when the state changes, not each second that it lasts
    spoken = {"role": "status", "aria-live": "polite"} if live else {"hidden": True}
    facts = [
        html.Li(
            [cards.said(group, f"b{place}", parts, tag=html.B), " ", cards.said(group, f"t{place}", parts)],
            **cards.shaped(group, f"f{place}", parts),
        )
        for place in range(FACTS)
    ]
    clock = {"data-clock": "1"} if live else {}
    return html.Section(
        [
            html.Div(cards.said(group, "spoken", parts), className="ss-sr", **spoken),
            heading,
            _alarms(group, parts),
            *([alarm_sound.control(feed)] if live else []),
            *([_back_in()] if live else []),
            html.Ul(facts, className="ss-line-facts"),
            html.Div(
                [
                    cards.said(group, "clock", parts, "ss-clock-doubt", tag=html.B),
                    html.Time(f.time_of_day(at_ms, zone, seconds=True), **clock),
                    html.Span(f.day_and_zone(at_ms, zone), **({"data-day": "1"} if live else {})),
                ],
                className="ss-clock",
            ),
        ],
        **cards.shaped(group, "kind", parts, "ss-line-state"),
        **{"aria-label": say("State of the substation")},
    )


def _alarms(group: str, parts: Parts) -> html.Div:
    """Return how many alarms there are, as a way to them."""
    inside = [
        html.Span(className="ss-i", **{"aria-hidden": "true"}),
        html.Span(
            [
                cards.said(group, "alarms", parts, tag=html.B),
                " ",
                cards.said(group, "urgent", parts, tag=html.Small),
            ]
        ),
    ]
    return html.Div(dcc.Link(inside, href="/events"), **cards.shaped(group, "al", parts, "ss-al"))


def _back_in() -> html.A:
    """Return the way back in; `assets/live.js` shows it when the login has ended."""
    return html.A(say("Log in again"), href="/", className="ss-btn ss-again", **{"data-do": "login"})


def _tabs(feed: Feed) -> html.Nav:
    first: Any = feed.settings.meters[0]
    bar = _bar_links()
    own = [link for link in bar if link[1] in TABS]
    more = [link for link in bar[1:] if link not in own]
    tabs = [
        _tab(say("Home"), "/", "home"),
        _tab(say("Meters"), f"/meter/{first.id}", "meters"),
        *[_tab(name, address, sign) for name, address, sign in own],
        _more(more),
    ]
    return html.Nav(
        tabs, className="ss-tabs", style={"--tabs": str(len(tabs))}, **{"aria-label": say("Pages, phone")}
    )


def _more(links: list[tuple[str, str, str]]) -> html.Details:
    """Return the last tab: the pages that a phone's bar has no room for, and day or night."""
    switch = html.Button(
        [cards.icon("theme"), say("Day / night")],
        type="button",
        disable_n_clicks=True,
        **{"data-do": "theme"},
    )
    ways = [html.Li(dcc.Link([cards.icon(sign), name], href=address)) for name, address, sign in links]
    return html.Details(
        [
            html.Summary([cards.icon("more"), html.Span(say("More"))]),
            html.Ul([*ways, html.Li(switch)]),
        ],
        className="ss-menu ss-more",
        **{"data-sections": " ".join(address for _, address, _ in links)},
    )


def _tab(name: str, address: str, sign: str) -> dcc.Link:
    return dcc.Link([cards.icon(sign), html.Span(name)], href=address)


def _zone_name(at_ms: int, feed: Feed) -> str:
    return f.day_and_zone(at_ms, feed.settings.site.zone).rpartition(", ")[2]


def meter_title(meter: LiveMeter) -> str:
    """Return how a meter is called at the head of its page: its number and its name."""
    return f"{meter.id} {meter.name}"
